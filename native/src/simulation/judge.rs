//! What would become of one member.

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::findings::Findings;
use super::run::Candidate;
use crate::address;
use crate::fault::{Fault, Result};
use crate::store::keys;
use crate::wire::storage::{AddressRecord, BodyRecord, HeadRecord};
use crate::wire::v1::{AddressType, CanonicalAddress, ErrorReason, FindingKind, PolicyFinding};

/// Who has a value: member and head, or 0 for a field.
type Holder = (u64, u64);

/// Addresses that would change and values of unique fields, by the first half of their SHA-256:
/// two of the largest set that is allowed agree in it by chance less often than memory fails.
#[derive(Debug, Default)]
pub struct Seen {
    holders: FxHashMap<[u8; 16], Holder>,
    max: usize,
}

impl Seen {
    /// Room for so many.
    pub fn new(max: usize) -> Self {
        Self { holders: FxHashMap::default(), max }
    }

    /// Who had a value before, if anybody; nobody has it any more after that.
    fn note(&mut self, parts: &[&[u8]], holder: Holder) -> Result<Option<Holder>> {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let key = *digest.first_chunk().expect("SHA-256 has more bytes");
        if let Some(known) = self.holders.get(&key) {
            return Ok(Some(*known));
        }
        if self.holders.len() == self.max {
            return Err(Fault::limit("simulation.values", self.max, self.max + 1));
        }
        self.holders.insert(key, holder);
        Ok(None)
    }
}

/// A head as it would be.
pub struct Judged {
    head_id: u64,
    kind: AddressType,
    fate: Fate,
}

enum Fate {
    Kept,
    Refused(Fault),
    /// It would have this key and this canonical form.
    Changed(Vec<u8>, String),
}

impl Judged {
    /// Reads a stored head by the candidate.
    pub fn new(candidate: &Candidate<'_>, head_id: u64, head: &HeadRecord) -> Self {
        let kind = i32::try_from(head.r#type).unwrap_or_default();
        let kind = AddressType::try_from(kind).unwrap_or_default();
        let mut canonical = String::new();
        let fate = match address::normalize(candidate.rules(), kind, &head.address, &mut canonical)
        {
            Err(fault) => Fate::Refused(fault),
            Ok(_) if canonical == head.address => Fate::Kept,
            Ok(_) => {
                let bytes = canonical.as_bytes();
                let space = candidate.space.number;
                let key = keys::owned(|key| keys::address(key, space, kind, bytes));
                Fate::Changed(key, canonical)
            }
        };
        Self { head_id, kind, fate }
    }

    /// The key under which the head would be found, where that is another one.
    pub fn changed_key(&self) -> Option<&[u8]> {
        match &self.fate {
            Fate::Changed(key, _) => Some(key),
            _ => None,
        }
    }
}

/// Notes what would become of a member. `owners` has the present addresses of the changed keys.
pub fn member(
    candidate: &Candidate<'_>,
    (contact, body): (u64, &BodyRecord),
    heads: Vec<Judged>,
    owners: &FxHashMap<Vec<u8>, AddressRecord>,
    seen: &mut Seen,
    findings: &mut Findings,
) -> Result<()> {
    let mut types = Vec::with_capacity(heads.len());
    for Judged { head_id, kind, fate } in heads {
        let found = PolicyFinding { contact_id: contact, head_id, ..Default::default() };
        let (key, canonical) = match fate {
            Fate::Kept => {
                types.push(kind as u32);
                continue;
            }
            Fate::Refused(fault) => {
                let blocked = fault.reason == ErrorReason::AddressBlocked;
                let finding = if blocked { FindingKind::Blocked } else { FindingKind::Invalid };
                findings.add(finding, PolicyFinding { reason: Some(fault.into()), ..found });
                continue;
            }
            Fate::Changed(key, canonical) => (key, canonical),
        };
        // The present owner of the address keeps it: what is canonical stays so. Two that change
        // meet only here.
        let present = owners.get(&key).filter(|owner| owner.dataset_id != 0);
        let other = match present {
            Some(owner) => Some((owner.dataset_id, owner.head_id)),
            None => seen.note(&[b"a", &key], (contact, head_id))?,
        };
        let address = Some(CanonicalAddress { r#type: kind.into(), value: canonical });
        let (finding, (other_contact_id, other_head_id)) = match other {
            None => (FindingKind::Spelling, (0, 0)),
            Some((owner, head)) if owner == contact => (FindingKind::Join, (0, head)),
            Some(other) => (FindingKind::Merge, other),
        };
        if finding != FindingKind::Join {
            types.push(kind as u32);
        }
        let found = PolicyFinding { other_contact_id, other_head_id, address, ..found };
        findings.add(finding, found);
    }
    for fault in candidate.limits().crossed(&types) {
        let reason = Some(fault.into());
        let found = PolicyFinding { contact_id: contact, reason, ..Default::default() };
        findings.add(FindingKind::OverLimit, found);
    }
    for (number, field) in (0_u8..).zip(&candidate.unique) {
        for value in field.values(&body.data) {
            let parts = [&b"f"[..], &[number], value.as_bytes()];
            let Some((other, _)) = seen.note(&parts, (contact, 0))? else { continue };
            let message = "Another member has this value of a field that would be unique.";
            let fault = Fault::new(ErrorReason::FieldValueTaken, message)
                .with("field", &field.path)
                .with("contact_id", other);
            findings.add(
                FindingKind::ValueShared,
                PolicyFinding {
                    contact_id: contact,
                    other_contact_id: other,
                    reason: Some(fault.into()),
                    ..Default::default()
                },
            );
        }
    }
    Ok(())
}
