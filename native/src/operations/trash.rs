//! Deleted members: thrown away so that they can be restored, and brought back.

use crate::fault::{Failure, Fault};
use crate::matching::decide::{Keys, Purpose, decide};
use crate::matching::former::kept;
use crate::matching::order::{Manner, NOT_IN_ORDER};
use crate::matching::reasoning::decision_record;
use crate::matching::{Decision, Probe, Target};
use crate::member::batch::{Batch, Step};
use crate::member::merging::{former, set_data};
use crate::member::step;
use crate::member::{View, deltas, moves};
use crate::store::{Table, keys};
use crate::wire::storage::{BodyRecord, ChangeRecord, DecisionRecord, TrashRecord};
use crate::wire::v1::{ErrorReason, KeyKind, Warning};
use crate::write::expiry;
use crate::write::operation::Scene;

/// A member that was brought back.
pub struct Restored {
    /// The version of its body.
    pub version: u64,
    /// The heads it has again.
    pub head_ids: Vec<u64>,
    /// Heads that somebody has by now.
    pub warnings: Vec<Warning>,
}

/// Deletes a living member and keeps what it was.
pub fn throw_away(scene: &mut Scene<'_, '_>, contact: u64) -> Result<(), Failure> {
    let (space, stamp) = (scene.space(), scene.stamp());
    let body = moves::bury(scene.view, &scene.batch.space, contact)?;
    let mut heads = Vec::with_capacity(body.head_ids.len());
    for &head_id in &body.head_ids {
        heads.push(former(scene.view, space, head_id)?);
        moves::set_free(scene.view, space, head_id)?;
        scene.view.delete_head(space, head_id, contact)?;
    }
    scene.log(ChangeRecord {
        dataset_id: contact,
        version: body.version,
        removed_data: body.data.clone(),
        heads: heads.iter().map(deltas::detached).collect(),
        ..Default::default()
    });
    let expires_seconds = stamp.time_seconds + scene.batch.space.retention_seconds;
    let record = TrashRecord { body: Some(body), heads, deleted: Some(stamp), expires_seconds };
    let key = keys::owned(|key| keys::trash(key, space, contact));
    expiry::remember(scene.view, Table::Trash, &key, expires_seconds);
    scene.view.set_trash(space, contact, Some(record));
    Ok(())
}

/// Brings a deleted member back under its number, with the heads that nobody has.
pub fn bring_back(scene: &mut Scene<'_, '_>, contact: u64) -> Result<Restored, Failure> {
    let space = scene.space();
    let now_seconds = scene.batch.moment.now.as_second();
    let Some(TrashRecord { body: Some(body), heads, expires_seconds, .. }) =
        kept(scene.view, space, contact, now_seconds)?
    else {
        return Err(not_restorable(contact).into());
    };
    let data = body.data.clone();
    let bare =
        BodyRecord { data: "{}".to_owned(), head_ids: Vec::new(), head_types: Vec::new(), ..body };
    scene.view.insert_body(space, contact, bare);
    let mut restored = Restored { version: 0, head_ids: Vec::new(), warnings: Vec::new() };
    for former in heads {
        match moves::give_back(scene.view, space, contact, &former)? {
            Ok(()) => restored.head_ids.push(former.head_id),
            Err(owner) => restored.warnings.push(stayed(former.head_id, owner)),
        }
    }
    if restored.head_ids.is_empty() {
        return Err(not_restorable(contact).into());
    }
    set_data(scene.view, &scene.batch.space, contact, "{}", data.clone())?;
    let key = keys::owned(|key| keys::trash(key, space, contact));
    expiry::forget(scene.view, Table::Trash, &key, expires_seconds);
    scene.view.set_trash(space, contact, None);
    scene.warn(&restored.warnings);
    let change = ChangeRecord {
        created_data: data,
        heads: deltas::all_attached(scene.view, space, &restored.head_ids)?,
        ..Default::default()
    };
    restored.version = scene.touch(contact, change)?;
    Ok(restored)
}

/// The deleted member that the external customer id of a step had, and how the keys led there;
/// `None` where there is none, or where a key that ranks higher finds somebody who lives.
pub fn by_external_id(
    view: &mut View<'_>,
    batch: &Batch,
    links: &[u32],
    step: &Step,
) -> Result<Option<(u64, DecisionRecord)>, Failure> {
    let keys = step::keys_of(batch, links, step);
    let external = |probe: &&Probe| probe.kind == KeyKind::ExternalCustomerId;
    let Some(probe) = keys.probes.iter().find(external) else {
        return Ok(None);
    };
    let Target::Address(entry) = probe.target else {
        return Ok(None);
    };
    let address = view.address(links[entry]).copied().unwrap_or_default();
    if address.dataset_id != 0 || address.deleted_dataset_id == 0 || probe.rank == NOT_IN_ORDER {
        return Ok(None);
    }
    let mut decision = Decision::default();
    decide(view, Keys { manner: Manner::default(), ..keys }, Purpose::Read, &mut decision)?;
    let matched = decision.matched.map_or(NOT_IN_ORDER, |position| keys.probes[position].rank);
    let now_seconds = batch.moment.now.as_second();
    let trash = kept(view, keys.space.number, address.deleted_dataset_id, now_seconds)?;
    let restores = matched > probe.rank && trash.is_some();
    Ok(restores.then(|| (address.deleted_dataset_id, decision_record(view, keys, &decision))))
}

/// The fault of a member that cannot be brought back.
fn not_restorable(contact: u64) -> Fault {
    Fault::new(
        ErrorReason::MemberNotRestorable,
        "No such member is kept among the deleted, or all of its identifiers belong to others.",
    )
    .with("contact_id", contact)
}

fn stayed(head_id: u64, owner: u64) -> Warning {
    let message = match owner {
        0 => "An identifier of the deleted member was erased since.",
        _ => "An identifier of the deleted member belongs to another one by now.",
    };
    Fault::new(ErrorReason::HeadStayed, message)
        .with("head_id", head_id)
        .with("owner_contact_id", owner)
        .into()
}
