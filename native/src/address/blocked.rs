//! Values that a space never matches and never attaches, such as "null" or "test@test.com".

use rustc_hash::FxHashSet;

use crate::address::limits::{BLOCKED_VALUES_MAX, VALUE_BYTES_MAX};
use crate::address::{Rules, normalize};
use crate::fault::{Fault, Result};
use crate::wire::v1::AddressType;

/// Every value of `AddressType`; the place in this list is the number of the type.
const KINDS: [AddressType; 12] = [
    AddressType::Unspecified,
    AddressType::Email,
    AddressType::Msisdn,
    AddressType::Viber,
    AddressType::Csid,
    AddressType::Push,
    AddressType::Vk,
    AddressType::Tg,
    AddressType::Vknotify,
    AddressType::Pushapp,
    AddressType::Max,
    AddressType::Umid,
];

/// One blocked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedValue {
    /// The type of which it is blocked; unspecified blocks it for every type.
    pub kind: AddressType,
    /// The value in any spelling.
    pub value: String,
}

/// The blocked values of a space as its configuration gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockedSettings {
    /// The listed values, at most 10,000.
    pub values: Vec<BlockedValue>,
    /// Whether phone numbers are blocked whose national digits are all zero.
    pub zero_phones: bool,
}

/// The blocked values of a space, ready to compare with.
///
/// A listed value that can be normalised blocks everything with the same canonical form; one that
/// cannot, and every value listed for all types, blocks what is spelled like it: white space at the
/// edges and case do not count. So "null" for all types blocks the csid " NULL " too.
#[derive(Debug, Clone, Default)]
pub struct Blocked {
    kinds: [BlockedKind; KINDS.len()],
    zero_phones: bool,
    email_keeps_case: bool,
}

#[derive(Debug, Clone, Default)]
struct BlockedKind {
    canonical: FxHashSet<Box<str>>,
    spelled: FxHashSet<Box<str>>,
    spelled_bytes_max: usize,
}

impl Blocked {
    /// Checks and normalises the listed values by `rules`, which must not block anything itself.
    pub(super) fn new(settings: &BlockedSettings, rules: &Rules) -> Result<Self> {
        if settings.values.len() > BLOCKED_VALUES_MAX {
            let count = settings.values.len();
            return Err(Fault::limit("blocked.values", BLOCKED_VALUES_MAX, count));
        }
        let mut blocked = Self {
            zero_phones: settings.zero_phones,
            email_keeps_case: rules.email_substitutes,
            ..Self::default()
        };
        for (index, listed) in settings.values.iter().enumerate() {
            check(index, &listed.value)?;
            for kind in KINDS {
                if listed.kind == kind || listed.kind == AddressType::Unspecified {
                    blocked.add(rules, kind, listed);
                }
            }
        }
        Ok(blocked)
    }

    fn add(&mut self, rules: &Rules, kind: AddressType, listed: &BlockedValue) {
        let mut canonical = String::new();
        let found = normalize(rules, kind, &listed.value, &mut canonical);
        let blocked = &mut self.kinds[kind as usize];
        if found == Ok(kind) {
            blocked.canonical.insert(canonical.into_boxed_str());
        }
        if found != Ok(kind) || listed.kind == AddressType::Unspecified {
            let spelled = fold(&listed.value);
            blocked.spelled_bytes_max = blocked.spelled_bytes_max.max(spelled.len());
            blocked.spelled.insert(spelled.into_boxed_str());
        }
    }

    fn keeps_case(&self, kind: AddressType) -> bool {
        use AddressType::{Csid, Email, Push, Pushapp, Umid};
        matches!(kind, Csid | Push | Pushapp | Umid) || (kind == Email && self.email_keeps_case)
    }

    /// Says whether phone numbers are blocked whose national digits are all zero.
    pub(super) fn zero_phones(&self) -> bool {
        self.zero_phones
    }

    /// Says whether a value is blocked; `canonical` is its canonical form where it has one.
    pub(super) fn holds(&self, kind: AddressType, value: &str, canonical: Option<&str>) -> bool {
        let blocked = &self.kinds[kind as usize];
        match canonical {
            // Spellings are compared only where canonical forms keep the case: elsewhere a listed
            // value that equals this one has the same canonical form.
            Some(canonical) => {
                blocked.canonical.contains(canonical)
                    || (self.keeps_case(kind) && blocked.holds_spelling(value))
            }
            None => blocked.holds_spelling(value),
        }
    }
}

impl BlockedKind {
    fn holds_spelling(&self, value: &str) -> bool {
        // Lower-casing makes at most three bytes into one; longer values need no copy.
        let value = value.trim();
        value.len() <= 3 * self.spelled_bytes_max && self.spelled.contains(fold(value).as_str())
    }
}

fn check(index: usize, value: &str) -> Result<()> {
    let field = format!("blocked.values[{index}]");
    if value.trim().is_empty() {
        return Err(Fault::invalid(&field, "is empty"));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(Fault::limit(&field, VALUE_BYTES_MAX, value.len()));
    }
    Ok(())
}

fn fold(value: &str) -> String {
    value.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_place() {
        for (index, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
        let after_the_last = i32::try_from(KINDS.len()).expect("a small number");
        assert!(AddressType::try_from(after_the_last).is_err(), "a new type is not listed");
    }
}
