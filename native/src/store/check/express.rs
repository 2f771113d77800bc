//! Express lists and their rows: each segment is of a list, which counts what its segments have.

use std::collections::BTreeMap;

use super::page::{Entry, fetch, walk};
use super::{Problems, Progress, Store, is_given};
use crate::store::records::{decode, unpack_express};
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{ExpressListRecord, ExpressRowList, ExpressSegment};

/// Rows and bytes of lists, by space and number.
type Counts = BTreeMap<(u32, u64), (u64, u64)>;

/// Every list was given its number and has its expiry.
pub fn lists(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::ExpressLists;
    let mut expiring = Vec::new();
    for entry in page {
        let parsed = keys::parse_named(TABLE, &entry.key);
        let Some((space, id)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<ExpressListRecord>(TABLE, &entry.value);
        let Some(list) = problems.accept(TABLE, decoded) else { continue };
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        if std::str::from_utf8(id).is_err() {
            problems.in_space(TABLE, space, "the code of a list is no text");
        }
        if !is_given(list.number, store.header.next_job_id) {
            let problem = format!("list {} is of a job that never was", list.number);
            problems.in_space(TABLE, space, &problem);
        }
        let seconds = u64::try_from(list.expires_seconds).unwrap_or_default();
        let key = keys::owned(|key| keys::expiry(key, seconds, TABLE, &entry.key));
        expiring.push((key, (space, list.number)));
    }
    fetch(store.snapshot, Table::Expiries, expiring, &mut |&(space, number), value| {
        if value.is_none() {
            problems.in_space(TABLE, space, &format!("list {number} has no expiry"));
        }
    })
}

/// Every segment can be read, has rows, and is of the list that it names; lists count their rows.
/// Answers how many segments there are.
pub fn rows(
    store: &Store<'_>,
    problems: &mut Problems,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    const TABLE: Table = Table::ExpressRows;
    let (mut found, mut segments) = (Counts::new(), 0);
    walk(store.snapshot, TABLE, &mut |page| {
        let mut named = Vec::new();
        for entry in page {
            let Some((place, segment)) = check_segment(problems, entry) else { continue };
            let count = found.entry(place).or_default();
            count.0 += u64::from(segment.rows);
            count.1 += u64::from(segment.content_bytes);
            let key = keys::owned(|key| keys::express_list(key, place.0, &segment.list_id));
            named.push((key, place));
        }
        fetch(store.snapshot, Table::ExpressLists, named, &mut |&(space, number), value| {
            let list =
                value.and_then(|it| decode::<ExpressListRecord>(Table::ExpressLists, it).ok());
            if list.is_none_or(|list| list.number != number) {
                let problem = format!("rows of list {number}, which is not there");
                problems.in_space(TABLE, space, &problem);
            }
        })?;
        segments += page.len() as u64;
        progress(TABLE, segments);
        Ok(())
    })?;
    walk(store.snapshot, Table::ExpressLists, &mut |page| {
        for entry in page {
            // What does not parse is noted with the lists.
            let Ok((space, _)) = keys::parse_named(Table::ExpressLists, &entry.key) else {
                continue;
            };
            let list = decode::<ExpressListRecord>(Table::ExpressLists, &entry.value);
            let Ok(ExpressListRecord { number, rows, bytes, .. }) = list else { continue };
            let has = found.get(&(space, number)).copied().unwrap_or_default();
            if has != (rows, bytes) {
                let problem = format!("list {number} counts {rows} rows and has {}", has.0);
                problems.in_space(Table::ExpressLists, space, &problem);
            }
        }
        Ok(())
    })?;
    Ok(segments)
}

/// The list of a segment, and what it says of itself.
fn check_segment(problems: &mut Problems, entry: &Entry) -> Option<((u32, u64), ExpressSegment)> {
    const TABLE: Table = Table::ExpressRows;
    let (space, number, last_row) = problems.accept(TABLE, keys::parse_express_rows(&entry.key))?;
    let segment = problems.accept(TABLE, decode::<ExpressSegment>(TABLE, &entry.value))?;
    let list: ExpressRowList = problems.accept(TABLE, unpack_express(&segment))?;
    let rows = &list.rows;
    let are_in_order = rows.is_sorted_by(|left, right| left.number < right.number)
        && rows.last().is_some_and(|last| last.number <= last_row);
    if rows.len() != segment.rows as usize || !are_in_order {
        let problem = format!("the rows of list {number} up to {last_row} are not as counted");
        problems.in_space(TABLE, space, &problem);
    }
    if !keys::is_group_id(&segment.list_id) {
        problems.in_space(TABLE, space, &format!("a segment of list {number} names none"));
        return None;
    }
    Some(((space, number), segment))
}
