//! What only the running process knows of jobs: which are claimed, how fast they are, which were
//! asked to stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::wire::v1::ImportMetadata;

/// One claimed job.
#[derive(Debug, Default)]
pub struct Claimed {
    is_cancelling: AtomicBool,
    is_running: AtomicBool,
    /// Since when rows are applied, and how much of the file had been read then.
    began: Mutex<Option<(Instant, u64)>>,
    rows: AtomicU64,
    read_bytes: AtomicU64,
}

impl Claimed {
    /// Asks it to stop after the batch that is applied just now.
    pub fn cancel(&self) {
        self.is_cancelling.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelling(&self) -> bool {
        self.is_cancelling.load(Ordering::Relaxed)
    }

    /// The right to run it, unless somebody does.
    pub fn run(self: &Arc<Self>) -> Option<Running> {
        let was_running = self.is_running.swap(true, Ordering::AcqRel);
        (!was_running).then(|| Running(Arc::clone(self)))
    }

    /// Adds how fast it is to what the store knows.
    pub fn measure(&self, metadata: &mut ImportMetadata) {
        let Some((began, from_bytes)) = *self.began() else { return };
        let seconds = began.elapsed().as_secs_f64();
        let read_bytes = self.read_bytes.load(Ordering::Relaxed);
        metadata.read_bytes = metadata.read_bytes.max(read_bytes);
        if seconds > 0.0 {
            metadata.rows_per_second = float(self.rows.load(Ordering::Relaxed)) / seconds;
        }
        let done = float(read_bytes.saturating_sub(from_bytes));
        let left = float(metadata.file_bytes.saturating_sub(read_bytes));
        if done > 0.0 {
            metadata.left_seconds = whole(left * seconds / done);
        }
    }

    fn began(&self) -> MutexGuard<'_, Option<(Instant, u64)>> {
        // One assignment is one change: a panic leaves it consistent.
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that runs; it may run again when this is dropped.
#[derive(Debug)]
pub struct Running(Arc<Claimed>);

impl Running {
    /// Says that the first batch is applied now; the file was read up to there.
    pub fn begin(&self, read_bytes: u64) {
        self.0.rows.store(0, Ordering::Relaxed);
        *self.0.began() = Some((Instant::now(), read_bytes));
    }

    /// Says how much of the file has been read.
    pub fn read(&self, read_bytes: u64) {
        self.0.read_bytes.store(read_bytes, Ordering::Relaxed);
    }

    /// Counts rows that are durable.
    pub fn applied(&self, rows: u64) {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// What its batches ask before they are applied.
    pub fn claimed(&self) -> Arc<Claimed> {
        Arc::clone(&self.0)
    }

    /// Whether it was asked to stop.
    pub fn is_cancelling(&self) -> bool {
        self.0.is_cancelling()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.began() = None;
        self.0.is_running.store(false, Ordering::Release);
    }
}

/// The claimed jobs by number.
pub type Claims = BTreeMap<u64, Arc<Claimed>>;

/// The jobs that this process has claimed.
#[derive(Debug, Default)]
pub struct Registry {
    claims: Mutex<Claims>,
}

impl Registry {
    /// Every claimed job; nobody else claims meanwhile.
    pub fn claims(&self) -> MutexGuard<'_, Claims> {
        // One insertion is one change: a panic leaves the map consistent.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A claimed job.
    pub fn claimed(&self, job_id: u64) -> Option<Arc<Claimed>> {
        self.claims().get(&job_id).cloned()
    }

    /// A job that is to run: claimed by now, if it was not.
    pub fn claim(&self, job_id: u64) -> Arc<Claimed> {
        Arc::clone(self.claims().entry(job_id).or_default())
    }

    /// Forgets a job that has ended, or could not be claimed.
    pub fn release(&self, job_id: u64) {
        self.claims().remove(&job_id);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measurement")]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate that is positive, and saturates"
)]
fn whole(value: f64) -> u64 {
    value as u64
}
