//! An open store with everything that works on it. Knows nothing of Python: any listener may call
//! it.

use std::collections::HashSet;
use std::ops::DerefMut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use crate::allocator;
use crate::boot;
use crate::config::CoreConfig;
use crate::datakey::Moment;
use crate::fault::{Failure, Fault, Result};
use crate::import::{ActiveImport, ImportStream};
use crate::jobs::{self, Registry};
use crate::matching::AddressBook;
use crate::member::View;
use crate::member::batch::Batch;
use crate::metrics::Metrics;
use crate::service;
use crate::space::{Space, Spaces};
use crate::store::{Engine, Snapshot};
use crate::upkeep::{Upkeep, Worker};
use crate::write::operation::{Operation, Options};
use crate::write::queue::{deadline_exceeded, overloaded};
use crate::write::{Job, Writer};

/// Policies that may come before the turn of one call: nobody decides so fast that it would wait
/// for ever.
const REPEATS_MAX: usize = 16;

/// Tells the time; an argument, so that any batch can be replayed.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The core.
pub struct Core {
    engine: Arc<dyn Engine>,
    /// Before the writer: it is dropped first, and commits what it has begun.
    upkeep: Upkeep,
    writer: Arc<Writer>,
    spaces: Arc<Spaces>,
    metrics: Arc<Metrics>,
    clock: Clock,
    active_imports: Mutex<HashSet<ActiveImport>>,
    jobs: Registry,
    /// Held by the one simulation that runs: each needs memory and reads everything.
    simulating: Mutex<()>,
    closing: AtomicBool,
    import_window_bytes: usize,
}

impl Core {
    /// Opens the store that a configuration names and starts the writer.
    pub fn open(config: &CoreConfig, clock: Clock) -> Result<Self> {
        allocator::set_up();
        let engine = boot::engine(config)?;
        Self::on(engine, config, clock)
    }

    /// Starts on an engine that is open.
    pub fn on(engine: Arc<dyn Engine>, config: &CoreConfig, clock: Clock) -> Result<Self> {
        let now_seconds = clock().as_second();
        let spaces = Arc::new(boot::spaces(engine.as_ref(), &config.spaces, now_seconds)?);
        let metrics = Arc::new(Metrics::default());
        let writer = Writer::start(
            Arc::clone(&engine),
            Arc::clone(&metrics),
            Arc::clone(&spaces),
            config.commit_rows_max,
            config.commit_bytes_max,
        )
        .map_err(Fault::internal)?;
        let writer = Arc::new(writer);
        let upkeep = Upkeep::start(Worker {
            engine: Arc::clone(&engine),
            writer: Arc::clone(&writer),
            spaces: Arc::clone(&spaces),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        })
        .map_err(Fault::internal)?;
        Ok(Self {
            engine,
            upkeep,
            writer,
            spaces,
            metrics,
            clock,
            active_imports: Mutex::default(),
            jobs: Registry::default(),
            simulating: Mutex::default(),
            closing: AtomicBool::new(false),
            import_window_bytes: config.import_window_bytes,
        })
    }

    /// Answers one unary call. A write that has not begun when `time_left` is over writes
    /// nothing.
    #[expect(clippy::needless_pass_by_value, reason = "callers have no further use for it")]
    pub fn call(
        &self,
        method: &str,
        request: Bytes,
        time_left: Option<Duration>,
    ) -> Result<Vec<u8>> {
        if time_left.is_some_and(|left| left.is_zero()) {
            return Err(deadline_exceeded());
        }
        let deadline = time_left.and_then(|left| Instant::now().checked_add(left));
        let method = service::method(method)?;
        repeated(|| method(self, request.clone(), deadline))
    }

    /// Opens an import; `request` is its first message.
    pub fn open_import(self: &Arc<Self>, request: Bytes) -> Result<ImportStream> {
        ImportStream::open(Arc::clone(self), request)
    }

    /// Counters and gauges by Prometheus name.
    pub fn list_metrics(&self) -> Vec<(&'static str, f64)> {
        // What the store cannot tell now is told at the next look.
        let jobs = self.snapshot(|snapshot| Ok(jobs::stats(&View::new(snapshot)?)?));
        self.metrics.list(self.engine.stats(), jobs.unwrap_or_default())
    }

    /// Commits what waits and takes no more; idempotent. The store is closed when the last
    /// reference to the core goes.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.upkeep.close();
        self.writer.close();
    }

    /// The work that goes on after calls.
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }

    pub(crate) fn spaces(&self) -> &Spaces {
        &self.spaces
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Whether what takes long had better end.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The right to simulate, unless somebody has it.
    pub(crate) fn simulating(&self) -> Option<MutexGuard<'_, ()>> {
        match self.simulating.try_lock() {
            Ok(guard) => Some(guard),
            // There is nothing that a panic could have left behind.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) fn import_window_bytes(&self) -> usize {
        self.import_window_bytes
    }

    pub(crate) fn active_imports(&self) -> impl DerefMut<Target = HashSet<ActiveImport>> + '_ {
        // A set without half-made changes: whatever panicked, it is consistent.
        self.active_imports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The imports that this process has claimed.
    pub(crate) fn jobs(&self) -> &Registry {
        &self.jobs
    }

    /// The one moment of a call in a space.
    pub(crate) fn moment(&self, space: &Space) -> Moment {
        Moment { now: (self.clock)(), zone: space.zone.clone() }
    }

    /// Does an operation in its turn between the writes of callers; answers its outcome.
    pub(crate) fn operate(
        &self,
        space: &Arc<Space>,
        operation: Box<dyn Operation>,
        deadline: Option<Instant>,
    ) -> Result<Bytes> {
        let batch = Batch::bare(Arc::clone(space), self.moment(space));
        let job = Job::of_operation(batch, operation, Options::default());
        Ok(self.writer.run_in_turn(Job { deadline, ..job })?.operation()?.outcome)
    }

    /// Runs a read on one snapshot.
    pub(crate) fn snapshot<T>(
        &self,
        mut work: impl FnMut(&dyn Snapshot) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        let mut answer = Err(Fault::internal("the engine did not run the read"));
        self.engine.read(&mut |snapshot| {
            answer = match work(snapshot) {
                Ok(value) => Ok(value),
                Err(Failure::Fault(fault)) => Err(fault),
                Err(Failure::Store(error)) => return Err(error),
            };
            Ok(())
        })?;
        answer
    }

    /// Runs a read on a view of one snapshot in which the addresses of a sealed book are linked:
    /// `work` gets the slot of each.
    pub(crate) fn read<T>(
        &self,
        book: &AddressBook,
        mut work: impl FnMut(&mut View<'_>, &[u32]) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        self.snapshot(|snapshot| {
            let mut view = View::new(snapshot)?;
            let links = view.link(&[book])?;
            work(&mut view, &links[0])
        })
    }
}

/// Does what was prepared by a policy; where another one comes before its turn, once more by that.
pub(crate) fn repeated<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..REPEATS_MAX {
        match work() {
            Err(fault) if fault.is_outdated() => {}
            answer => return answer,
        }
    }
    Err(overloaded())
}
