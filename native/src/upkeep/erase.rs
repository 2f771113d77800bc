//! Removes what erased members have left in histories.

use super::task::Progress;
use crate::fault::Failure;
use crate::wire::storage::EraseTask;
use crate::write::operation::Scene;

/// Goes a little further.
#[expect(clippy::unnecessary_wraps, reason = "the form of every kind of work")]
pub fn slice(_scene: &mut Scene<'_, '_>, task: &mut EraseTask) -> Result<Progress, Failure> {
    Ok(Progress { done: task.through_revision, finished: true })
}
