//! What is written beside the members: the indexes of declared fields, requests, imports, expiries.

use std::collections::BTreeSet;

use super::log::left_by_erasures;
use super::page::{Entry, fetch};
use super::{Problems, Store, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{
    BodyRecord, ExpressListRecord, FieldRecord, ImportRecord, JobRecord, RequestRecord, TrashRecord,
};

/// The tables whose entries expire.
const EXPIRING: [Table; 5] =
    [Table::Requests, Table::Imports, Table::Trash, Table::Jobs, Table::ExpressLists];

/// Bytes of SHA-256.
const FINGERPRINT_BYTES: usize = 32;

/// Every index entry is of a living member that has the value. Entries of a field whose index is
/// not complete, or is being removed, are left alone; other fields have none.
pub fn fields(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Fields;
    let mut bodies = Vec::new();
    for entry in page {
        let parsed = keys::parse_field(&entry.key);
        let Some(parts) = problems.accept(TABLE, parsed) else { continue };
        let (space, number) = (parts.space, u32::from(parts.field));
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        if !is_given(number.into(), counters.next_field_number.into()) {
            problems.in_space(TABLE, space, &format!("field {number} was never given out"));
        }
        if !entry.value.is_empty() {
            problems.in_space(TABLE, space, &format!("an entry of field {number} has a value"));
        }
        if let Some(field) = counters.fields.iter().find(|field| field.number == number) {
            let key = keys::owned(|key| keys::body(key, space, parts.dataset_id));
            bodies.push((key, (entry, parts, field)));
            continue;
        }
        let mut builds = counters.builds.iter().filter_map(|build| build.field.as_ref());
        if !builds.any(|field| field.number == number) {
            problems.in_space(TABLE, space, &format!("nobody removes an entry of field {number}"));
        }
    }
    fetch(store.snapshot, Table::Bodies, bodies, &mut |&(entry, parts, field), value| {
        let body = value.and_then(|value| decode::<BodyRecord>(Table::Bodies, value).ok());
        let dataset_id = parts.dataset_id;
        let problem = match body {
            None => format!("field {} has member {dataset_id}, who does not live", parts.field),
            Some(body) if has_value(store, entry, parts, &body, field) => return,
            Some(_) => format!("field {} has a value that member {dataset_id} lacks", parts.field),
        };
        problems.in_space(TABLE, parts.space, &problem);
    })
}

/// Every answer that is kept has its expiry, and none is of a member whose erasure is finished.
pub fn requests(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    let mut members = BTreeSet::new();
    for entry in page {
        // What does not parse is noted with the expiries.
        let Ok((space, _)) = keys::parse_named(Table::Requests, &entry.key) else { continue };
        let decoded = decode::<RequestRecord>(Table::Requests, &entry.value);
        let concerned = decoded.map(|record| record.dataset_ids).unwrap_or_default();
        members.extend(concerned.into_iter().map(|member| (space, member)));
    }
    left_by_erasures(store, problems, (Table::Requests, "answers"), &members)?;
    expiring(store, problems, page, Table::Requests)
}

/// Every import that is kept has its expiry.
pub fn imports(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    expiring(store, problems, page, Table::Imports)
}

/// Every deleted member that is kept has its expiry.
pub fn trash(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    expiring(store, problems, page, Table::Trash)
}

/// Every expiry is of an entry that expires then.
pub fn expiries(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Expiries;
    for table in EXPIRING {
        let mut targets = Vec::new();
        for entry in page {
            // What does not parse is noted once, in the first of the two rounds.
            let Ok(parts) = keys::parse_expiry(&entry.key) else { continue };
            if parts.table == table {
                targets.push((parts.key.to_vec(), parts.time_seconds));
            }
        }
        fetch(store.snapshot, table, targets, &mut |&time_seconds, value| {
            let expires = value.and_then(|value| expires_seconds(table, value).ok());
            let problem = match expires {
                None => "is of an entry that is not there",
                Some(expires) if u64::try_from(expires) == Ok(time_seconds) => return,
                Some(_) => "is of an entry that expires at another time",
            };
            let problem = format!("an expiry at {time_seconds} for {} {problem}", table.name());
            problems.note(TABLE, &problem);
        })?;
    }
    for entry in page {
        let Some(parts) = problems.accept(TABLE, keys::parse_expiry(&entry.key)) else { continue };
        if !EXPIRING.contains(&parts.table) {
            problems.note(TABLE, &format!("entries of {} do not expire", parts.table.name()));
        }
        if !entry.value.is_empty() {
            problems.note(TABLE, &format!("an expiry at {} has a value", parts.time_seconds));
        }
    }
    Ok(())
}

/// Whether the data of a member give an index entry.
fn has_value(
    store: &Store<'_>,
    entry: &Entry,
    parts: keys::FieldKey<'_>,
    body: &BodyRecord,
    field: &FieldRecord,
) -> bool {
    (store.rules.field_values)(body, field).iter().any(|value| {
        let key = |key: &mut Vec<u8>| {
            keys::field(key, parts.space, parts.field, value, parts.dataset_id);
        };
        keys::owned(key) == entry.key
    })
}

fn expiring(
    store: &Store<'_>,
    problems: &mut Problems,
    page: &[Entry],
    table: Table,
) -> StoreResult<()> {
    let mut wanted = Vec::new();
    for entry in page {
        let parsed = match table {
            Table::Trash => keys::parse_numbered(table, &entry.key).map(|(space, _)| space),
            _ => keys::parse_named(table, &entry.key).map(|(space, _)| space),
        };
        let Some(space) = problems.accept(table, parsed) else { continue };
        if store.space(problems, table, space).is_none() {
            continue;
        }
        let expires = expires_seconds(table, &entry.value);
        let Some(expires) = problems.accept(table, expires) else { continue };
        match u64::try_from(expires) {
            Ok(seconds) => {
                let key = keys::owned(|key| keys::expiry(key, seconds, table, &entry.key));
                wanted.push((key, (space, seconds)));
            }
            Err(_) => problems.in_space(table, space, "an entry expires before 1970"),
        }
    }
    fetch(store.snapshot, Table::Expiries, wanted, &mut |&(space, seconds), value| {
        if value.is_none() {
            let problem = format!("an entry that expires at {seconds} has no expiry");
            problems.in_space(table, space, &problem);
        }
    })
}

/// When an entry expires.
fn expires_seconds(table: Table, value: &[u8]) -> StoreResult<i64> {
    if table == Table::Imports {
        return Ok(decode::<ImportRecord>(table, value)?.expires_seconds);
    }
    if table == Table::Jobs {
        return Ok(decode::<JobRecord>(table, value)?.expires_seconds);
    }
    if table == Table::ExpressLists {
        return Ok(decode::<ExpressListRecord>(table, value)?.expires_seconds);
    }
    if table == Table::Trash {
        return Ok(decode::<TrashRecord>(table, value)?.expires_seconds);
    }
    let record = decode::<RequestRecord>(table, value)?;
    let fingerprint_bytes = if record.erased { 0 } else { FINGERPRINT_BYTES };
    if record.fingerprint.len() != fingerprint_bytes {
        let problem =
            format!("the fingerprint of a request has {} bytes", record.fingerprint.len());
        return Err(crate::store::StoreError::Corrupt { table: table.name(), problem });
    }
    Ok(record.expires_seconds)
}
