//! Writing: requests become prepared batches, batches wait in one queue, and the writer commits
//! all that waits together.

pub mod apply;
pub mod changelog;
pub mod data_rule;
pub mod expiry;
pub mod operation;
mod planner;
pub mod position;
pub mod prepare;
pub mod queue;
pub mod requests;

pub use queue::{Job, Writer};
