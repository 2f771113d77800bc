//! A decision in the words of the contract.

use crate::matching::decide::{Decision, Keys};
use crate::matching::keys::Target;
use crate::wire::v1::{self, KeyState};

/// What a reader sees of a decision.
pub fn resolution(keys: Keys<'_>, decision: &Decision, explain: bool) -> v1::Resolution {
    let mut resolution = v1::Resolution { contact_id: decision.contact, ..Default::default() };
    for &position in &decision.tried {
        match decision.found[position].state {
            KeyState::Matched => resolution.matched = Some(report(keys, decision, position)),
            KeyState::Agrees | KeyState::Unspecified => {}
            KeyState::Conflict => resolution.conflicts.push(report(keys, decision, position)),
            KeyState::NotFound
            | KeyState::NotInOrder
            | KeyState::Invalid
            | KeyState::Blocked
            | KeyState::PassedOver
            | KeyState::Ambiguous => resolution.unresolved.push(report(keys, decision, position)),
        }
    }
    if explain {
        let all = decision.tried.iter().map(|&position| report(keys, decision, position));
        resolution.explanation = all.collect();
    }
    let redirect = |&(from_contact_id, to_contact_id): &(u64, u64)| v1::Redirect {
        from_contact_id,
        to_contact_id,
    };
    resolution.redirects = decision.redirects.iter().map(redirect).collect();
    resolution
}

/// What became of one key.
fn report(keys: Keys<'_>, decision: &Decision, position: usize) -> v1::KeyReport {
    let probe = &keys.probes[position];
    let found = decision.found[position];
    let mut report = v1::KeyReport {
        kind: probe.kind.into(),
        index: probe.index,
        state: found.state.into(),
        contact_id: found.contact,
        head_id: found.head,
        ..Default::default()
    };
    match &probe.target {
        Target::Address(entry) => report.address = Some(keys.book.canonical(*entry)),
        Target::Refused(fault) => {
            report.reason = fault.reason.into();
            report.message.clone_from(&fault.message);
        }
        Target::Contact(_) | Target::Dataset(_) | Target::Head(_) | Target::Field(_) => {}
    }
    report
}
