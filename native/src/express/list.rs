//! What happens to a list: it is made, gets rows, is used, cleaned and forgotten.

use std::ops::ControlFlow;

use prost::Message;

use super::plan::ExpressPlan;
use crate::fault::{Failure, Fault};
use crate::member::View;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{ExpressListRecord, ExpressSegment, GroupRecord, JobProgressRecord};
use crate::wire::v1::ErrorReason;
use crate::write::expiry;
use crate::write::operation::{Operation, Scene};

/// How long a list is kept after its last use, as the contract says.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Segments that one commit of cleaning drops: each may have a megabyte.
const DROPPED_PER_COMMIT_MAX: usize = 100;

/// A list that is kept, of those that have not expired.
pub fn find(
    view: &View<'_>,
    (space, id): (u32, &str),
    now_seconds: i64,
) -> Result<ExpressListRecord, Failure> {
    let record = view.record::<ExpressListRecord>(Table::ExpressLists, &key_of(space, id))?;
    let record = record.filter(|record| record.expires_seconds > now_seconds);
    record.ok_or_else(|| unknown(id).into())
}

/// Whether there is a list with a code, be it one whose rows are still being dropped.
pub fn exists(view: &View<'_>, (space, id): (u32, &str)) -> StoreResult<bool> {
    let record = view.record::<ExpressListRecord>(Table::ExpressLists, &key_of(space, id))?;
    Ok(record.is_some())
}

/// Whether a list or a list group has a code; groups that nobody made are those that heads are in.
pub fn is_taken(view: &View<'_>, (space, id): (u32, &str)) -> StoreResult<bool> {
    let group = keys::owned(|key| keys::group(key, space, id));
    if exists(view, (space, id))? || view.is_joined(space, id) {
        return Ok(true);
    }
    if view.record::<GroupRecord>(Table::Groups, &group)?.is_some() {
        return Ok(true);
    }
    let prefix = keys::owned(|key| keys::group_prefix(key, space, id));
    let mut has_heads = false;
    view.snapshot().scan(Table::GroupHeads, &prefix, 1, &mut |key, _| {
        has_heads = key.starts_with(&prefix);
        ControlFlow::Break(())
    })?;
    Ok(has_heads)
}

/// Adds the segment of a batch to a list, which counts as use.
pub fn add_segment(
    view: &mut View<'_>,
    (space, id): (u32, &str),
    (last_row, segment): (u64, &ExpressSegment),
    now_seconds: i64,
) -> Result<(), Failure> {
    let mut record = find(view, (space, id), now_seconds)?;
    record.rows += u64::from(segment.rows);
    record.bytes += u64::from(segment.content_bytes);
    let key = keys::owned(|key| keys::express_rows(key, space, record.number, last_row));
    view.set_record(Table::ExpressRows, key, Some(segment));
    store_used(view, (space, id), record, now_seconds);
    Ok(())
}

/// Stores a list that is used now.
fn store_used(
    view: &mut View<'_>,
    (space, id): (u32, &str),
    mut record: ExpressListRecord,
    now_seconds: i64,
) {
    record.used_seconds = now_seconds;
    expire(view, (space, id), &mut record, now_seconds + KEPT_SECONDS);
    view.set_record(Table::ExpressLists, key_of(space, id), Some(&record));
}

/// Gives a list another term; it is still to be stored.
fn expire(
    view: &mut View<'_>,
    (space, id): (u32, &str),
    record: &mut ExpressListRecord,
    expires_seconds: i64,
) {
    if record.expires_seconds == expires_seconds {
        return;
    }
    let key = key_of(space, id);
    if record.expires_seconds != 0 {
        expiry::forget(view, Table::ExpressLists, &key, record.expires_seconds);
    }
    record.expires_seconds = expires_seconds;
    expiry::remember(view, Table::ExpressLists, &key, expires_seconds);
}

/// Drops rows of a list while there is room for it in the commit, and stores what it has then;
/// whether none are left.
pub fn drop_rows(
    view: &mut View<'_>,
    key: &[u8],
    record: &mut ExpressListRecord,
    room: &mut usize,
) -> StoreResult<bool> {
    let space = keys::parse_named(Table::ExpressLists, key)?.0;
    let prefix = keys::owned(|key| keys::express_rows_of(key, space, record.number));
    let (found, none_left) = expiry::take_keys(view, Table::ExpressRows, &prefix, room)?;
    for key in found {
        // The same commit may have dropped it.
        let Some(counts) = view.record::<SegmentCounts>(Table::ExpressRows, &key)? else {
            continue;
        };
        record.rows = record.rows.saturating_sub(counts.rows.into());
        record.bytes = record.bytes.saturating_sub(counts.content_bytes.into());
        view.set_record::<ExpressSegment>(Table::ExpressRows, key, None);
    }
    view.set_record(Table::ExpressLists, key.to_vec(), Some(record));
    Ok(none_left)
}

/// As much of an `ExpressSegment` as is counted.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct SegmentCounts {
    #[prost(uint32, tag = "3")]
    rows: u32,
    #[prost(uint32, tag = "5")]
    content_bytes: u32,
}

/// Makes the list of an import; one that goes on finds the one that it made.
#[derive(Debug)]
pub struct MakeList {
    id: String,
    record: ExpressListRecord,
}

impl MakeList {
    /// The list of a job.
    pub fn new(job_id: u64, (id, name): (&str, &str), plan: &ExpressPlan) -> Self {
        let record = ExpressListRecord {
            number: job_id,
            name: name.to_owned(),
            columns: plan.names.clone(),
            address_column: plan.address_name.clone(),
            address_type: plan.kind as u32,
            ..Default::default()
        };
        Self { id: id.to_owned(), record }
    }
}

impl Operation for MakeList {
    fn name(&self) -> &'static str {
        "MakeExpressList"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let place = (scene.space(), self.id.as_str());
        let now_seconds = scene.batch.moment.now.as_second();
        let key = keys::owned(|key| keys::job_progress(key, self.record.number));
        let progress = scene.view.record::<JobProgressRecord>(Table::JobProgress, &key)?;
        // A list that went with its rows must not come again without them.
        if progress.is_some_and(|progress| progress.batches > 0) {
            let known = find(scene.view, place, now_seconds)?;
            let is_ours = known.number == self.record.number;
            return if is_ours { Ok(Vec::new()) } else { Err(unknown(&self.id).into()) };
        }
        let known: Option<ExpressListRecord> =
            scene.view.record(Table::ExpressLists, &key_of(place.0, place.1))?;
        if known.is_some_and(|known| known.number == self.record.number) {
            return Ok(Vec::new());
        }
        if is_taken(scene.view, place)? {
            return Err(taken(&self.id).into());
        }
        let record = ExpressListRecord { created_seconds: now_seconds, ..self.record.clone() };
        store_used(scene.view, place, record, now_seconds);
        Ok(Vec::new())
    }
}

/// Notes that a list was read; where it is no more, nothing.
#[derive(Debug)]
pub struct UseList {
    /// Its code.
    pub id: String,
}

impl Operation for UseList {
    fn name(&self) -> &'static str {
        "UseExpressList"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let place = (scene.space(), self.id.as_str());
        let now_seconds = scene.batch.moment.now.as_second();
        let record = find(scene.view, place, now_seconds)?;
        store_used(scene.view, place, record, now_seconds);
        Ok(Vec::new())
    }
}

/// Drops rows of a list bit by bit; answers the encoded record of the list.
#[derive(Debug)]
pub struct CleanList {
    /// Its code.
    pub id: String,
}

impl Operation for CleanList {
    fn name(&self) -> &'static str {
        "CleanExpressList"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let place = (scene.space(), self.id.as_str());
        let mut record = find(scene.view, place, scene.batch.moment.now.as_second())?;
        check_filled(scene, &self.id, &record)?;
        let mut room = DROPPED_PER_COMMIT_MAX;
        drop_rows(scene.view, &key_of(place.0, place.1), &mut record, &mut room)?;
        Ok(record.encode_to_vec())
    }
}

/// Forgets a list: at once for everybody, its rows bit by bit. Answers the encoded record of a
/// list of which something is left.
#[derive(Debug)]
pub struct DeleteList {
    /// Its code.
    pub id: String,
    /// The number of the list whose deletion goes on, so that it may be gone or out of sight; 0
    /// begins.
    pub number: u64,
}

impl Operation for DeleteList {
    fn name(&self) -> &'static str {
        "DeleteExpressList"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let place = (scene.space(), self.id.as_str());
        let now_seconds = scene.batch.moment.now.as_second();
        let key = key_of(place.0, place.1);
        let mut record = if self.number == 0 {
            let record = find(scene.view, place, now_seconds)?;
            check_filled(scene, &self.id, &record)?;
            record
        } else {
            let known = scene.view.record::<ExpressListRecord>(Table::ExpressLists, &key)?;
            match known.filter(|known| known.number == self.number) {
                Some(record) => record,
                None => return Ok(Vec::new()),
            }
        };
        // Nobody sees it any more, and what ends what has expired would go on.
        expire(scene.view, place, &mut record, now_seconds);
        let mut room = DROPPED_PER_COMMIT_MAX;
        if !drop_rows(scene.view, &key, &mut record, &mut room)? {
            return Ok(record.encode_to_vec());
        }
        expiry::forget(scene.view, Table::ExpressLists, &key, record.expires_seconds);
        scene.view.set_record::<ExpressListRecord>(Table::ExpressLists, key, None);
        Ok(Vec::new())
    }
}

/// Refuses a list whose import goes on: it would be filled again.
fn check_filled(
    scene: &Scene<'_, '_>,
    id: &str,
    record: &ExpressListRecord,
) -> Result<(), Failure> {
    let key = keys::owned(|key| keys::job_progress(key, record.number));
    if scene.view.record::<JobProgressRecord>(Table::JobProgress, &key)?.is_none() {
        return Ok(());
    }
    let message = "The import of the list has not ended; cancel it first.";
    let fault = Fault::new(ErrorReason::ExpressListBusy, message);
    Err(fault.with("list_id", id).with("job_id", record.number).into())
}

fn key_of(space: u32, id: &str) -> Vec<u8> {
    keys::owned(|key| keys::express_list(key, space, id))
}

/// The fault of a list that is not there.
pub fn unknown(id: &str) -> Fault {
    Fault::new(ErrorReason::ExpressListUnknown, "The space has no express list with this code.")
        .with("list_id", id)
}

/// The fault of a code that another list or group has.
pub fn taken(id: &str) -> Fault {
    let message = "An express list or a list group has this code; a list and a group share none.";
    Fault::new(ErrorReason::ExpressListExists, message).with("list_id", id)
}
