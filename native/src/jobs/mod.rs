//! Imports that the server runs itself: stored, queued, claimed by the process, applied batch by
//! batch.

mod changes;
mod check;
mod claim;
mod create;
mod record;
mod registry;

pub use changes::{CancelJob, DeleteJob, FailJob, UpdateJob};
pub use check::checked;
pub use claim::{ClaimJob, first_claimable};
pub use create::CreateJob;
pub use record::{Stored, find, find_unfinished, page, unfinished};
pub use registry::{Claimed, Registry};
