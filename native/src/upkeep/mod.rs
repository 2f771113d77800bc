//! Work that goes on after the call that began it, and survives restarts: a task is a record of
//! the store, done in slices by one thread. A new kind of task is a file here, a message in
//! `TaskRecord` and an arm in `task.rs`.

pub mod erase;
pub mod fields;
pub mod task;
mod thread;

pub use task::{Progress, begin};
pub use thread::{Upkeep, Worker};
