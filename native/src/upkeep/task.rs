//! One slice of a task: an operation like those of callers, which goes a bounded step further and
//! stores the new position in the same commit.

use crate::fault::{Failure, Fault};
use crate::store::{Table, keys};
use crate::wire::storage::TaskRecord;
use crate::wire::storage::task_record::Work;
use crate::write::operation::{Operation, Scene};

use super::{erase, fields};

/// Entries that a slice looks at: with `SLICE_BYTES_MAX` some 10 ms of work, so that callers who
/// share the commit hardly notice.
pub const SLICE_ENTRIES_MAX: usize = 10_000;
/// Bytes of stored values that a slice looks at; it may exceed them by one entry.
pub const SLICE_BYTES_MAX: usize = 2 << 20;

/// How far a slice has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// How much of the task is done now, in the unit of its work.
    pub done: u64,
    /// Whether nothing is left to do.
    pub finished: bool,
}

/// Stores a task; answers its number. The operation that begins it must have logged a change, whose
/// revision is the number. Whoever called wakes the upkeep when the commit is durable.
pub fn begin(scene: &mut Scene<'_, '_>, work: Work, total: u64) -> u64 {
    let task_id = scene.view.revision();
    let record = TaskRecord { space_number: scene.space(), done: 0, total, work: Some(work) };
    set(scene, task_id, Some(&record));
    task_id
}

/// Changes a stored task, or ends it.
pub fn set(scene: &mut Scene<'_, '_>, task_id: u64, record: Option<&TaskRecord>) {
    scene.view.set_record(Table::Tasks, keys::owned(|key| keys::task(key, task_id)), record);
}

/// The next slice of a task.
#[derive(Debug)]
pub struct Slice {
    /// The task.
    pub task_id: u64,
}

impl Operation for Slice {
    fn name(&self) -> &'static str {
        "Upkeep"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let key = keys::owned(|key| keys::task(key, self.task_id));
        // What the same commit has planned before counts: it may have ended the task.
        let Some(mut record) = scene.view.record::<TaskRecord>(Table::Tasks, &key)? else {
            return Ok(Vec::new());
        };
        let progress = match &mut record.work {
            Some(Work::Erase(work)) => erase::slice(scene, work, record.done)?,
            Some(Work::Fields(_)) => fields::slice(scene)?,
            None => return Err(Fault::internal("a task of an unknown kind").into()),
        };
        record.done = progress.done;
        set(scene, self.task_id, (!progress.finished).then_some(&record));
        Ok(Vec::new())
    }
}
