//! The change log: segments without gaps up to the revision of the header.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::page::{Entry, fetch, walk};
use super::{Problems, Progress, Store, is_given};
use crate::store::records::{decode, unpack_changes};
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{ChangeSegment, ErasureRecord, RedirectRecord};

const TABLE: Table = Table::Changes;

/// Checks all segments; answers their number.
pub fn changes(
    store: &Store<'_>,
    problems: &mut Problems,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let mut segments = 0;
    // The first segment may begin anywhere: the start of the log may have been forgotten.
    let mut next_revision = None;
    let mut has_erasures = false;
    store.snapshot.scan(Table::Erasures, &[], 1, &mut |_, _| {
        has_erasures = true;
        ControlFlow::Break(())
    })?;
    walk(store.snapshot, TABLE, &mut |page| {
        let mut members = BTreeSet::new();
        for entry in page {
            check_segment(store, problems, entry, (&mut next_revision, &mut members));
        }
        if has_erasures {
            left_by_erasures(store, problems, (TABLE, "changes"), &members)?;
        }
        segments += page.len() as u64;
        progress(TABLE, segments);
        Ok(())
    })?;
    let last_revision = next_revision.map_or(0, |next| next - 1);
    if last_revision != store.header.revision {
        let revision = store.header.revision;
        problems.note(TABLE, &format!("they end at {last_revision}, the header at {revision}"));
    }
    Ok(segments)
}

fn check_segment(
    store: &Store<'_>,
    problems: &mut Problems,
    entry: &Entry,
    (next_revision, members): (&mut Option<u64>, &mut BTreeSet<(u32, u64)>),
) {
    let Some(first) = problems.accept(TABLE, keys::parse_change(&entry.key)) else { return };
    let decoded = decode::<ChangeSegment>(TABLE, &entry.value);
    let Some(segment) = problems.accept(TABLE, decoded) else { return };
    if first == 0 || next_revision.is_some_and(|expected| expected != first) {
        let problem = format!("revision {first} does not follow the segment before it");
        problems.note(TABLE, &problem);
    }
    *next_revision = Some(first.saturating_add(segment.count.into()).max(1));
    let Some(space) = store.space(problems, TABLE, segment.space_number) else { return };
    let Some(list) = problems.accept(TABLE, unpack_changes(&segment)) else { return };
    if segment.count == 0 || list.changes.len() != segment.count as usize {
        let (count, found) = (segment.count, list.changes.len());
        let problem = format!("revision {first} counts {count} changes and holds {found}");
        problems.note(TABLE, &problem);
    }
    for change in &list.changes {
        // Events and erasures of identifiers that nobody has are of no member.
        if change.dataset_id == 0 {
            continue;
        }
        if !change.erased {
            members.insert((segment.space_number, change.dataset_id));
        }
        if !is_given(change.dataset_id, space.next_dataset_id) {
            let problem = format!("member {} was never given out", change.dataset_id);
            problems.in_space(TABLE, segment.space_number, &problem);
        }
    }
}

/// What a table has of erased members is gone where their erasure is finished; `members` are those
/// of whom something is left.
pub fn left_by_erasures(
    store: &Store<'_>,
    problems: &mut Problems,
    (table, what): (Table, &str),
    members: &BTreeSet<(u32, u64)>,
) -> StoreResult<()> {
    let key = |&(space, member): &(u32, u64)| {
        (keys::owned(|key| keys::redirect(key, space, member)), (space, member))
    };
    let mut erased = Vec::new();
    let wanted = members.iter().map(key).collect();
    fetch(store.snapshot, Table::Redirects, wanted, &mut |&(space, member), value| {
        let record = value.and_then(|value| decode::<RedirectRecord>(Table::Redirects, value).ok());
        if let Some(record) = record.filter(|record| record.erasure_id != 0) {
            let key = keys::owned(|key| keys::erasure(key, space, record.erasure_id));
            erased.push((key, (space, member)));
        }
    })?;
    fetch(store.snapshot, Table::Erasures, erased, &mut |&(space, member), value| {
        let record = value.and_then(|value| decode::<ErasureRecord>(Table::Erasures, value).ok());
        if record.is_some_and(|record| record.finished_seconds != 0) {
            let problem = format!("{what} of member {member} were left by its erasure");
            problems.in_space(table, space, &problem);
        }
    })
}
