//! The change log: segments without gaps up to the revision of the header.

use super::page::{Entry, walk};
use super::{Problems, Progress, Store, is_given};
use crate::store::records::{decode, unpack_changes};
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::ChangeSegment;

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
    walk(store.snapshot, TABLE, &mut |page| {
        for entry in page {
            check_segment(store, problems, entry, &mut next_revision);
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
    next_revision: &mut Option<u64>,
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
        // Nobody has the head of an event, and nobody had it before.
        let is_of_member = change.dataset_id != 0;
        if is_of_member && !is_given(change.dataset_id, space.next_dataset_id) {
            let problem = format!("member {} was never given out", change.dataset_id);
            problems.in_space(TABLE, segment.space_number, &problem);
        }
    }
}
