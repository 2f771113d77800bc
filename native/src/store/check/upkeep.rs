//! Work that goes on after calls, the proofs of erasures, and what spaces decide.

use super::page::{Entry, fetch};
use super::{Problems, Store, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::task_record::Work;
use crate::wire::storage::{ErasureRecord, PolicyRecord, RedirectRecord, TaskRecord};
use crate::wire::v1::SpacePolicy;

/// Every task was begun by a change, or is of the fields of its space, and of a known kind; the
/// erasures of one wait for it.
pub fn tasks(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Tasks;
    let mut erasures = Vec::new();
    for entry in page {
        let parsed = keys::parse_task(&entry.key);
        let Some(task_id) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<TaskRecord>(TABLE, &entry.value);
        let Some(task) = problems.accept(TABLE, decoded) else { continue };
        let space = task.space_number;
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        let of_space = keys::TASK_OF_SPACE + u64::from(space);
        if !is_given(task_id, store.header.revision + 1) && task_id != of_space {
            problems.in_space(TABLE, space, &format!("task {task_id} is of the future"));
        }
        match task.work {
            Some(Work::Erase(work)) => {
                for erasure_id in work.erasure_ids {
                    let key = keys::owned(|key| keys::erasure(key, space, erasure_id));
                    erasures.push((key, (space, task_id, erasure_id)));
                }
            }
            Some(Work::Fields(_)) => {}
            None => problems.in_space(TABLE, space, &format!("task {task_id} is of no known kind")),
        }
    }
    fetch(store.snapshot, Table::Erasures, erasures, &mut |&(space, task_id, id), value| {
        let erasure = value.and_then(|value| decode::<ErasureRecord>(Table::Erasures, value).ok());
        let waits =
            |erasure: &ErasureRecord| erasure.task_id == task_id && erasure.finished_seconds == 0;
        if !erasure.is_some_and(|erasure| waits(&erasure)) {
            let problem = format!("task {task_id} is for erasure {id}, which does not wait for it");
            problems.in_space(TABLE, space, &problem);
        }
    })
}

/// What an erasure says is gone is gone, and one that is not finished has its task.
pub fn erasures(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Erasures;
    let mut gone: [(Table, Vec<_>); 4] =
        [Table::Bodies, Table::Trash, Table::Heads, Table::Merges].map(|table| (table, Vec::new()));
    let (mut numbers, mut waiting) = (Vec::new(), Vec::new());
    for entry in page {
        let parsed = keys::parse_numbered(TABLE, &entry.key);
        let Some((space, id)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<ErasureRecord>(TABLE, &entry.value);
        let Some(erasure) = problems.accept(TABLE, decoded) else { continue };
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        if !is_given(id, store.header.revision + 1) {
            problems.in_space(TABLE, space, &format!("erasure {id} is of the future"));
        }
        let members = &erasure.dataset_ids;
        let unknown = members.iter().any(|&member| !is_given(member, counters.next_dataset_id))
            || erasure.head_ids.iter().any(|&head| !is_given(head, counters.next_head_id));
        if unknown {
            let problem = format!("erasure {id} has numbers that were never given out");
            problems.in_space(TABLE, space, &problem);
        }
        let lists = [members, members, &erasure.head_ids, &erasure.merge_ids];
        for ((_, gone), list) in gone.iter_mut().zip(lists) {
            // The keys of these tables are built alike.
            let key = |number: u64| keys::owned(|key| keys::body(key, space, number));
            gone.extend(list.iter().map(|&number| (key(number), (space, id, number))));
        }
        for &member in members {
            let key = keys::owned(|key| keys::redirect(key, space, member));
            numbers.push((key, (space, id, member)));
        }
        if erasure.finished_seconds == 0 {
            let key = keys::owned(|key| keys::task(key, erasure.task_id));
            waiting.push((key, (space, id)));
        }
    }
    for (table, gone) in gone {
        fetch(store.snapshot, table, gone, &mut |&(space, id, number), value| {
            if value.is_some() {
                let problem = format!("erasure {id} left {number} in {}", table.name());
                problems.in_space(TABLE, space, &problem);
            }
        })?;
    }
    fetch(store.snapshot, Table::Redirects, numbers, &mut |&(space, id, member), value| {
        let record = value.and_then(|value| decode::<RedirectRecord>(Table::Redirects, value).ok());
        if record.is_none_or(|record| record.erasure_id != id) {
            let problem = format!("member {member} does not lead to its erasure {id}");
            problems.in_space(TABLE, space, &problem);
        }
    })?;
    fetch(store.snapshot, Table::Tasks, waiting, &mut |&(space, id), value| {
        if value.is_none() {
            problems.in_space(TABLE, space, &format!("nobody finishes erasure {id}"));
        }
    })
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
