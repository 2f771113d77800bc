//! What only the running process knows of jobs: which are claimed, how fast they are, which were
//! asked to stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One claimed job.
#[derive(Debug, Default)]
pub struct Claimed {
    is_cancelling: AtomicBool,
}

impl Claimed {
    /// Asks it to stop after its batch.
    pub fn cancel(&self) {
        self.is_cancelling.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelling(&self) -> bool {
        self.is_cancelling.load(Ordering::Relaxed)
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

    /// Forgets a job that has ended, or could not be claimed.
    pub fn release(&self, job_id: u64) {
        self.claims().remove(&job_id);
    }
}
