//! The list group of an import: it is made, cleaned where that was asked for, and its rows join it.

use std::sync::Arc;

use prost::Message;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::import::Plan;
use crate::member::groups::{CleanGroup, MakeGroup, run};
use crate::member::system::HeadChange;
use crate::space::Space;
use crate::wire::storage::GroupCleaned;
use crate::write::queue::shutting_down;

/// Lets every row join the group, behind the groups that the options name and beside their bound.
pub fn join(plan: &mut Plan, group_id: &str) {
    let join = HeadChange::JoinGroup(group_id.to_owned());
    if !group_id.is_empty() && !plan.groups.contains(&join) {
        plan.groups.push(join);
    }
}

/// Makes the group unless it is there.
pub fn make(core: &Core, space: &Arc<Space>, group_id: &str, name: &str) -> Result<()> {
    let group = MakeGroup::new(group_id, name)?;
    run(core, space, || Box::new(group.clone())).map(drop)
}

/// Lets everybody leave the group, slice by slice between the writes of others. Killed on the way,
/// the next process begins again: nobody has joined yet, so that the end is the same.
pub fn clean(core: &Core, space: &Arc<Space>, group_id: &str) -> Result<()> {
    let mut from_head_id = 0;
    loop {
        let slice = CleanGroup::new(group_id, from_head_id)?;
        let answer = run(core, space, || Box::new(slice.clone()))?;
        let cleaned = GroupCleaned::decode(answer).map_err(Fault::internal)?;
        if cleaned.next_head_id == 0 {
            return Ok(());
        }
        if core.is_closing() {
            return Err(shutting_down());
        }
        from_head_id = cleaned.next_head_id;
    }
}
