//! Imports that the server runs itself: stored, queued, claimed by the process, applied batch by
//! batch.

pub mod access;
mod applied;
mod changes;
mod check;
mod claim;
mod create;
mod estimate;
mod express;
mod groups;
mod probe;
mod record;
mod registry;
mod rejects;
mod repeated;
mod run;
mod stop;
mod target;

pub use changes::{CancelJob, DeleteJob, FailJob, UpdateJob};
pub use check::checked;
pub use claim::{ClaimJob, first_claimable};
pub use create::CreateJob;
pub use probe::probe;
pub use record::{Stored, find, find_unfinished, page, stats, unfinished};
pub use registry::{Claimed, Registry, Running};
pub use rejects::read as read_rejects;
pub use run::run;
