//! What is stored of a job, and what callers see of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use prost::Message;

use crate::fault::{Failure, Fault};
use crate::member::View;
use crate::metrics::JobStats;
use crate::space::Space;
use crate::store::{StoreError, StoreResult, Table, keys, records};
use crate::wire::internal::v1::Job;
use crate::wire::storage::{JobProgressRecord, JobRecord};
use crate::wire::v1::{
    self, ErrorReason, ImportCounters, ImportGroup, ImportLayout, ImportMetadata, ImportState,
    ReasonCount, StartImportRequest, Warning,
};
use crate::write::expiry;
use crate::write::operation::Scene;

/// How long a job is kept after its end: as long as the contract says of its operation.
const KEPT_SECONDS: i64 = 60 * 24 * 60 * 60;

/// The jobs that have not ended, in the order of the queue.
pub type Unfinished = BTreeMap<u64, JobProgressRecord>;

/// One job as the store has it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its number.
    pub job_id: u64,
    /// What changes seldom.
    pub job: JobRecord,
    /// How far it is, or was at its end.
    pub progress: JobProgressRecord,
}

impl Stored {
    /// Whether nothing more happens to it.
    pub fn is_ended(&self) -> bool {
        self.job.end.is_some()
    }

    /// How far it is.
    pub fn state(&self) -> ImportState {
        state(&self.progress)
    }

    /// Writes it as it is now.
    pub fn store(&self, scene: &mut Scene<'_, '_>) {
        scene.view.set_record(Table::Jobs, self.key(), Some(&self.job));
        if !self.is_ended() {
            let key = progress_key(self.job_id);
            scene.view.set_record(Table::JobProgress, key, Some(&self.progress));
        }
    }

    /// Ends it in a state and writes it.
    pub fn end(&mut self, scene: &mut Scene<'_, '_>, state: ImportState) {
        let now_seconds = scene.batch.moment.now.as_second();
        self.progress.state = state as u32;
        self.job.end = Some(self.progress.clone());
        self.job.finished_seconds = now_seconds;
        self.job.expires_seconds = now_seconds + KEPT_SECONDS;
        expiry::remember(scene.view, Table::Jobs, &self.key(), self.job.expires_seconds);
        let key = progress_key(self.job_id);
        scene.view.set_record::<JobProgressRecord>(Table::JobProgress, key, None);
        self.store(scene);
    }

    /// Its key in Jobs.
    pub fn key(&self) -> Vec<u8> {
        keys::owned(|key| keys::job(key, self.progress.space_number, self.job_id))
    }

    /// What callers see, without what only the memory knows.
    pub fn to_wire(&self, space: &Space, unfinished: &Unfinished) -> StoreResult<Job> {
        let request = StartImportRequest::decode(self.job.request.clone())
            .map_err(|error| corrupt(&error))?;
        let metadata = self.metadata(space, &request, unfinished)?;
        Ok(Job {
            job_id: self.job_id,
            request: Some(request),
            metadata: Some(metadata),
            file_path: self.job.file_path.clone(),
            error: self.job.error.clone(),
            is_cancelling: self.progress.is_cancelling,
        })
    }

    fn metadata(
        &self,
        space: &Space,
        request: &StartImportRequest,
        unfinished: &Unfinished,
    ) -> StoreResult<ImportMetadata> {
        let (job, progress) = (&self.job, &self.progress);
        let decode = |layout| ImportLayout::decode(layout).map_err(|error| corrupt(&error));
        let warning = |warning: &bytes::Bytes| {
            Warning::decode(warning.clone()).map_err(|error| corrupt(&error))
        };
        let group = || ImportGroup { id: job.group_id.clone(), name: job.group_name.clone() };
        let start = job.start.as_ref();
        Ok(ImportMetadata {
            space: Some(v1::Space { account_id: space.account_id, db_id: space.db_id }),
            state: self.state().into(),
            queue_position: position(self.job_id, unfinished),
            counters: Some(counters(progress)),
            file_bytes: start.map_or(0, |start| start.file_bytes),
            read_bytes: progress.read_bytes,
            attempt: job.attempt,
            layout: start.map(|start| decode(start.layout.clone())).transpose()?,
            group: (!job.group_id.is_empty()).then(group),
            express: progress.is_express,
            track_info: request.track_info.clone(),
            created_seconds: job.created_seconds,
            started_seconds: job.started_seconds,
            finished_seconds: job.finished_seconds,
            revision: progress.revision,
            warnings: job.warnings.iter().map(warning).collect::<StoreResult<_>>()?,
            rows_per_second: 0.0,
            left_seconds: 0,
        })
    }
}

/// The state in a record.
pub fn state(progress: &JobProgressRecord) -> ImportState {
    let state = i32::try_from(progress.state).ok().and_then(|state| state.try_into().ok());
    state.unwrap_or_default()
}

/// The job of a space that has a number, ended ones included while they are kept.
pub fn find(view: &View<'_>, space: u32, job_id: u64, now_seconds: i64) -> Result<Stored, Failure> {
    let key = keys::owned(|key| keys::job(key, space, job_id));
    let is_kept = |job: &JobRecord| job.end.is_none() || job.expires_seconds > now_seconds;
    let job = view.record::<JobRecord>(Table::Jobs, &key)?.filter(is_kept);
    let job = job.ok_or_else(|| unknown(job_id))?;
    Ok(with_progress(view, job_id, job)?)
}

/// A record of Jobs with the progress that belongs to it.
fn with_progress(view: &View<'_>, job_id: u64, job: JobRecord) -> StoreResult<Stored> {
    let progress = match &job.end {
        Some(end) => end.clone(),
        None => view
            .record(Table::JobProgress, &progress_key(job_id))?
            .ok_or_else(|| corrupt(&"a job that has not ended has no progress"))?,
    };
    Ok(Stored { job_id, job, progress })
}

/// The job of any space that has a number and has not ended.
pub fn find_unfinished(view: &View<'_>, job_id: u64) -> Result<Stored, Failure> {
    let progress: Option<JobProgressRecord> =
        view.record(Table::JobProgress, &progress_key(job_id))?;
    let Some(progress) = progress else {
        let was_given = (1..view.next_job_id()).contains(&job_id);
        return Err(if was_given { ended(job_id) } else { unknown(job_id) }.into());
    };
    let key = keys::owned(|key| keys::job(key, progress.space_number, job_id));
    let job = view.record(Table::Jobs, &key)?;
    let job = job.ok_or_else(|| corrupt(&"the job of a progress is gone"))?;
    Ok(Stored { job_id, job, progress })
}

/// Every job that has not ended.
pub fn unfinished(view: &View<'_>) -> StoreResult<Unfinished> {
    let records = view.all_records(Table::JobProgress, &[])?;
    records.into_iter().map(|(key, record)| Ok((keys::parse_job_progress(&key)?, record))).collect()
}

/// How many jobs have not ended.
pub fn stats(view: &View<'_>) -> StoreResult<JobStats> {
    let unfinished = unfinished(view)?;
    let queued = unfinished.values().filter(|job| state(job) == ImportState::Queued).count();
    Ok(JobStats { queued, running: unfinished.len() - queued })
}

/// The jobs of a space from a key on, the newest first, up to so many jobs and bytes; one fits
/// always.
pub fn page(
    view: &View<'_>,
    from: &[u8],
    (jobs_max, bytes_max): (usize, usize),
    now_seconds: i64,
) -> StoreResult<Vec<Stored>> {
    let space = keys::parse_job(from)?.0;
    let (mut jobs, mut bytes, mut failed) = (Vec::new(), 0, Ok(()));
    view.snapshot().scan(Table::Jobs, from, usize::MAX, &mut |key, value| {
        if keys::space_of(key) != Some(space) || jobs.len() == jobs_max || bytes > bytes_max {
            return ControlFlow::Break(());
        }
        match decoded(key, value) {
            // One that is being deleted is no job for anybody.
            Ok((_, job)) if job.end.is_some() && job.expires_seconds <= now_seconds => {}
            Ok(job) => {
                bytes += value.len();
                jobs.push(job);
            }
            Err(error) => failed = Err(error),
        }
        ControlFlow::Continue(())
    })?;
    failed?;
    jobs.into_iter().map(|(job_id, job)| with_progress(view, job_id, job)).collect()
}

fn decoded(key: &[u8], value: &[u8]) -> StoreResult<(u64, JobRecord)> {
    Ok((keys::parse_job(key)?.1, records::decode(Table::Jobs, value)?))
}

/// The key of a progress.
pub fn progress_key(job_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::job_progress(key, job_id))
}

/// The place of a job in the queue, from 1; 0 where it does not wait.
fn position(job_id: u64, unfinished: &Unfinished) -> u32 {
    let waits = |progress: &JobProgressRecord| state(progress) == ImportState::Queued;
    if !unfinished.get(&job_id).is_some_and(waits) {
        return 0;
    }
    let before = unfinished.range(..=job_id).filter(|(_, progress)| waits(progress)).count();
    u32::try_from(before).unwrap_or(u32::MAX)
}

/// The counters of a job.
pub fn counters(progress: &JobProgressRecord) -> ImportCounters {
    ImportCounters {
        read: progress.read,
        created: progress.created,
        updated: progress.updated,
        unchanged: progress.unchanged,
        ignored: progress.ignored,
        rejected: progress.rejected,
        repeated: progress.repeated,
        warnings: progress.warnings,
        warning_reasons: progress
            .warning_reasons
            .iter()
            .map(|(&reason, &count)| ReasonCount { reason, count })
            .collect(),
    }
}

/// The fault of a job that is not there.
pub fn unknown(job_id: u64) -> Fault {
    Fault::new(ErrorReason::ImportUnknown, "There is no import with this number in the space.")
        .with("job_id", job_id)
}

/// The fault of a job that has ended.
pub fn ended(job_id: u64) -> Fault {
    Fault::new(ErrorReason::ImportEnded, "The import has ended; start another one.")
        .with("job_id", job_id)
}

fn corrupt(problem: &impl ToString) -> StoreError {
    StoreError::Corrupt { table: Table::Jobs.name(), problem: problem.to_string() }
}
