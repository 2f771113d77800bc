//! Who somebody was: members that were deleted and identifiers that nobody has any more.

use crate::matching::decide::{Decision, Keys};
use crate::matching::keys::{Probe, Target};
use crate::matching::order::NOT_IN_ORDER;
use crate::member::View;
use crate::member::events::brought_back;
use crate::member::view::address_key;
use crate::store::StoreResult;
use crate::wire::storage::{BodyRecord, FormerHead, HeadRecord, TrashRecord};
use crate::wire::v1::AddressType;

/// A member to read, or what is left of it.
#[derive(Debug)]
pub struct Subject {
    /// Its number; 0 where only an identifier is left.
    pub contact: u64,
    /// Its body.
    pub body: BodyRecord,
    /// Its heads.
    pub heads: Vec<(u64, HeadRecord)>,
    /// The number of the head by which it was found; 0 where by something else.
    pub head: u64,
}

/// What is left of the member that the best key in order had: its data as long as it can be
/// restored, else what is known of the identifier alone.
pub fn former(
    view: &mut View<'_>,
    keys: Keys<'_>,
    decision: &Decision,
    now_seconds: i64,
) -> StoreResult<Option<Subject>> {
    let space = keys.space.number;
    let in_order = |&&position: &&usize| keys.probes[position].rank != NOT_IN_ORDER;
    for &position in decision.tried.iter().filter(in_order) {
        let (probe, head) = (&keys.probes[position], decision.found[position].head);
        let contact = deleted_by(view, space, keys.links, &probe.target)?;
        let Some(TrashRecord { body: Some(body), heads, .. }) =
            kept(view, space, contact, now_seconds)?
        else {
            continue;
        };
        let heads = as_now(view, space, heads)?;
        let found = heads.iter().find(|(id, _)| *id == head).map(|(_, record)| record);
        if through_resource(keys, probe, found) {
            return Ok(Some(Subject { contact, body, heads, head }));
        }
    }
    for &position in decision.tried.iter().filter(in_order) {
        let (probe, head) = (&keys.probes[position], decision.found[position].head);
        let Some(record) = view.head(space, head)?.cloned() else {
            continue;
        };
        if through_resource(keys, probe, Some(&record)) {
            let body = BodyRecord { data: "{}".to_owned(), ..BodyRecord::default() };
            return Ok(Some(Subject { contact: 0, body, heads: vec![(head, record)], head }));
        }
    }
    Ok(None)
}

/// Heads of a deleted member, with what happened to the identifiers since. One without a record of
/// its own was erased with another member; the upkeep may not have come to the copy yet.
fn as_now(
    view: &mut View<'_>,
    space: u32,
    heads: Vec<FormerHead>,
) -> StoreResult<Vec<(u64, HeadRecord)>> {
    let mut records = Vec::with_capacity(heads.len());
    for FormerHead { head_id, head } in heads {
        let Some(record) = head else { continue };
        let Some(current) = view.head(space, head_id)?.cloned() else { continue };
        records.push((head_id, brought_back(record, current)));
    }
    Ok(records)
}

/// The number of the deleted member that a key leads to, or of one that may be; 0 where none.
pub fn deleted_by(
    view: &mut View<'_>,
    space: u32,
    links: &[u32],
    target: &Target,
) -> StoreResult<u64> {
    let address = match target {
        Target::Contact(id) => {
            let mut hops = Vec::new();
            view.follow(space, *id, &mut hops)?;
            return Ok(hops.last().map_or(*id, |(_, to)| *to));
        }
        Target::Dataset(id) => return Ok(*id),
        Target::Address(entry) => view.address(links[*entry]).copied(),
        Target::Head(id) => match view.head(space, *id)?.map(|head| address_key(space, head)) {
            Some(key) => view.address_by_key(&key)?,
            None => None,
        },
        Target::Field(_) | Target::Refused(_) => None,
    };
    Ok(address.map_or(0, |record| record.deleted_dataset_id))
}

/// A deleted member whose time has not passed.
pub fn kept(
    view: &View<'_>,
    space: u32,
    contact: u64,
    now_seconds: i64,
) -> StoreResult<Option<TrashRecord>> {
    let record = view.trash(space, contact)?;
    Ok(record.filter(|record| record.expires_seconds > now_seconds))
}

/// Whether a key may find a head: the resource of the keys narrows e-mails and phones.
fn through_resource(keys: Keys<'_>, probe: &Probe, head: Option<&HeadRecord>) -> bool {
    let Target::Address(entry) = probe.target else {
        return true;
    };
    let is_narrowed = matches!(keys.book.kind(entry), AddressType::Email | AddressType::Msisdn);
    let subscribed =
        |resource_id| head.is_some_and(|head| head.resource_ids.contains(&resource_id));
    !is_narrowed || keys.resource_id.is_none_or(subscribed)
}
