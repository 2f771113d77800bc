//! Why something was done: past changes are read from the change log, others are planned.

mod history;
mod plan;
mod words;

pub use history::{Past, by_request, by_revision};
pub use plan::{Planned, plan};
pub use words::{change, explanation};
