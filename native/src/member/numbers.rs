//! Rows that make no members: an address gets its number, and nothing else happens (seed 002,
//! member.import, `no_member`).

use crate::fault::{Failure, Fault};
use crate::matching::Target;
use crate::matching::decide::Keys;
use crate::member::View;
use crate::member::batch::Origin;
use crate::member::deltas;
use crate::wire::storage::{AddressRecord, ChangeRecord, HeadDelta, HeadRecord};
use crate::wire::v1::OutcomeStatus;
use crate::write::changelog::Changes;

/// Gives the address of a row its number; answers what was done and who has the address.
pub fn number(
    view: &mut View<'_>,
    keys: Keys<'_>,
    now_seconds: i64,
    changes: &mut Changes,
) -> Result<(OutcomeStatus, u64), Failure> {
    let entry = match keys.probes.first().map(|probe| &probe.target) {
        Some(Target::Address(entry)) => *entry,
        Some(Target::Refused(fault)) => return Err((**fault).clone().into()),
        _ => return Err(Fault::internal("a row without members has one address").into()),
    };
    let slot = keys.links[entry];
    if let Some(known) = view.address(slot) {
        return Ok((OutcomeStatus::Unchanged, known.dataset_id));
    }
    let space = keys.space.number;
    let head_id = view.next_head_id(space);
    view.set_address(slot, AddressRecord { head_id, ..Default::default() });
    let record = HeadRecord {
        r#type: keys.book.kind(entry) as u32,
        address: keys.book.text(entry).to_owned(),
        import_seconds: now_seconds,
        ..Default::default()
    };
    view.insert_head(space, head_id, &record);
    let (before, after) = (Some(HeadRecord::default()), Some(deltas::state(&record)));
    changes.push(&ChangeRecord {
        heads: vec![HeadDelta { head_id, before, after }],
        origin: Origin::Import as u32,
        ..Default::default()
    });
    view.next_revision();
    Ok((OutcomeStatus::Updated, 0))
}
