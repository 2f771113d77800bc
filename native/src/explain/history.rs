//! Past changes, by revision and by request.

use std::ops::{ControlFlow, Range};

use crate::fault::Failure;
use crate::member::View;
use crate::store::{Snapshot, StoreResult, Table, keys, records};
use crate::wire::storage::{ChangeRecord, ChangeSegment, Reasoning};
use crate::write::changelog::erased;
use crate::write::requests;

/// How far back a segment is looked for at first; most hold one change.
const STEP_BACK_FIRST: u64 = 4;

/// A past decision and what it changed.
#[derive(Debug)]
pub struct Past {
    /// Why.
    pub reasoning: Reasoning,
    /// What was changed, each with its revision.
    pub changes: Vec<(u64, ChangeRecord)>,
    /// When, Unix time.
    pub time_seconds: i64,
}

/// The change of one revision, if the space has it.
pub fn by_revision(view: &View<'_>, space: u32, revision: u64) -> StoreResult<Option<Past>> {
    let range = revision..revision.saturating_add(1);
    let Some((time_seconds, changes)) = read(view, space, range)? else {
        return Ok(None);
    };
    let reasoning = changes.first().and_then(|(_, change)| change.reasoning.clone());
    Ok(Some(Past { reasoning: reasoning.unwrap_or_default(), changes, time_seconds }))
}

/// What a request did, if its answer is still kept; a fault where it was erased.
pub fn by_request(
    view: &View<'_>,
    space: u32,
    id: &str,
    now_seconds: i64,
) -> Result<Option<Past>, Failure> {
    let key = keys::owned(|key| keys::request(key, space, id.as_bytes()));
    // A refusal that was kept changed nothing that could be explained.
    let changed = requests::answered(view, (&key, id), now_seconds)?;
    let Some(record) = changed.filter(|record| record.fault.is_empty()) else {
        return Ok(None);
    };
    let end = record.revision + 1;
    let read = read(view, space, end.saturating_sub(record.changes)..end)?;
    Ok(Some(Past {
        reasoning: record.reasoning.unwrap_or_default(),
        changes: read.map(|(_, changes)| changes).unwrap_or_default(),
        time_seconds: record.time_seconds,
    }))
}

/// The changes of some revisions, which one batch made, and when.
#[expect(clippy::type_complexity, reason = "a name for the pair would say less")]
fn read(
    view: &View<'_>,
    space: u32,
    revisions: Range<u64>,
) -> StoreResult<Option<(i64, Vec<(u64, ChangeRecord)>)>> {
    if revisions.is_empty() {
        return Ok(None);
    }
    let Some((first, segment)) = segment(view.snapshot(), revisions.start)? else {
        return Ok(None);
    };
    let end = first + u64::from(segment.count);
    if segment.space_number != space || revisions.start >= end {
        return Ok(None);
    }
    let changes = records::unpack_changes(&segment)?.changes;
    let mut asked: Vec<_> =
        (first..).zip(changes).filter(|(revision, _)| revisions.contains(revision)).collect();
    for (_, change) in &mut asked {
        if is_erased(view, space, change)? {
            *change = erased(change);
        }
    }
    Ok(Some((segment.time_seconds, asked)))
}

/// Whether the member of a change, or the other one of its merge, is erased: the upkeep may not
/// have come to the change yet.
fn is_erased(view: &View<'_>, space: u32, change: &ChangeRecord) -> StoreResult<bool> {
    if view.erasure_of(space, change.dataset_id)? != 0 {
        return Ok(true);
    }
    Ok(change.merge_id != 0 && view.merge(space, change.merge_id)?.is_none())
}

/// The last segment that begins at or before a revision. Snapshots are read forwards only, so that
/// the start is looked for ever further back.
fn segment(snapshot: &dyn Snapshot, revision: u64) -> StoreResult<Option<(u64, ChangeSegment)>> {
    let mut back = STEP_BACK_FIRST;
    loop {
        let start = revision.saturating_sub(back);
        if let Some(found) = last_between(snapshot, start, revision)? {
            return Ok(Some(found));
        }
        if start == 0 {
            return Ok(None);
        }
        back = back.saturating_mul(2);
    }
}

/// The last segment that begins at one of some revisions.
fn last_between(
    snapshot: &dyn Snapshot,
    start: u64,
    end: u64,
) -> StoreResult<Option<(u64, ChangeSegment)>> {
    let mut last = Ok(None);
    let from = keys::owned(|key| keys::change(key, start));
    snapshot.scan(
        Table::Changes,
        &from,
        usize::MAX,
        &mut |key, value| match keys::parse_change(key) {
            Ok(first) if first <= end => {
                last = Ok(Some((first, value.to_vec())));
                ControlFlow::Continue(())
            }
            Ok(_) => ControlFlow::Break(()),
            Err(error) => {
                last = Err(error);
                ControlFlow::Break(())
            }
        },
    )?;
    let Some((first, value)) = last? else {
        return Ok(None);
    };
    Ok(Some((first, records::decode(Table::Changes, &value)?)))
}
