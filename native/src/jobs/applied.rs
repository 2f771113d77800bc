//! What is kept along with the rows of a batch: the position, the counters, the rejects. One commit
//! has all of them, so that a job that is killed and goes on ends as if it had run once.

use std::cmp::Ordering;
use std::sync::Arc;

use prost::Message;

use super::record::{ended, progress_key, state};
use super::registry::Claimed;
use super::rejects;
use crate::fault::{Failure, Fault};
use crate::member::View;
use crate::member::batch::Batch;
use crate::reading::SourceBatch;
use crate::store::{StoreResult, Table, keys, records};
use crate::wire::storage::{JobProgressRecord, JobRecord, RejectList, RejectRecord};
use crate::wire::v1::{self, ErrorReason, ImportState, OutcomeStatus};
use crate::write::apply::{Refusal, RowOutcome};
use crate::write::position::{Keep, Reached, gap};

/// Bytes of the rejects of one job, before they are compressed: a report of millions of rows. A
/// file of which nothing can be imported must not fill the store.
pub const REJECT_BYTES_MAX: u64 = 1 << 30;

/// One batch of a job.
#[derive(Debug)]
pub struct AppliedBatch {
    /// The job.
    pub job_id: u64,
    /// The batch, from 1.
    pub number: u64,
    /// Its rows, for the report.
    pub source: Arc<SourceBatch>,
    /// How many of them have an identifier of an earlier row.
    pub repeated: u64,
    /// How much of the file was read with it.
    pub read_bytes: u64,
    /// Whether the job was asked to stop meanwhile.
    pub claimed: Arc<Claimed>,
}

impl Keep for AppliedBatch {
    fn begin<'a>(
        &'a self,
        view: &mut View<'_>,
        _: &mut Reached<'a>,
        _: i64,
    ) -> Result<bool, Failure> {
        self.is_due(view)
    }

    fn end(
        &self,
        view: &mut View<'_>,
        batch: &Batch,
        rows: &[Result<RowOutcome, Refusal>],
    ) -> StoreResult<()> {
        let Some(mut progress) = progress(view, self.job_id)? else { return Ok(()) };
        self.advance(view, &mut progress);
        count(&mut progress, rows);
        let rejects = rejects::list(&self.source, batch, rows);
        keep_rejects(view, (self.job_id, self.number), &mut progress, rejects)?;
        view.set_record(Table::JobProgress, progress_key(self.job_id), Some(&progress));
        Ok(())
    }
}

impl AppliedBatch {
    /// Whether it is the next batch of a job that runs; one that was applied before is not. One
    /// behind a batch that is missing is refused, and so is one that a cancel finds waiting.
    pub fn is_due(&self, view: &View<'_>) -> Result<bool, Failure> {
        let goes_on = |it: &JobProgressRecord| {
            state(it) == ImportState::Applying && !self.claimed.is_cancelling()
        };
        let progress = progress(view, self.job_id)?.filter(goes_on);
        let expected = progress.ok_or_else(|| ended(self.job_id))?.batches + 1;
        match self.number.cmp(&expected) {
            Ordering::Less => Ok(false),
            Ordering::Equal => Ok(true),
            Ordering::Greater => Err(gap(expected, self.number).into()),
        }
    }

    /// Moves the progress behind the batch, and counts what could not be read.
    pub fn advance(&self, view: &View<'_>, progress: &mut JobProgressRecord) {
        progress.batches = self.number;
        progress.repeated += self.repeated;
        progress.read_bytes = self.read_bytes;
        progress.revision = view.revision();
        let unreadable = self.source.problems.len() as u64;
        progress.read += unreadable;
        progress.rejected += unreadable;
    }
}

/// Keeps the rejects of a batch while there is room for them.
pub fn keep_rejects(
    view: &mut View<'_>,
    (job_id, number): (u64, u64),
    progress: &mut JobProgressRecord,
    rejects: Vec<RejectRecord>,
) -> StoreResult<()> {
    if rejects.is_empty() || progress.reject_bytes >= REJECT_BYTES_MAX {
        return Ok(());
    }
    let (segment, bytes) = records::pack_rejects(&RejectList { rejects });
    let space = progress.space_number;
    let key = keys::owned(|key| keys::rejects(key, space, job_id, number));
    view.set_record(Table::Rejects, key, Some(&segment));
    progress.reject_bytes += bytes as u64;
    if progress.reject_bytes < REJECT_BYTES_MAX {
        return Ok(());
    }
    let key = keys::owned(|key| keys::job(key, space, job_id));
    if let Some(mut job) = view.record::<JobRecord>(Table::Jobs, &key)? {
        job.warnings.push(v1::Warning::from(cut()).encode_to_vec().into());
        view.set_record(Table::Jobs, key, Some(&job));
    }
    Ok(())
}

/// How far a job is that has not ended.
pub fn progress(view: &View<'_>, job_id: u64) -> StoreResult<Option<JobProgressRecord>> {
    view.record(Table::JobProgress, &progress_key(job_id))
}

/// Counts what became of rows.
pub fn count(progress: &mut JobProgressRecord, rows: &[Result<RowOutcome, Refusal>]) {
    progress.read += rows.len() as u64;
    for row in rows {
        let Ok(outcome) = row else {
            progress.rejected += 1;
            continue;
        };
        progress.warnings += outcome.warnings.len() as u64;
        for warning in &outcome.warnings {
            *progress.warning_reasons.entry(warning.reason).or_default() += 1;
        }
        *match outcome.status {
            OutcomeStatus::Created => &mut progress.created,
            OutcomeStatus::Updated | OutcomeStatus::Restored => &mut progress.updated,
            OutcomeStatus::Ignored => &mut progress.ignored,
            OutcomeStatus::Unchanged | OutcomeStatus::Unspecified | OutcomeStatus::Rejected => {
                &mut progress.unchanged
            }
        } += 1;
    }
}

fn cut() -> Fault {
    let message = "The report has the first rejected rows only; there are too many.";
    Fault::new(ErrorReason::ImportReportCut, message).with("max", REJECT_BYTES_MAX)
}
