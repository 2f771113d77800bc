//! What happens to a job after it was stored, but for its rows.

use bytes::Bytes;
use prost::Message;

use super::check::checked;
use super::claim::must_wait;
use super::create::{check_joined, named};
use super::record::{self, Stored};
use crate::fault::{Failure, Fault};
use crate::store::{Table, keys};
use crate::wire::internal::v1::UpdateJobRequest;
use crate::wire::storage::{JobRecord, JobStart};
use crate::wire::v1::{ErrorReason, ImportState, StartImportRequest, Warning};
use crate::write::expiry;
use crate::write::operation::{Operation, Scene};

/// Warnings about a file that are kept, as the contract says; one more may come behind them.
const WARNINGS_MAX: usize = 99;

/// Ends a job that does not run, or notes that it is to stop.
#[derive(Debug)]
pub struct CancelJob {
    /// The job.
    pub job_id: u64,
    /// Whether this process runs it.
    pub is_claimed: bool,
}

impl Operation for CancelJob {
    fn name(&self) -> &'static str {
        "CancelJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let now_seconds = scene.batch.moment.now.as_second();
        let mut stored = record::find(scene.view, scene.space(), self.job_id, now_seconds)?;
        if !stored.is_ended() && (stored.state() == ImportState::Queued || !self.is_claimed) {
            stored.end(scene, ImportState::Cancelled);
        } else if !stored.is_ended() {
            stored.progress.is_cancelling = true;
            stored.store(scene);
        }
        answer(scene, &stored)
    }
}

/// Keeps what the process knows of a job. One whose further options let it meet another job in a
/// group goes back to the queue.
#[derive(Debug)]
pub struct UpdateJob {
    /// What to replace.
    pub request: UpdateJobRequest,
}

impl Operation for UpdateJob {
    fn name(&self) -> &'static str {
        "UpdateJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut stored = record::find_unfinished(scene.view, self.request.job_id)?;
        if let Some(attempt) = self.request.attempt {
            stored.job.attempt = attempt;
        }
        if let Some(file_path) = &self.request.file_path {
            stored.job.file_path.clone_from(file_path);
        }
        if let Some(request) = &self.request.request {
            replace_request(scene, &mut stored, request)?;
            if gives_way(scene, &stored)? {
                stored.progress.state = ImportState::Queued as u32;
            }
        }
        warn(&mut stored, &self.request.warnings);
        stored.store(scene);
        answer(scene, &stored)
    }
}

/// Whether a job with further options lets another one go before it. One whose rows have begun does
/// not, and one that is to stop comes to its end best where it is.
fn gives_way(scene: &Scene<'_, '_>, stored: &Stored) -> Result<bool, Failure> {
    let goes_on = stored.job.start.is_some() || stored.progress.is_cancelling;
    let must_wait = |unfinished| must_wait(&unfinished, stored.job_id, &stored.progress);
    Ok(!goes_on && must_wait(record::unfinished(scene.view)?))
}

/// Gives a job further options; its group stays where they name no other.
fn replace_request(
    scene: &Scene<'_, '_>,
    stored: &mut Stored,
    request: &StartImportRequest,
) -> Result<(), Failure> {
    checked(&scene.batch.space, request)?;
    check_joined(scene, request, stored.job_id)?;
    stored.job.request = request.encode_to_vec().into();
    let was_express = std::mem::replace(&mut stored.progress.is_express, request.express);
    let asked = request.auto_group.clone().unwrap_or_default();
    let is_another = !asked.id.is_empty() && asked.id != stored.job.group_id;
    let has_group = request.auto_group.is_some() || request.express;
    if !has_group || is_another || stored.job.group_id.is_empty() || was_express != request.express
    {
        let named = named(scene, request, stored.job_id)?;
        (stored.job.group_id, stored.job.group_name) = named;
    } else if !asked.name.is_empty() {
        stored.job.group_name = asked.name;
    }
    stored.progress.group_id.clone_from(&stored.job.group_id);
    stored.progress.clean_group = request.clean_group;
    Ok(())
}

/// Adds warnings to those of a job, as many as are kept.
fn warn(stored: &mut Stored, warnings: &[Warning]) {
    let room = WARNINGS_MAX.saturating_sub(stored.job.warnings.len());
    let warnings = warnings.iter().map(|warning| warning.encode_to_vec().into());
    stored.job.warnings.extend(warnings.take(room));
}

/// Keeps how the rows of a job are applied, before the first of them is.
#[derive(Debug)]
pub struct StartJob {
    /// The job.
    pub job_id: u64,
    /// What must stay the same in another process.
    pub start: JobStart,
    /// What is to be known of the file.
    pub warnings: Vec<Warning>,
}

impl Operation for StartJob {
    fn name(&self) -> &'static str {
        "StartJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut stored = record::find_unfinished(scene.view, self.job_id)?;
        stored.progress.state = ImportState::Applying as u32;
        stored.job.start = Some(self.start.clone());
        warn(&mut stored, &self.warnings);
        stored.store(scene);
        answer(scene, &stored)
    }
}

/// Ends a job whose rows were applied as far as they could be.
#[derive(Debug)]
pub struct EndJob {
    /// The job.
    pub job_id: u64,
    /// How it ends.
    pub state: ImportState,
    /// An encoded google.rpc.Status; only where it failed.
    pub error: Bytes,
}

impl Operation for EndJob {
    fn name(&self) -> &'static str {
        "EndJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut stored = record::find_unfinished(scene.view, self.job_id)?;
        stored.job.error = self.error.clone();
        if let (ImportState::Succeeded, Some(start)) = (self.state, &stored.job.start) {
            stored.progress.read_bytes = start.file_bytes;
        }
        stored.end(scene, self.state);
        answer(scene, &stored)
    }
}

/// Ends a job that cannot begin or go on; one that was to stop anyway counts as cancelled.
#[derive(Debug)]
pub struct FailJob {
    /// The job.
    pub job_id: u64,
    /// An encoded google.rpc.Status.
    pub error: Bytes,
}

impl Operation for FailJob {
    fn name(&self) -> &'static str {
        "FailJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut stored = record::find_unfinished(scene.view, self.job_id)?;
        if stored.progress.is_cancelling {
            stored.end(scene, ImportState::Cancelled);
        } else {
            stored.job.error = self.error.clone();
            stored.end(scene, ImportState::Failed);
        }
        answer(scene, &stored)
    }
}

/// Forgets a job that has ended: at once for everybody, its rejects bit by bit. Answers 1 where
/// nothing is left.
#[derive(Debug)]
pub struct DeleteJob {
    /// The job.
    pub job_id: u64,
    /// Whether it goes on, so that the job may be gone or out of sight.
    pub goes_on: bool,
}

impl Operation for DeleteJob {
    fn name(&self) -> &'static str {
        "DeleteJob"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let space = scene.space();
        let key = keys::owned(|key| keys::job(key, space, self.job_id));
        let now_seconds = scene.batch.moment.now.as_second();
        let job = scene.view.record::<JobRecord>(Table::Jobs, &key)?;
        let is_seen = |job: &JobRecord| job.end.is_none() || job.expires_seconds > now_seconds;
        let Some(mut job) = job.filter(|job| self.goes_on || is_seen(job)) else {
            return if self.goes_on {
                Ok(vec![1])
            } else {
                Err(record::unknown(self.job_id).into())
            };
        };
        if job.end.is_none() {
            let message = "The import has not ended; cancel it first.";
            let fault = Fault::new(ErrorReason::ImportNotEnded, message);
            return Err(fault.with("job_id", self.job_id).into());
        }
        expiry::forget(scene.view, Table::Jobs, &key, job.expires_seconds);
        let mut room = expiry::REJECTS_PER_COMMIT_MAX;
        let is_whole = expiry::forget_rejects(scene.view, (space, self.job_id), &mut room)?;
        if is_whole {
            scene.view.set_record::<JobRecord>(Table::Jobs, key, None);
        } else {
            // Nobody sees it any more, and what ends what has expired would go on.
            job.expires_seconds = now_seconds;
            expiry::remember(scene.view, Table::Jobs, &key, job.expires_seconds);
            scene.view.set_record(Table::Jobs, key, Some(&job));
        }
        Ok(vec![u8::from(is_whole)])
    }
}

fn answer(scene: &Scene<'_, '_>, stored: &Stored) -> Result<Vec<u8>, Failure> {
    let unfinished = record::unfinished(scene.view)?;
    Ok(stored.to_wire(&scene.batch.space, &unfinished)?.encode_to_vec())
}
