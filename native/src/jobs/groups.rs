//! The list group of an import: it is made, cleaned where that was asked for, and its rows join it.

use std::sync::Arc;

use prost::Message;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::member::groups::{CleanGroup, MakeGroup, run};
use crate::space::Space;
use crate::wire::storage::GroupCleaned;
use crate::wire::v1::ImportOptions;

/// Lets every row join the group, behind the groups that the options name.
pub fn join(options: &mut ImportOptions, group_id: &str) {
    if group_id.is_empty() {
        return;
    }
    let groups = options.groups.get_or_insert_default();
    if !groups.add.iter().any(|id| id == group_id) {
        groups.add.push(group_id.to_owned());
    }
}

/// Makes the group where it is missing.
pub fn make(core: &Core, space: &Arc<Space>, id: &str, name: &str) -> Result<()> {
    MakeGroup::new(id, name)?;
    let operation = || MakeGroup::new(id, name).expect("it was checked");
    run(core, space, || Box::new(operation())).map(drop)
}

/// Lets everybody leave the group, slice by slice. Whoever is stopped begins anew: that takes out
/// the rest.
pub fn clean(core: &Core, space: &Arc<Space>, id: &str) -> Result<()> {
    let mut from_head_id = 0;
    loop {
        CleanGroup::new(id, from_head_id)?;
        let operation = || CleanGroup::new(id, from_head_id).expect("it was checked");
        let answer = run(core, space, || Box::new(operation()))?;
        let cleaned = GroupCleaned::decode(answer).map_err(Fault::internal)?;
        if cleaned.next_head_id == 0 {
            return Ok(());
        }
        from_head_id = cleaned.next_head_id;
    }
}
