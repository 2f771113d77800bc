//! Which job runs next.

use prost::Message;

use super::record::{self, Unfinished, state};
use super::registry::Claims;
use crate::fault::{Failure, Fault};
use crate::space::Spaces;
use crate::wire::storage::JobProgressRecord;
use crate::wire::v1::{ErrorReason, ImportState};
use crate::write::operation::{Operation, Scene};

/// The job to run next, with the number of its space: those that an earlier process left come
/// before those that wait. A job whose group another one fills or cleans waits for that one, where
/// either cleans it; so does one behind such a job, or it would overtake it.
pub fn first_claimable(
    unfinished: &Unfinished,
    claims: &Claims,
    spaces: &Spaces,
) -> Option<(u64, u32)> {
    let waits = |job: &JobProgressRecord| state(job) == ImportState::Queued;
    let left = unfinished.iter().filter(|(_, job)| !waits(job));
    let queued = unfinished.iter().filter(|(_, job)| waits(job));
    let mut earlier: Vec<&JobProgressRecord> =
        claims.keys().filter_map(|job_id| unfinished.get(job_id)).collect();
    for (job_id, job) in left.chain(queued).filter(|(job_id, _)| !claims.contains_key(job_id)) {
        let is_served = spaces.numbered(job.space_number).is_some();
        if is_served && !earlier.iter().any(|other| meet(job, other)) {
            return Some((*job_id, job.space_number));
        }
        earlier.push(job);
    }
    None
}

/// Whether a job that was claimed must wait after all, since it has another group now: for one that
/// runs, or for one before it in the queue.
pub fn must_wait(unfinished: &Unfinished, job_id: u64, job: &JobProgressRecord) -> bool {
    let goes_before =
        |id: u64, other: &JobProgressRecord| state(other) != ImportState::Queued || id < job_id;
    unfinished.iter().any(|(&id, other)| id != job_id && goes_before(id, other) && meet(job, other))
}

/// Whether two jobs must not run at the same time.
fn meet(one: &JobProgressRecord, other: &JobProgressRecord) -> bool {
    !one.group_id.is_empty()
        && (one.space_number, &one.group_id) == (other.space_number, &other.group_id)
        && (one.clean_group || other.clean_group)
}

/// Marks a job as claimed; answers it encoded, ended where it was to stop when an earlier process
/// ended, or nothing where it has ended meanwhile.
#[derive(Debug)]
pub struct ClaimJob {
    /// The job.
    pub job_id: u64,
}

impl Operation for ClaimJob {
    fn name(&self) -> &'static str {
        "ClaimJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut stored = match record::find_unfinished(scene.view, self.job_id) {
            Err(Failure::Fault(Fault { reason: ErrorReason::ImportEnded, .. })) => {
                return Ok(Vec::new());
            }
            found => found?,
        };
        // Whoever was to stop it is no more.
        if stored.progress.is_cancelling {
            stored.end(scene, ImportState::Cancelled);
            let unfinished = record::unfinished(scene.view)?;
            return Ok(stored.to_wire(&scene.batch.space, &unfinished)?.encode_to_vec());
        }
        let is_fetched = !stored.job.file_path.is_empty();
        let next = if is_fetched { ImportState::Applying } else { ImportState::Fetching };
        stored.progress.state = next as u32;
        if stored.job.started_seconds == 0 {
            stored.job.started_seconds = scene.batch.moment.now.as_second();
        }
        stored.store(scene);
        let unfinished = record::unfinished(scene.view)?;
        Ok(stored.to_wire(&scene.batch.space, &unfinished)?.encode_to_vec())
    }
}
