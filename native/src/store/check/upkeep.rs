//! Work that goes on after calls, and what spaces decide.

use super::page::Entry;
use super::{Problems, Store, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{PolicyRecord, TaskRecord};
use crate::wire::v1::SpacePolicy;

/// Every task was begun by a change, or is of the fields of its space, and of a known kind.
#[expect(clippy::unnecessary_wraps, reason = "the form of every check")]
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
        let of_space = keys::TASK_OF_SPACE + u64::from(task.space_number);
        if !is_given(task_id, store.header.revision + 1) && task_id != of_space {
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

/// Every policy is of a space that is known, has a version and can be read.
#[expect(clippy::unnecessary_wraps, reason = "the form of every check")]
pub fn policies(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Policies;
    for entry in page {
        let Some(space) = problems.accept(TABLE, keys::parse_policy(&entry.key)) else { continue };
        let decoded = decode::<PolicyRecord>(TABLE, &entry.value);
        let Some(policy) = problems.accept(TABLE, decoded) else { continue };
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        if policy.version == 0 {
            problems.in_space(TABLE, space, "the policy has no version");
        }
        problems.accept(TABLE, decode::<SpacePolicy>(TABLE, &policy.policy));
    }
    Ok(())
}
