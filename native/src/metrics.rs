//! Counters of the core, read by the server when it is scraped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::reading::ReadingTime;
use crate::store::EngineStats;
use crate::wire::v1::ImportState;

/// What the core counts since it was opened.
#[derive(Debug, Default)]
pub struct Metrics {
    commits: AtomicU64,
    committed_rows: AtomicU64,
    committed_batches: AtomicU64,
    commit_micros: AtomicU64,
    plan_micros: AtomicU64,
    write_micros: AtomicU64,
    resolved: AtomicU64,
    upkeep_tasks: AtomicU64,
    upkeep_slices: AtomicU64,
    upkeep_failures: AtomicU64,
    jobs_succeeded: AtomicU64,
    jobs_failed: AtomicU64,
    jobs_cancelled: AtomicU64,
    job_rows: AtomicU64,
    job_read_micros: AtomicU64,
    job_decode_micros: AtomicU64,
    job_split_micros: AtomicU64,
    job_prepare_micros: AtomicU64,
}

/// How long the steps of one commit took.
#[derive(Debug, Clone, Copy, Default)]
pub struct CommitTime {
    /// Finding members and applying changes, which happens beside the commit before.
    pub plan: Duration,
    /// Writing and syncing.
    pub write: Duration,
    /// All of it, with waiting for the commit before.
    pub whole: Duration,
}

/// The imports that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobStats {
    /// Those that wait.
    pub queued: usize,
    /// Those that get their file or apply it.
    pub running: usize,
}

impl Metrics {
    /// Counts one commit.
    pub fn committed(&self, rows: usize, batches: usize, time: CommitTime) {
        add(&self.commits, 1);
        add(&self.committed_rows, rows as u64);
        add(&self.committed_batches, batches as u64);
        add_time(&self.commit_micros, time.whole);
        add_time(&self.plan_micros, time.plan);
        add_time(&self.write_micros, time.write);
    }

    /// Counts items that were resolved.
    pub fn resolved(&self, items: usize) {
        add(&self.resolved, items as u64);
    }

    /// Says how many tasks of upkeep are left.
    pub fn upkeep_left(&self, tasks: usize) {
        self.upkeep_tasks.store(tasks as u64, Ordering::Relaxed);
    }

    /// Counts a slice of upkeep, or an attempt at one that failed.
    pub fn upkeep_tried(&self, succeeded: bool) {
        add(if succeeded { &self.upkeep_slices } else { &self.upkeep_failures }, 1);
    }

    /// Counts an import of the server that has ended in a state.
    pub fn job_ended(&self, state: ImportState) {
        match state {
            ImportState::Succeeded => add(&self.jobs_succeeded, 1),
            ImportState::Failed => add(&self.jobs_failed, 1),
            ImportState::Cancelled => add(&self.jobs_cancelled, 1),
            ImportState::Unspecified
            | ImportState::Queued
            | ImportState::Fetching
            | ImportState::Applying => {}
        }
    }

    /// Counts rows that imports of the server have committed.
    pub fn job_rows(&self, rows: usize) {
        add(&self.job_rows, rows as u64);
    }

    /// Counts the time of a batch of an import of the server, up to when it waits for the writer.
    pub fn job_batch(&self, reading: ReadingTime, prepare: Duration) {
        add_time(&self.job_read_micros, reading.read);
        add_time(&self.job_decode_micros, reading.decode);
        add_time(&self.job_split_micros, reading.split);
        add_time(&self.job_prepare_micros, prepare);
    }

    /// Everything by Prometheus name.
    pub fn list(&self, engine: EngineStats, jobs: JobStats) -> Vec<(&'static str, f64)> {
        vec![
            ("zmey_commits_total", read(&self.commits)),
            ("zmey_committed_rows_total", read(&self.committed_rows)),
            ("zmey_committed_batches_total", read(&self.committed_batches)),
            ("zmey_commit_seconds_total", seconds(&self.commit_micros)),
            ("zmey_commit_plan_seconds_total", seconds(&self.plan_micros)),
            ("zmey_commit_write_seconds_total", seconds(&self.write_micros)),
            ("zmey_resolved_items_total", read(&self.resolved)),
            ("zmey_upkeep_tasks", read(&self.upkeep_tasks)),
            ("zmey_upkeep_slices_total", read(&self.upkeep_slices)),
            ("zmey_upkeep_failures_total", read(&self.upkeep_failures)),
            ("zmey_import_jobs_queued", float(jobs.queued as u64)),
            ("zmey_import_jobs_running", float(jobs.running as u64)),
            ("zmey_import_jobs_succeeded_total", read(&self.jobs_succeeded)),
            ("zmey_import_jobs_failed_total", read(&self.jobs_failed)),
            ("zmey_import_jobs_cancelled_total", read(&self.jobs_cancelled)),
            ("zmey_import_job_rows_total", read(&self.job_rows)),
            ("zmey_import_job_read_seconds_total", seconds(&self.job_read_micros)),
            ("zmey_import_job_decode_seconds_total", seconds(&self.job_decode_micros)),
            ("zmey_import_job_split_seconds_total", seconds(&self.job_split_micros)),
            ("zmey_import_job_prepare_seconds_total", seconds(&self.job_prepare_micros)),
            ("zmey_store_used_bytes", float(engine.used_bytes)),
            ("zmey_store_map_bytes", float(engine.map_bytes)),
            ("zmey_store_readers", f64::from(engine.readers)),
            ("zmey_store_reader_age_seconds", float(engine.reader_age_ms) / 1e3),
        ]
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn add_time(micros: &AtomicU64, time: Duration) {
    add(micros, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
}

fn read(counter: &AtomicU64) -> f64 {
    float(counter.load(Ordering::Relaxed))
}

fn seconds(micros: &AtomicU64) -> f64 {
    read(micros) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus values are floats")]
fn float(value: u64) -> f64 {
    value as f64
}
