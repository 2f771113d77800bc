//! List groups: made where they are missing, cleaned slice by slice, and their index where a store
//! is from before it.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::core::{Core, repeated};
use crate::express;
use crate::fault::{Failure, Fault, Result};
use crate::matching::decide::owner_of_head;
use crate::member::system::check_group_id;
use crate::member::{View, deltas};
use crate::space::Space;
use crate::store::{Mutations, Snapshot, StoreResult, Table, keys, records};
use crate::wire::storage::{ChangeRecord, GroupCleaned, GroupRecord, HeadDelta, HeadRecord};
use crate::write::operation::{Operation, Scene};

/// Bytes of the name of a group: a line that a person reads.
pub const NAME_BYTES_MAX: usize = 256;
/// Heads that one slice takes out of a group: some 10 ms of work, so that callers who share the
/// commit hardly notice.
const SLICE_HEADS_MAX: usize = 2_500;

/// Refuses to make a list group with the code of an express list. A batch asks once for each group:
/// who is in it already is not asked, and what makes lists asks the view for the groups.
pub fn check_new(view: &mut View<'_>, space: u32, id: &str) -> std::result::Result<(), Failure> {
    if view.is_joined(space, id) {
        return Ok(());
    }
    if express::exists(view, (space, id))? {
        return Err(express::taken(id).into());
    }
    view.note_joined(space, id);
    Ok(())
}

/// Does one of the operations of this file, between the writes of callers.
pub fn run(core: &Core, space: &Arc<Space>, mut next: impl FnMut() -> GroupWork) -> Result<Bytes> {
    repeated(|| {
        let space = core.spaces().named(space.name()).unwrap_or_else(|| Arc::clone(space));
        core.operate(&space, next(), None)
    })
}

/// An operation of this file.
pub type GroupWork = Box<dyn Operation>;

/// Makes a group unless there is one with its id; answers the encoded `GroupRecord` that is then
/// there.
#[derive(Debug, Clone)]
pub struct MakeGroup {
    id: String,
    name: String,
}

impl MakeGroup {
    /// A group with a code and a name.
    pub fn new(id: &str, name: &str) -> Result<Self> {
        check_group_id(id)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Fault::limit("group_name", NAME_BYTES_MAX, name.len()));
        }
        Ok(Self { id: id.to_owned(), name: name.to_owned() })
    }
}

impl Operation for MakeGroup {
    fn name(&self) -> &'static str {
        "MakeGroup"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> std::result::Result<Vec<u8>, Failure> {
        let key = keys::owned(|key| keys::group(key, scene.space(), &self.id));
        if let Some(known) = scene.view.record::<GroupRecord>(Table::Groups, &key)? {
            return Ok(known.encode_to_vec());
        }
        check_new(scene.view, scene.space(), &self.id)?;
        let record = GroupRecord { name: self.name.clone(), created: Some(scene.stamp()) };
        scene.view.set_record(Table::Groups, key, Some(&record));
        Ok(record.encode_to_vec())
    }
}

/// Takes some heads out of a group; answers an encoded `GroupCleaned`, with whose `next_head_id`
/// the next slice begins. Heads that join while the slices go on may stay: a slice reads the index
/// as it was before its commit.
#[derive(Debug, Clone)]
pub struct CleanGroup {
    id: String,
    from_head_id: u64,
}

impl CleanGroup {
    /// The slice from a head on; the first one begins with 0.
    pub fn new(id: &str, from_head_id: u64) -> Result<Self> {
        check_group_id(id)?;
        Ok(Self { id: id.to_owned(), from_head_id })
    }

    /// The heads of the slice, and the one after it.
    fn heads(&self, snapshot: &dyn Snapshot, space: u32) -> StoreResult<(Vec<u64>, u64)> {
        let prefix = keys::owned(|key| keys::group_prefix(key, space, &self.id));
        let from = keys::owned(|key| keys::group_head(key, space, &self.id, self.from_head_id));
        let (mut heads, mut next, mut failed) = (Vec::new(), 0, Ok(()));
        snapshot.scan(Table::GroupHeads, &from, SLICE_HEADS_MAX + 1, &mut |key, _| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            match keys::parse_group_head(key) {
                Ok((_, _, head_id)) if heads.len() == SLICE_HEADS_MAX => next = head_id,
                Ok((_, _, head_id)) => heads.push(head_id),
                Err(error) => failed = Err(error),
            }
            ControlFlow::Continue(())
        })?;
        failed.map(|()| (heads, next))
    }
}

impl Operation for CleanGroup {
    fn name(&self) -> &'static str {
        "CleanGroup"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> std::result::Result<Vec<u8>, Failure> {
        let space = scene.space();
        let (heads, next_head_id) = self.heads(scene.view.snapshot(), space)?;
        let mut left = 0;
        for head_id in heads {
            // What the same commit has planned before counts.
            let Some(before) = scene.view.head(space, head_id)?.map(deltas::state) else {
                continue;
            };
            if !before.groups.contains_key(&self.id) {
                continue;
            }
            scene.view.change_head(space, head_id, |head| {
                head.groups.remove(&self.id);
            })?;
            log(scene, head_id, before)?;
            left += 1;
        }
        Ok(GroupCleaned { left, next_head_id }.encode_to_vec())
    }
}

/// Lets the log know that a head has left a group; as with events, the version stays.
fn log(
    scene: &mut Scene<'_, '_>,
    head_id: u64,
    before: HeadRecord,
) -> std::result::Result<(), Failure> {
    let space = scene.space();
    let after = scene.view.head(space, head_id)?.map(deltas::state);
    let dataset_id = owner_of_head(scene.view, space, head_id)?;
    let version = scene.view.body(space, dataset_id)?.map_or(0, |body| body.version);
    let heads = vec![HeadDelta { head_id, before: Some(before), after }];
    scene.log(ChangeRecord { dataset_id, version, heads, ..Default::default() });
    Ok(())
}

/// Makes the index of a space whose store is from before it.
pub fn index(snapshot: &dyn Snapshot, space: u32, out: &mut Mutations) -> StoreResult<()> {
    let prefix = keys::owned(|key| keys::space_prefix(key, space));
    let mut failed = Ok(());
    snapshot.scan(Table::Heads, &prefix, usize::MAX, &mut |key, value| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        let head = keys::parse_numbered(Table::Heads, key).and_then(|(_, head_id)| {
            Ok((head_id, records::decode::<HeadRecord>(Table::Heads, value)?))
        });
        match head {
            Ok((head_id, head)) => {
                for group in head.groups.keys().filter(|group| keys::is_group_id(group)) {
                    let key = keys::owned(|key| keys::group_head(key, space, group, head_id));
                    out.put(Table::GroupHeads, &key, &[]);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
