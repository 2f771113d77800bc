//! Decisions as the change log keeps them: by numbers, so that they hold no address.

use crate::matching::decide::{Decision, Keys};
use crate::matching::keys::Target;
use crate::member::View;
use crate::wire::storage::{DecisionRecord, FollowedRedirect, KeyRecord, WarningRecord};
use crate::wire::v1::Warning;

/// How keys led to a member. Addresses that were attached since they were looked up have their
/// numbers.
pub fn decision_record(view: &View<'_>, keys: Keys<'_>, decision: &Decision) -> DecisionRecord {
    let key = |&position: &usize| key_record(view, keys, decision, position);
    let redirect = |&(from_dataset_id, to_dataset_id): &(u64, u64)| FollowedRedirect {
        from_dataset_id,
        to_dataset_id,
    };
    DecisionRecord {
        keys: decision.tried.iter().map(key).collect(),
        order: keys.manner.order as u32,
        strict: keys.manner.strict,
        redirects: decision.redirects.iter().map(redirect).collect(),
        ..Default::default()
    }
}

fn key_record(view: &View<'_>, keys: Keys<'_>, decision: &Decision, position: usize) -> KeyRecord {
    let probe = &keys.probes[position];
    // A request may be refused before all of its keys are looked up.
    let found = decision.found.get(position).copied().unwrap_or_default();
    let mut record = KeyRecord {
        kind: probe.kind as u32,
        index: probe.index,
        state: found.state as u32,
        dataset_id: found.contact,
        head_id: found.head,
        ..Default::default()
    };
    match &probe.target {
        Target::Address(entry) => {
            record.head_id = view.address(keys.links[*entry]).map_or(0, |known| known.head_id);
        }
        Target::Refused(fault) => record.reason = fault.reason as u32,
        Target::Field(query) => record.path.clone_from(&query.path),
        Target::Contact(_) | Target::Dataset(_) | Target::Head(_) => {}
    }
    record
}

/// A warning as the change log keeps it.
pub fn warning_record(warning: &Warning) -> WarningRecord {
    WarningRecord {
        reason: u32::try_from(warning.reason).unwrap_or_default(),
        message: warning.message.clone(),
        details: warning.details.clone(),
    }
}
