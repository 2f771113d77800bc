//! The list group of an import: whom its rows join, and who leaves it first.

use std::sync::Arc;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::space::Space;
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

/// Lets everybody leave the group. The one place that cleans; a job that asks for it fails here
/// rather than add to a group that was to be replaced.
pub fn clean(_: &Core, _: &Arc<Space>, _: u64, _: &str) -> Result<()> {
    Err(Fault::invalid("clean_group", "is not taken by this server"))
}
