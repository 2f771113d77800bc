//! Addresses, heads, bodies and redirects: each of the first three points at the next and back.

use std::collections::BTreeSet;

use super::page::{Entry, fetch};
use super::{Problems, Store, groups, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{
    AddressRecord, BodyRecord, ErasureRecord, HeadRecord, RedirectRecord, SpaceRecord,
};
use crate::wire::v1::AddressType;

/// A head of a member.
struct Link {
    space: u32,
    head_id: u64,
    dataset_id: u64,
}

/// Every address has a head that has this address, and nobody or a body that lists the head.
pub fn addresses(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Addresses;
    let (mut heads, mut bodies) = (Vec::new(), Vec::new());
    for entry in page {
        let parsed = keys::parse_address(&entry.key).map(|parts| parts.space);
        let Some(space) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<AddressRecord>(TABLE, &entry.value);
        let Some(AddressRecord { head_id, dataset_id, .. }) = problems.accept(TABLE, decoded)
        else {
            continue;
        };
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        check_head_number(TABLE, space, head_id, counters, problems);
        heads.push((keys::owned(|key| keys::head(key, space, head_id)), (space, head_id, entry)));
        if dataset_id != 0 {
            check_dataset_number(TABLE, space, dataset_id, counters, problems);
            let key = keys::owned(|key| keys::body(key, space, dataset_id));
            bodies.push((key, Link { space, head_id, dataset_id }));
        }
    }
    fetch(store.snapshot, Table::Heads, heads, &mut |&(space, head_id, entry), value| {
        let head = value.map(|value| decode::<HeadRecord>(Table::Heads, value));
        match head {
            None => problems.in_space(TABLE, space, &format!("head {head_id} has no record")),
            Some(Ok(head)) if address_key(space, &head).as_ref() == Some(&entry.key) => {}
            Some(_) => {
                let problem = format!("the record of head {head_id} has another address");
                problems.in_space(TABLE, space, &problem);
            }
        }
    })?;
    fetch(store.snapshot, Table::Bodies, bodies, &mut |link: &Link, value| {
        let Link { space, head_id, dataset_id } = *link;
        let body = value.map(|value| decode::<BodyRecord>(Table::Bodies, value));
        let problem = match body {
            None => format!("head {head_id} belongs to member {dataset_id}, who does not live"),
            Some(Ok(body)) if body.head_ids.contains(&head_id) => return,
            Some(_) => format!("member {dataset_id} does not list its head {head_id}"),
        };
        problems.in_space(TABLE, space, &problem);
    })
}

/// Every head has its address entry, and is in the index of its list groups.
pub fn heads(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Heads;
    let (mut addresses, mut wanted) = (Vec::new(), Vec::new());
    for entry in page {
        let parsed = keys::parse_numbered(TABLE, &entry.key);
        let Some((space, head_id)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<HeadRecord>(TABLE, &entry.value);
        let Some(head) = problems.accept(TABLE, decoded) else { continue };
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        check_head_number(TABLE, space, head_id, counters, problems);
        for group in head.groups.keys().filter(|_| counters.has_group_heads) {
            if !keys::is_group_id(group) {
                let problem = format!("head {head_id} is in a group that cannot be");
                problems.in_space(TABLE, space, &problem);
                continue;
            }
            let key = keys::owned(|key| keys::group_head(key, space, group, head_id));
            wanted.push((key, (space, head_id)));
        }
        match address_key(space, &head) {
            Some(key) => addresses.push((key, (space, head_id))),
            None => problems.in_space(TABLE, space, &format!("head {head_id} has no type")),
        }
    }
    groups::indexed(store, problems, wanted)?;
    fetch(store.snapshot, Table::Addresses, addresses, &mut |&(space, head_id), value| {
        let problem = match value.map(|value| decode::<AddressRecord>(Table::Addresses, value)) {
            None => format!("the address of head {head_id} has no entry"),
            Some(Ok(record)) if record.head_id == head_id => return,
            Some(_) => format!("the address of head {head_id} is another head"),
        };
        problems.in_space(TABLE, space, &problem);
    })
}

/// Every body has heads whose addresses belong to it, canonical data, and its index entries.
pub fn bodies(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Bodies;
    let (mut heads, mut fields) = (Vec::new(), Vec::new());
    for entry in page {
        let parsed = keys::parse_numbered(TABLE, &entry.key);
        let Some((space, dataset_id)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<BodyRecord>(TABLE, &entry.value);
        let Some(body) = problems.accept(TABLE, decoded) else { continue };
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        check_dataset_number(TABLE, space, dataset_id, counters, problems);
        check_body(store, space, dataset_id, &body, problems);
        for &head_id in &body.head_ids {
            let key = keys::owned(|key| keys::head(key, space, head_id));
            heads.push((key, Link { space, head_id, dataset_id }));
        }
        for field in &counters.fields {
            let Ok(number) = u16::try_from(field.number) else { continue };
            for value in (store.rules.field_values)(&body, field) {
                let key = keys::owned(|key| keys::field(key, space, number, &value, dataset_id));
                fields.push((key, (space, number, dataset_id)));
            }
        }
    }
    check_links(store, heads, problems)?;
    fetch(store.snapshot, Table::Fields, fields, &mut |&(space, number, dataset_id), value| {
        if value.is_none() {
            let problem = format!("a value of member {dataset_id} is not in field {number}");
            problems.in_space(TABLE, space, &problem);
        }
    })
}

/// Every redirect is of a number that is no living member's, and leads out in the end, or nowhere
/// because of an erasure that has the number.
pub fn redirects(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Redirects;
    let (mut merged, mut erased) = (Vec::new(), Vec::new());
    for entry in page {
        let parsed = keys::parse_numbered(TABLE, &entry.key);
        let Some((space, from)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<RedirectRecord>(TABLE, &entry.value);
        let Some(redirect) = problems.accept(TABLE, decoded) else { continue };
        let RedirectRecord { to_dataset_id, erasure_id } = redirect;
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        check_dataset_number(TABLE, space, from, counters, problems);
        merged.push((keys::owned(|key| keys::body(key, space, from)), (space, from)));
        if erasure_id != 0 {
            let key = keys::owned(|key| keys::erasure(key, space, erasure_id));
            erased.push((key, (space, from, to_dataset_id)));
            continue;
        }
        check_dataset_number(TABLE, space, to_dataset_id, counters, problems);
        if is_circle(store, space, from, to_dataset_id)? {
            problems.in_space(TABLE, space, &format!("member {from} leads back to itself"));
        }
    }
    fetch(store.snapshot, Table::Erasures, erased, &mut |&(space, from, to), value| {
        let erasure = value.and_then(|value| decode::<ErasureRecord>(Table::Erasures, value).ok());
        if !erasure.is_some_and(|erasure| erasure.dataset_ids.contains(&from)) || to != 0 {
            let problem = format!("member {from} is erased, but no erasure says so");
            problems.in_space(TABLE, space, &problem);
        }
    })?;
    fetch(store.snapshot, Table::Bodies, merged, &mut |&(space, from), value| {
        if value.is_some() {
            problems.in_space(
                TABLE,
                space,
                &format!("member {from} is merged or erased but lives"),
            );
        }
    })
}

fn check_body(
    store: &Store<'_>,
    space: u32,
    dataset_id: u64,
    body: &BodyRecord,
    problems: &mut Problems,
) {
    let unique: BTreeSet<_> = body.head_ids.iter().collect();
    let findings = [
        (body.head_ids.is_empty(), "has no head"),
        (unique.len() != body.head_ids.len(), "lists a head twice"),
        (body.version == 0, "has no version"),
        (!(store.rules.data_is_canonical)(&body.data), "has data that are no canonical object"),
    ];
    for (_, finding) in findings.iter().filter(|(found, _)| *found) {
        problems.in_space(Table::Bodies, space, &format!("member {dataset_id} {finding}"));
    }
}

/// From the heads that bodies list over their addresses back to the bodies.
fn check_links(
    store: &Store<'_>,
    heads: Vec<(Vec<u8>, Link)>,
    problems: &mut Problems,
) -> StoreResult<()> {
    let mut addresses = Vec::new();
    fetch(store.snapshot, Table::Heads, heads, &mut |link: &Link, value| {
        let Link { space, head_id, dataset_id } = *link;
        let head = value.and_then(|value| decode::<HeadRecord>(Table::Heads, value).ok());
        if let Some(key) = head.and_then(|head| address_key(space, &head)) {
            addresses.push((key, Link { ..*link }));
        } else {
            let problem = format!("member {dataset_id} lists head {head_id} without a record");
            problems.in_space(Table::Bodies, space, &problem);
        }
    })?;
    fetch(store.snapshot, Table::Addresses, addresses, &mut |link: &Link, value| {
        let Link { space, head_id, dataset_id } = *link;
        let address = value.map(|value| decode::<AddressRecord>(Table::Addresses, value));
        let belongs =
            |record: &AddressRecord| record.head_id == head_id && record.dataset_id == dataset_id;
        if !address.is_some_and(|record| record.as_ref().is_ok_and(belongs)) {
            let problem = format!("head {head_id} of member {dataset_id} does not belong to it");
            problems.in_space(Table::Bodies, space, &problem);
        }
    })
}

/// Whether following redirects from `from` comes back to it. A circle that does not contain `from`
/// is found from one of its own numbers; `seen` ends the walk there.
fn is_circle(store: &Store<'_>, space: u32, from: u64, to: u64) -> StoreResult<bool> {
    let mut seen = BTreeSet::new();
    let mut current = Some(to);
    while let Some(number) = current {
        if number == from {
            return Ok(true);
        }
        if !seen.insert(number) {
            return Ok(false);
        }
        let key = keys::owned(|key| keys::redirect(key, space, number));
        store.snapshot.get_many(Table::Redirects, &[&key], &mut |_, value| {
            let next = value.map(|value| decode::<RedirectRecord>(Table::Redirects, value));
            current = next.and_then(Result::ok).map(|record| record.to_dataset_id);
        })?;
    }
    Ok(false)
}

/// The key under which a head must be found.
fn address_key(space: u32, head: &HeadRecord) -> Option<Vec<u8>> {
    let kind = i32::try_from(head.r#type).ok().and_then(|kind| AddressType::try_from(kind).ok())?;
    (kind != AddressType::Unspecified)
        .then(|| keys::owned(|key| keys::address(key, space, kind, head.address.as_bytes())))
}

fn check_head_number(
    table: Table,
    space: u32,
    head_id: u64,
    counters: &SpaceRecord,
    problems: &mut Problems,
) {
    if !is_given(head_id, counters.next_head_id) {
        problems.in_space(table, space, &format!("head {head_id} was never given out"));
    }
}

fn check_dataset_number(
    table: Table,
    space: u32,
    dataset_id: u64,
    counters: &SpaceRecord,
    problems: &mut Problems,
) {
    if !is_given(dataset_id, counters.next_dataset_id) {
        problems.in_space(table, space, &format!("member {dataset_id} was never given out"));
    }
}
