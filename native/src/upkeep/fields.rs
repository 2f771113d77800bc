//! Builds the indexes of new fields and removes those of former ones. Writes maintain an index from
//! the moment of its declaration on, so that only members who were there before are gone through.

use std::ops::ControlFlow;

use super::task::{Progress, SLICE_BYTES_MAX, SLICE_ENTRIES_MAX};
use crate::fault::{Failure, Fault};
use crate::matching::fields::{Field, other_holder};
use crate::store::{StoreResult, Table, keys, records};
use crate::wire::storage::task_record::Work;
use crate::wire::storage::{
    BodyRecord, FieldBuild, FieldConflictRecord, FieldRecord, FieldsTask, SpaceRecord, TaskRecord,
};
use crate::wire::v1::FieldState;
use crate::write::operation::Scene;

/// Members whose values a slice looks for: parsing their data costs more than looking at entries.
const SLICE_MEMBERS_MAX: usize = 2_500;
/// Pairs of members with one value of a unique field that are listed; all are counted.
const CONFLICTS_LISTED_MAX: usize = 100;

/// The task of a space, where its fields need one.
pub fn task(space: &SpaceRecord) -> Option<(Vec<u8>, TaskRecord)> {
    let needed = space.builds.iter().any(is_under_way);
    let task_id = keys::TASK_OF_SPACE + u64::from(space.number);
    let task = TaskRecord {
        space_number: space.number,
        done: 0,
        total: 0,
        work: Some(Work::Fields(FieldsTask {})),
    };
    needed.then(|| (keys::owned(|key| keys::task(key, task_id)), task))
}

/// Goes a little further with the first index that is not done. Removals come first: erasures wait
/// for them.
pub fn slice(scene: &mut Scene<'_, '_>) -> Result<Progress, Failure> {
    let space = scene.batch.space.clone();
    let mut record = scene.view.space_record(&space)?.clone();
    let builds = &record.builds;
    let position = builds.iter().position(is_dropping);
    let Some(position) = position.or_else(|| builds.iter().position(is_under_way)) else {
        return Ok(Progress { done: 0, finished: true });
    };
    let mut build = record.builds.remove(position);
    let field = build.field.clone().unwrap_or_default();
    if is_dropping(&build) {
        if !drop_entries(scene, &field)? {
            record.builds.insert(position, build);
        }
    } else if !fill(scene, &field, &mut build)? {
        record.builds.insert(position, build);
    } else if build.conflicts_total > 0 {
        build.state = FieldState::Failed as u32;
        record.builds.insert(position, build);
    } else {
        record.fields.push(field);
        // The order of the numbers, whichever was done first.
        record.fields.sort_by_key(|field| field.number);
    }
    let done = record.builds.iter().map(|build| build.done).sum();
    let finished = !record.builds.iter().any(is_under_way);
    *scene.view.change_space(space.number) = record;
    Ok(Progress { done, finished })
}

fn is_under_way(build: &FieldBuild) -> bool {
    build.state != FieldState::Failed as u32
}

fn is_dropping(build: &FieldBuild) -> bool {
    build.state == FieldState::Dropping as u32
}

/// Whether a former field of the space still has entries: those of members who changed or went
/// since are among them, because writes maintain them no longer.
pub fn is_dropping_any(scene: &mut Scene<'_, '_>) -> StoreResult<bool> {
    let space = &scene.batch.space;
    Ok(scene.view.space_record(space)?.builds.iter().any(is_dropping))
}

/// Adds entries for some further members; answers whether all are done.
fn fill(
    scene: &mut Scene<'_, '_>,
    record: &FieldRecord,
    build: &mut FieldBuild,
) -> Result<bool, Failure> {
    let field = Field::new(record)?;
    let space = scene.space();
    let bodies = bodies(scene, build.done + 1, build.total)?;
    build.done = bodies.last().map_or(build.total, |(contact, _)| *contact);
    for (contact, stored) in bodies {
        // What the commit has planned before counts; of somebody who is gone, nothing does.
        let data = if scene.view.has_body(space, contact) {
            let Some(body) = scene.view.body(space, contact)? else { continue };
            body.data.clone()
        } else {
            stored
        };
        for value in field.values(&data) {
            if field.unique
                && let Some(other) = other_holder(scene.view, (space, &field), &value, contact)?
            {
                build.conflicts_total += 1;
                if build.conflicts.len() < CONFLICTS_LISTED_MAX {
                    let (dataset_id, other_dataset_id) = (other.min(contact), other.max(contact));
                    build.conflicts.push(FieldConflictRecord { dataset_id, other_dataset_id });
                }
            }
            let value = value.as_bytes();
            let key = keys::owned(|key| keys::field(key, space, field.number, value, contact));
            scene.view.set_field(key, true);
        }
    }
    Ok(build.done >= build.total)
}

/// The stored data of some members, from one number on.
fn bodies(scene: &Scene<'_, '_>, from: u64, last: u64) -> StoreResult<Vec<(u64, String)>> {
    let space = scene.space();
    let prefix = keys::owned(|key| keys::space_prefix(key, space));
    let start = keys::owned(|key| keys::body(key, space, from));
    let (mut bodies, mut bytes, mut failed) = (Vec::new(), 0, Ok(()));
    let snapshot = scene.view.snapshot();
    snapshot.scan(Table::Bodies, &start, SLICE_MEMBERS_MAX, &mut |key, value| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        let read = keys::parse_numbered(Table::Bodies, key).and_then(|(_, contact)| {
            Ok((contact, records::decode::<BodyRecord>(Table::Bodies, value)?.data))
        });
        match read {
            Ok((contact, _)) if contact > last => return ControlFlow::Break(()),
            Ok(body) => bodies.push(body),
            Err(error) => failed = Err(error),
        }
        bytes += value.len();
        if failed.is_err() || bytes > SLICE_BYTES_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    failed.map(|()| bodies)
}

/// Removes some entries of a former field; answers whether none is left.
fn drop_entries(scene: &mut Scene<'_, '_>, field: &FieldRecord) -> Result<bool, Failure> {
    let number = u16::try_from(field.number)
        .map_err(|_| Fault::internal("a field has a number that fits no key"))?;
    let prefix = keys::owned(|key| keys::field_start(key, scene.space(), number));
    let mut entries = Vec::new();
    let snapshot = scene.view.snapshot();
    snapshot.scan(Table::Fields, &prefix, SLICE_ENTRIES_MAX, &mut |key, _| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        entries.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    let last = entries.len() < SLICE_ENTRIES_MAX;
    for key in entries {
        scene.view.delete(Table::Fields, &key);
    }
    Ok(last)
}
