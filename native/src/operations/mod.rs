//! What callers do to members as a whole and to their heads: a file for each operation.

pub mod attach_head;
pub mod delete_members;
pub mod detach_head;
pub mod erase_member;
pub mod head_rules;
pub mod merge_members;
pub mod origins;
pub mod record_head_events;
pub mod replace_head;
pub mod restore_member;
pub mod set_policy;
pub mod trash;
pub mod unmerge_members;
