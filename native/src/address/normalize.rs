//! The one way from any spelling of an identifier to its canonical form.

use crate::address::limits::VALUE_BYTES_MAX;
use crate::address::{Rules, digits, email, faults, opaque, phones, recognize};
use crate::fault::{Fault, Result};
use crate::wire::v1::{AddressType, ErrorReason};

/// Writes the canonical form of `value` into `out`, which is cleared first, and returns its type,
/// recognised where `kind` is unspecified. After a fault `out` is empty.
///
/// A canonical form is its own canonical form. A value that the space blocks is refused as blocked
/// even where it would also be malformed. The fault of a value without a recognisable type lacks
/// the detail "index", which only the caller knows.
pub fn normalize(
    rules: &Rules,
    kind: AddressType,
    value: &str,
    out: &mut String,
) -> Result<AddressType> {
    out.clear();
    let kind = match kind {
        AddressType::Unspecified => recognize::type_of(value).unwrap_or(kind),
        known => known,
    };
    let outcome = append(rules, kind, value, out);
    if is_blocked(rules, kind, value, outcome.is_ok().then_some(out)) {
        out.clear();
        let message = "The value is on the blocked list of the space.";
        return Err(faults::typed(kind, ErrorReason::AddressBlocked, message));
    }
    match outcome {
        Ok(()) => Ok(kind),
        Err(fault) => {
            out.clear();
            Err(fault)
        }
    }
}

fn is_blocked(
    rules: &Rules,
    kind: AddressType,
    value: &str,
    canonical: Option<&mut String>,
) -> bool {
    let canonical = canonical.map(|out| out.as_str());
    rules.blocked.holds(kind, value, canonical)
        || (rules.blocked.zero_phones()
            && phones::is_phone(kind)
            && phones::is_zero(rules.default_region, value, canonical))
}

fn append(rules: &Rules, kind: AddressType, value: &str, out: &mut String) -> Result<()> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(faults::too_long(kind, VALUE_BYTES_MAX, value.len()));
    }
    let value = value.trim();
    if value.is_empty() {
        return Err(faults::empty(kind));
    }
    match kind {
        AddressType::Unspecified => Err(Fault::new(
            ErrorReason::AddressTypeRequired,
            "The value is neither an e-mail nor a phone; say its type.",
        )),
        AddressType::Email if rules.email_substitutes => opaque::append_substitute(value, out),
        AddressType::Email => email::append(rules, value, out),
        AddressType::Msisdn | AddressType::Viber | AddressType::Vknotify => {
            phones::append(rules, kind, value, out)
        }
        AddressType::Csid => opaque::append_csid(value, out),
        AddressType::Push | AddressType::Pushapp | AddressType::Umid => {
            opaque::append_token(kind, value, out)
        }
        AddressType::Vk | AddressType::Max => digits::append(kind, value, out),
        AddressType::Tg => digits::append_signed(kind, value, out),
    }
}
