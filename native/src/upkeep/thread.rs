//! The thread that does tasks: one slice at a time, through the writer like the jobs of callers.

use std::mem::discriminant;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::task::Slice;
use crate::core::Clock;
use crate::datakey::Moment;
use crate::fault::{Fault, Result};
use crate::member::batch::Batch;
use crate::metrics::Metrics;
use crate::space::Spaces;
use crate::store::{Engine, Table, keys, records};
use crate::wire::storage::TaskRecord;
use crate::write::Writer;
use crate::write::operation::Options;
use crate::write::queue::Job;

/// Tasks that are looked at for the next slice: more wait until some of these are done.
const TASKS_SEEN_MAX: usize = 10_000;

/// The first wait after a slice that failed; each further one is twice as long.
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// The longest wait: a full disk that was emptied is noticed within it.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// The longest pause after a slice: it is as long as the slice took, so that at least half of the
/// writer's time is for callers.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// What the thread works with.
pub struct Worker {
    /// Where tasks are read.
    pub engine: Arc<dyn Engine>,
    /// Who commits slices.
    pub writer: Arc<Writer>,
    /// The spaces that are served; tasks of others wait until theirs is.
    pub spaces: Arc<Spaces>,
    /// Counts slices and failures.
    pub metrics: Arc<Metrics>,
    /// Tells slices the time.
    pub clock: Clock,
}

/// What others and the thread tell each other.
#[derive(Debug, Default)]
struct State {
    /// There may be a task that the thread has not seen.
    woken: bool,
    /// The thread has found nothing to do.
    idle: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The upkeep and its thread.
#[derive(Debug)]
pub struct Upkeep {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of one look at the tasks.
enum Turn {
    Worked(Duration),
    Idle,
    Failed,
}

impl Upkeep {
    /// Starts the thread, which goes on with the tasks that are stored.
    pub fn start(worker: Worker) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("zmey-upkeep".to_owned())
            .spawn(move || worker.run(&seen))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Says that a task may have been stored.
    pub fn wake(&self) {
        let mut state = self.shared.lock();
        state.woken = true;
        state.idle = false;
        self.shared.changed.notify_all();
    }

    /// Waits until nothing is left that can be done, or the upkeep is closed.
    pub fn settle(&self) {
        let mut state = self.shared.lock();
        while !state.idle && !state.closed {
            state = self.shared.wait(state);
        }
    }

    /// Ends the thread after the slice that is under way; idempotent. To be called before the
    /// writer is closed.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic has been reported by its hook; the tasks go on at the next start.
            let _panicked = thread.join();
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a look at the tasks; false where the thread is to end.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        state.woken = false;
        !state.closed
    }

    /// Waits for a task.
    fn rest(&self) {
        let mut state = self.lock();
        while !state.woken && !state.closed {
            state.idle = true;
            self.changed.notify_all();
            state = self.wait(state);
        }
        state.idle = false;
    }

    /// Waits for a while, or for the end.
    fn pause(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut state = self.lock();
        while !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Worker {
    fn run(&self, shared: &Shared) {
        let (mut last, mut failures) = (0, 0);
        while shared.begin() {
            match self.turn(&mut last) {
                Turn::Idle => shared.rest(),
                Turn::Worked(took) => {
                    failures = 0;
                    shared.pause(took.min(PAUSE_MAX));
                }
                Turn::Failed => {
                    shared.pause(RETRY_MAX.min(RETRY_FIRST * 2_u32.saturating_pow(failures)));
                    failures += 1;
                }
            }
        }
    }

    /// Does one slice of the task after the last one.
    fn turn(&self, last: &mut u64) -> Turn {
        let began = Instant::now();
        let done = self.next(*last).and_then(|next| {
            let Some((task_id, space_number)) = next else {
                return Ok(false);
            };
            *last = task_id;
            self.slice(task_id, space_number).map(|()| true)
        });
        match done {
            Ok(false) => Turn::Idle,
            Ok(true) => {
                self.metrics.upkeep_tried(true);
                Turn::Worked(began.elapsed())
            }
            Err(_) => {
                self.metrics.upkeep_tried(false);
                Turn::Failed
            }
        }
    }

    /// The task to go on with and its space. Tasks of one kind in one space are done one after
    /// another, others by turns.
    fn next(&self, last: u64) -> Result<Option<(u64, u32)>> {
        let mut tasks = Vec::new();
        self.engine.read(&mut |snapshot| {
            tasks.clear();
            let mut failed = Ok(());
            snapshot.scan(Table::Tasks, &[], TASKS_SEEN_MAX, &mut |key, value| {
                let task = keys::parse_task(key).and_then(|task_id| {
                    Ok((task_id, records::decode::<TaskRecord>(Table::Tasks, value)?))
                });
                match task {
                    Ok(task) => tasks.push(task),
                    Err(error) => failed = Err(error),
                }
                ControlFlow::Continue(())
            })?;
            failed
        })?;
        self.metrics.upkeep_left(tasks.len());
        // Of the work itself: an erasure waits for the fields of its space, which go on beside it.
        let kind = |record: &TaskRecord| record.work.as_ref().map(discriminant);
        let lane = |record: &TaskRecord| (kind(record), record.space_number);
        let mut firsts: Vec<(u64, _)> = Vec::new();
        for (task_id, record) in &tasks {
            let is_served = self.spaces.numbered(record.space_number).is_some();
            if is_served && firsts.iter().all(|(_, known)| *known != lane(record)) {
                firsts.push((*task_id, lane(record)));
            }
        }
        let next = firsts.iter().find(|(task_id, _)| *task_id > last).or(firsts.first());
        Ok(next.map(|(task_id, (_, space))| (*task_id, *space)))
    }

    fn slice(&self, task_id: u64, space_number: u32) -> Result<()> {
        let space = self.spaces.numbered(space_number);
        let space = space.ok_or_else(|| Fault::internal("a task of a space that is gone"))?;
        let moment = Moment { now: (self.clock)(), zone: space.zone.clone() };
        let slice = Box::new(Slice { task_id });
        let job = Job::of_operation(Batch::bare(space, moment), slice, Options::default());
        match self.writer.run_in_turn(job) {
            // Another policy came before its turn: the next look at the tasks knows it.
            Err(fault) if fault.is_outdated() => Ok(()),
            done => done.map(drop),
        }
    }
}
