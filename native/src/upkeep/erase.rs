//! Removes what erased members have left in histories: stored answers, changes, and copies of their
//! identifiers in merges and deletions of others.
//!
//! Erasures that come while others are gone through wait for a task together, so that many cost
//! two passes through the changes, not one each.

use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::fields;
use super::task::{self, Progress, SLICE_BYTES_MAX, SLICE_ENTRIES_MAX};
use crate::express;
use crate::fault::Failure;
use crate::member::View;
use crate::operations::erase_member::remove_unowned_head;
use crate::store::{StoreError, StoreResult, Table, keys, records};
use crate::wire::storage::task_record::Work;
use crate::wire::storage::{
    ChangeRecord, ChangeSegment, EraseTask, ErasureRecord, FormerHead, HeadDelta, HeadRecord,
    RejectRecord, RejectSegment, RequestRecord, TaskRecord,
};
use crate::write::changelog::erased;
use crate::write::operation::Scene;
use crate::write::requests;

/// Erasures of one task: their numbers are read for each slice.
const ERASURES_MAX: usize = 1_000;

/// The tables in the order in which they are gone through, by `EraseTask::stage`. Changes come
/// before those that only have copies of identifiers, because they tell of further identifiers;
/// answers that name these are looked for at the end. Behind the last one, a task waits until the
/// indexes of former fields are gone, which nobody maintains.
const STAGES: [Table; 7] = [
    Table::Requests,
    Table::Changes,
    Table::Merges,
    Table::Trash,
    Table::Requests,
    Table::Rejects,
    Table::ExpressRows,
];
/// The stage that is left out where no further identifiers were found.
const REQUESTS_AGAIN: u32 = 4;

/// One entry of a table.
type Entry = (Vec<u8>, Vec<u8>);

/// Gives an erasure that was just logged to the task that waits, or to a new one; answers the task.
pub fn enlist(scene: &mut Scene<'_, '_>, erasure_id: u64, addresses: Vec<u64>) -> StoreResult<u64> {
    let space = scene.space();
    let tasks = scene.view.all_records::<TaskRecord>(Table::Tasks, &[])?;
    for (key, mut record) in tasks {
        let Some(Work::Erase(work)) = &mut record.work else { continue };
        let room = work.erasure_ids.len() < ERASURES_MAX;
        if record.space_number == space && has_not_begun(work) && room {
            work.erasure_ids.push(erasure_id);
            work.addresses.extend(addresses);
            work.through_revision = erasure_id;
            record.total = erasure_id;
            let task_id = keys::parse_task(&key)?;
            task::set(scene, task_id, Some(&record));
            return Ok(task_id);
        }
    }
    let work = EraseTask {
        erasure_ids: vec![erasure_id],
        through_revision: erasure_id,
        addresses,
        ..Default::default()
    };
    Ok(task::begin(scene, Work::Erase(work), erasure_id))
}

/// Whether further erasures may join a task.
fn has_not_begun(task: &EraseTask) -> bool {
    task.stage == 0 && task.next_key.is_empty()
}

/// Goes through some more entries.
pub fn slice(
    scene: &mut Scene<'_, '_>,
    task: &mut EraseTask,
    done: u64,
) -> Result<Progress, Failure> {
    // An erasure joined in the same commit: answers that the commit has kept before it are not in
    // the snapshot, and these pages would not be looked at again. The next commit begins. It cannot
    // go on for ever, because a full task is joined by nobody.
    if has_not_begun(task) && task.through_revision > scene.view.stored_revision() {
        return Ok(Progress { done, finished: false });
    }
    if stage(task).is_none() && fields::is_dropping_any(scene)? {
        return Ok(Progress { done, finished: false });
    }
    let mut remains = Remains::load(scene, task)?;
    let done = go_on(scene, task, &mut remains, done)?;
    let finished = stage(task).is_none() && !fields::is_dropping_any(scene)?;
    remains.store(scene, finished);
    Ok(Progress { done, finished })
}

/// Goes through some more entries of a table; answers how much is done.
fn go_on(
    scene: &mut Scene<'_, '_>,
    task: &mut EraseTask,
    remains: &mut Remains,
    mut done: u64,
) -> StoreResult<u64> {
    let Some(table) = stage(task) else { return Ok(done) };
    let entries = page(scene, table, task)?;
    for (key, value) in &entries.taken {
        match table {
            Table::Requests => remains.request(scene, key, value)?,
            Table::Changes => {
                remains.segment(scene, key, value)?;
                done = done.max(keys::parse_change(key)?);
            }
            Table::Merges => remains.merge(scene, key, value)?,
            Table::Rejects => remains.rejects(scene, key, value)?,
            Table::ExpressRows => {
                let is_erased = |address| remains.addresses.contains(&address);
                express::forget_addresses(scene.view, (key, value), &is_erased)?;
            }
            _ => remains.trash(scene, key, value)?,
        }
    }
    task.found_heads |= remains.found_heads;
    task.addresses.append(&mut remains.found_addresses);
    task.next_key = entries.next.unwrap_or_default().into();
    if task.next_key.is_empty() {
        next_stage(task, scene.view.revision());
    }
    Ok(if task.stage > 1 { task.through_revision } else { done })
}

/// Begins the next table.
fn next_stage(task: &mut EraseTask, revision: u64) {
    // Changes that were gone through may be of others and have what was found only behind them;
    // what was found may have changed after the erasures.
    if stage(task) == Some(Table::Changes) && task.found_heads {
        task.found_heads = false;
        task.requests_again = true;
        task.through_revision = revision;
        return;
    }
    task.stage += 1;
    if task.stage == REQUESTS_AGAIN && !task.requests_again {
        task.stage += 1;
    }
}

/// The table that is gone through; none behind the last one.
fn stage(task: &EraseTask) -> Option<Table> {
    STAGES.get(task.stage as usize).copied()
}

/// Some entries of a table, and the key to go on from; none at the end.
#[derive(Default)]
struct Page {
    taken: Vec<Entry>,
    next: Option<Vec<u8>>,
}

fn page(scene: &Scene<'_, '_>, table: Table, task: &EraseTask) -> StoreResult<Page> {
    let prefix = match table {
        // Its keys have no space.
        Table::Changes => Vec::new(),
        _ => keys::owned(|key| keys::space_prefix(key, scene.space())),
    };
    let end = keys::owned(|key| keys::change(key, task.through_revision.saturating_add(1)));
    let from = if task.next_key.is_empty() { prefix.as_slice() } else { &task.next_key };
    let (mut page, mut bytes) = (Page::default(), 0);
    scene.view.snapshot().scan(table, from, usize::MAX, &mut |key, value| {
        if !key.starts_with(&prefix) || (table == Table::Changes && key >= end.as_slice()) {
            return ControlFlow::Break(());
        }
        if bytes > SLICE_BYTES_MAX || page.taken.len() == SLICE_ENTRIES_MAX {
            page.next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        bytes += value.len();
        page.taken.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(page)
}

/// What is to be removed, and what was.
struct Remains {
    erasures: Vec<(u64, ErasureRecord)>,
    /// The positions of those that were changed.
    touched: FxHashSet<usize>,
    /// The erasure of a member, of a merge and of an identifier, by position.
    members: FxHashMap<u64, usize>,
    merges: FxHashMap<u64, usize>,
    heads: FxHashMap<u64, usize>,
    found_heads: bool,
    /// Hashes of the addresses that are erased, and of those that were found in this slice.
    addresses: FxHashSet<u64>,
    found_addresses: Vec<u64>,
}

impl Remains {
    fn load(scene: &Scene<'_, '_>, task: &EraseTask) -> StoreResult<Self> {
        let mut remains = Self {
            erasures: Vec::with_capacity(task.erasure_ids.len()),
            touched: FxHashSet::default(),
            members: FxHashMap::default(),
            merges: FxHashMap::default(),
            heads: FxHashMap::default(),
            found_heads: false,
            addresses: task.addresses.iter().copied().collect(),
            found_addresses: Vec::new(),
        };
        for (position, &erasure_id) in task.erasure_ids.iter().enumerate() {
            let key = keys::owned(|key| keys::erasure(key, scene.space(), erasure_id));
            let record: ErasureRecord = scene
                .view
                .record(Table::Erasures, &key)?
                .ok_or_else(|| corrupt(Table::Erasures, "the erasure of a task is gone"))?;
            let at = |id: &u64| (*id, position);
            remains.members.extend(record.dataset_ids.iter().map(at));
            remains.merges.extend(record.merge_ids.iter().map(at));
            remains.heads.extend(record.head_ids.iter().map(at));
            remains.erasures.push((erasure_id, record));
        }
        Ok(remains)
    }

    fn store(self, scene: &mut Scene<'_, '_>, finished: bool) {
        let (space, now_seconds) = (scene.space(), scene.batch.moment.now.as_second());
        for (position, (erasure_id, mut record)) in self.erasures.into_iter().enumerate() {
            if finished {
                record.finished_seconds = now_seconds;
            } else if !self.touched.contains(&position) {
                continue;
            }
            let key = keys::owned(|key| keys::erasure(key, space, erasure_id));
            scene.view.set_record(Table::Erasures, key, Some(&record));
        }
    }

    /// An erasure, to be changed.
    fn erasure(&mut self, position: usize) -> &mut ErasureRecord {
        self.touched.insert(position);
        &mut self.erasures[position].1
    }

    /// Removes an answer that concerns an erased member or names an erased identifier, which may
    /// have been another member's then.
    fn request(&mut self, scene: &mut Scene<'_, '_>, key: &[u8], value: &[u8]) -> StoreResult<()> {
        let stored: RequestRecord = records::decode(Table::Requests, value)?;
        let of_member = stored.dataset_ids.iter().find_map(|id| self.members.get(id));
        let of_head = || stored.head_ids.iter().find_map(|id| self.heads.get(id));
        let Some(&position) = of_member.or_else(of_head) else { return Ok(()) };
        // The same commit may have forgotten it.
        let Some(record) = scene.view.request(key)? else { return Ok(()) };
        let now_seconds = scene.batch.moment.now.as_second();
        requests::erase(scene.view, key, record.expires_seconds, now_seconds)?;
        self.erasure(position).requests += 1;
        Ok(())
    }

    /// Removes what changes of erased members had changed.
    fn segment(&mut self, scene: &mut Scene<'_, '_>, key: &[u8], value: &[u8]) -> StoreResult<()> {
        let stored: ChangeSegment = records::decode(Table::Changes, value)?;
        if stored.space_number != scene.space() || !self.mentions(&stored)? {
            return Ok(());
        }
        // The view knows what the same commit has planned before.
        let segment: ChangeSegment = scene.view.record(Table::Changes, key)?.unwrap_or(stored);
        let mut list = records::unpack_changes(&segment)?;
        let mut changed = false;
        for change in &mut list.changes {
            changed |= self.change(scene.view, scene.batch.space.number, change)?;
        }
        if changed {
            let (content, content_bytes) = records::pack_changes(&list);
            let segment = ChangeSegment { content, content_bytes, ..segment };
            scene.view.set_record(Table::Changes, key.to_vec(), Some(&segment));
        }
        Ok(())
    }

    /// Whether a segment may have something to remove; reads as little of it as possible.
    fn mentions(&self, segment: &ChangeSegment) -> StoreResult<bool> {
        let owners: Owners = records::decode(Table::Changes, &records::unpack(segment)?)?;
        Ok(owners.changes.iter().any(|owner| {
            self.has_any(owner.heads.iter())
                || self.concerned(owner.dataset_id, owner.merge_id, &[]).is_some()
        }))
    }

    /// The erasure that a change is of, by position: of its member, of the merge that it made or
    /// undid, because what that gave to others came from the erased one, or of an identifier that
    /// changed while nobody had it.
    fn concerned(&self, member: u64, merge: u64, heads: &[HeadDelta]) -> Option<usize> {
        let of_member = self.members.get(&member).or_else(|| self.merges.get(&merge));
        let of_head = || heads.iter().find_map(|delta| self.heads.get(&delta.head_id));
        of_member.copied().or_else(|| of_head().copied().filter(|_| member == 0))
    }

    /// Removes what one change had changed, and the identifiers in it that nobody has any more; of
    /// a change of another member the states of identifiers that were erased since. Whether there
    /// was something.
    fn change(
        &mut self,
        view: &mut View<'_>,
        space: u32,
        change: &mut ChangeRecord,
    ) -> StoreResult<bool> {
        if change.erased {
            return Ok(false);
        }
        let concerned = self.concerned(change.dataset_id, change.merge_id, &change.heads);
        let Some(position) = concerned else { return Ok(self.forget_states(&mut change.heads)) };
        let is_of_member = self.members.contains_key(&change.dataset_id);
        let former = std::mem::replace(change, erased(change));
        self.erasure(position).changes += 1;
        if !is_of_member {
            return Ok(true);
        }
        for HeadDelta { head_id, .. } in former.heads {
            let record = &mut self.erasures[position].1;
            let removed = remove_unowned_head(view, space, head_id, &record.dataset_ids)?;
            if let Some(address) = removed {
                record.head_ids.push(head_id);
                self.found_addresses.push(address);
                self.heads.insert(head_id, position);
                self.found_heads = true;
            }
        }
        Ok(true)
    }

    /// Leaves of identifiers that were erased only that they came, changed or went.
    fn forget_states(&mut self, deltas: &mut [HeadDelta]) -> bool {
        let mut forgotten = false;
        for delta in deltas {
            let Some(&position) = self.heads.get(&delta.head_id) else { continue };
            let states = delta.before.iter_mut().chain(&mut delta.after);
            for state in states.filter(|state| **state != HeadRecord::default()) {
                *state = HeadRecord::default();
                self.erasure(position).former_heads += 1;
                forgotten = true;
            }
        }
        forgotten
    }

    /// Removes copies of erased identifiers from a merge of others.
    fn merge(&mut self, scene: &mut Scene<'_, '_>, key: &[u8], value: &[u8]) -> StoreResult<()> {
        let stored: MergeHeads = records::decode(Table::Merges, value)?;
        if !self.has_any(stored.freed.iter().chain(&stored.replaced)) {
            return Ok(());
        }
        let (space, merge_id) = keys::parse_numbered(Table::Merges, key)?;
        let Some(mut merge) = scene.view.merge(space, merge_id)? else { return Ok(()) };
        let heads = merge.freed_heads.iter_mut().chain(&mut merge.replaced_heads);
        if self.forget(heads) {
            scene.view.set_merge(space, merge_id, merge);
        }
        Ok(())
    }

    /// The same of another deleted member.
    fn trash(&mut self, scene: &mut Scene<'_, '_>, key: &[u8], value: &[u8]) -> StoreResult<()> {
        let stored: TrashHeads = records::decode(Table::Trash, value)?;
        if !self.has_any(stored.heads.iter()) {
            return Ok(());
        }
        let (space, member) = keys::parse_numbered(Table::Trash, key)?;
        let Some(mut trash) = scene.view.trash(space, member)? else { return Ok(()) };
        if self.forget(trash.heads.iter_mut()) {
            scene.view.set_trash(space, member, Some(trash));
        }
        Ok(())
    }

    /// Removes the text of refused rows that name erased members, and of those of which nobody
    /// knows whom they name.
    fn rejects(&self, scene: &mut Scene<'_, '_>, key: &[u8], value: &[u8]) -> StoreResult<()> {
        let stored: RejectSegment = records::decode(Table::Rejects, value)?;
        let mut list = records::unpack_rejects(&stored)?;
        let mut forgotten = false;
        for reject in list.rejects.iter_mut().filter(|reject| !reject.text.is_empty()) {
            let names = reject.is_unreadable
                || reject.addresses.iter().any(|address| self.addresses.contains(address))
                || reject.dataset_ids.iter().any(|member| self.members.contains_key(member));
            if names {
                let RejectRecord { row, fault, is_unreadable, .. } = std::mem::take(reject);
                *reject = RejectRecord { row, fault, is_unreadable, ..Default::default() };
                forgotten = true;
            }
        }
        // The same commit may have forgotten the job.
        let is_there = scene.view.record::<RejectSegment>(Table::Rejects, key)?.is_some();
        if forgotten && is_there {
            let (segment, _) = records::pack_rejects(&list);
            scene.view.set_record(Table::Rejects, key.to_vec(), Some(&segment));
        }
        Ok(())
    }

    fn has_any<'a>(&self, mut heads: impl Iterator<Item = &'a HeadNumber>) -> bool {
        heads.any(|head| self.heads.contains_key(&head.head_id))
    }

    fn forget<'a>(&mut self, heads: impl Iterator<Item = &'a mut FormerHead>) -> bool {
        let mut forgotten = false;
        for former in heads.filter(|former| former.head.is_some()) {
            if let Some(&position) = self.heads.get(&former.head_id) {
                former.head = None;
                self.erasure(position).former_heads += 1;
                forgotten = true;
            }
        }
        forgotten
    }
}

/// As much of a `ChangeList` as tells whose changes are in it.
#[derive(Clone, PartialEq, prost::Message)]
struct Owners {
    #[prost(message, repeated, tag = "1")]
    changes: Vec<Owner>,
}

/// As much of a `ChangeRecord`.
#[derive(Clone, PartialEq, prost::Message)]
struct Owner {
    #[prost(uint64, tag = "1")]
    dataset_id: u64,
    #[prost(uint64, tag = "12")]
    merge_id: u64,
    #[prost(message, repeated, tag = "13")]
    heads: Vec<HeadNumber>,
}

/// As much of a `MergeRecord` as tells whose copies are in it.
#[derive(Clone, PartialEq, prost::Message)]
struct MergeHeads {
    #[prost(message, repeated, tag = "13")]
    freed: Vec<HeadNumber>,
    #[prost(message, repeated, tag = "14")]
    replaced: Vec<HeadNumber>,
}

/// The same of a `TrashRecord`.
#[derive(Clone, PartialEq, prost::Message)]
struct TrashHeads {
    #[prost(message, repeated, tag = "2")]
    heads: Vec<HeadNumber>,
}

/// As much of a `FormerHead`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct HeadNumber {
    #[prost(uint64, tag = "1")]
    head_id: u64,
}

fn corrupt(table: Table, problem: &str) -> StoreError {
    StoreError::Corrupt { table: table.name(), problem: problem.to_owned() }
}
