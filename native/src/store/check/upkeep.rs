//! Work that goes on after calls.

use super::page::Entry;
use super::{Problems, Store, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::TaskRecord;

/// Every task was begun by a change and is of a kind that is known.
pub fn tasks(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Tasks;
    for entry in page {
        let parsed = keys::parse_task(&entry.key);
        let Some(task_id) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<TaskRecord>(TABLE, &entry.value);
        let Some(task) = problems.accept(TABLE, decoded) else { continue };
        if store.space(problems, TABLE, task.space_number).is_none() {
            continue;
        }
        if !is_given(task_id, store.header.revision + 1) {
            problems.in_space(
                TABLE,
                task.space_number,
                &format!("task {task_id} is of the future"),
            );
        }
        if task.work.is_none() {
            let problem = format!("task {task_id} is of no known kind");
            problems.in_space(TABLE, task.space_number, &problem);
        }
    }
    Ok(())
}
