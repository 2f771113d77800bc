//! One queue of writes: all that waits is committed together, up to a bound, and every job is
//! answered only when its commit is durable.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::batch::Batch;
use crate::metrics::Metrics;
use crate::space::{Space, Spaces};
use crate::store::{Engine, Mutations, Snapshot, StoreResult};
use crate::wire::v1::{ErrorReason, MemberOutcome};
use crate::write::apply::{self, Refusal, RowOutcome};
use crate::write::expiry;
use crate::write::operation::{self, Operation, OperationAnswer, Options};
use crate::write::planner::Planner;
use crate::write::position::{Keep, Reached, behind_refused};

/// Commits' worth of bytes that may wait before further jobs are refused: waiting longer than a
/// few commits helps nobody.
const QUEUE_COMMITS_MAX: usize = 8;

/// What a job is for.
#[derive(Debug)]
pub enum Purpose {
    /// The steps of a call.
    Members,
    /// The rows of one chunk of an import.
    Rows(Chunk),
    /// Another operation; the batch has its keys.
    Operation(Box<dyn Operation>, Options),
}

/// What the writer must know of a chunk.
#[derive(Debug)]
pub struct Chunk {
    /// What to commit along with the rows; only imports that can be resumed have something.
    pub keep: Option<Box<dyn Keep>>,
    /// Shared by the chunks of one stream: whether one of them was refused. None behind it may be
    /// written, because rows apply in the order of the file; what is kept shows that by itself.
    pub broken: Arc<AtomicBool>,
    /// Prepares the rows anew where the policy of the space has changed before their turn.
    pub again: Again,
}

/// Prepares the batch of a job by another state of its space.
pub struct Again(pub Box<Preparing>);

/// A way to prepare a batch.
type Preparing = dyn Fn(&Arc<Space>) -> Result<Batch> + Send;

impl fmt::Debug for Again {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Again")
    }
}

/// One batch to be applied and committed.
#[derive(Debug)]
pub struct Job {
    /// The steps.
    pub batch: Batch,
    /// What they are for.
    pub purpose: Purpose,
    /// The bytes of the request.
    pub bytes: usize,
    /// When it is too late to begin.
    pub deadline: Option<Instant>,
}

impl Job {
    /// One that does an operation and is of no size.
    pub fn of_operation(batch: Batch, operation: Box<dyn Operation>, options: Options) -> Self {
        let purpose = Purpose::Operation(operation, options);
        Self { batch, purpose, bytes: 0, deadline: None }
    }

    /// Whether it changes the policy of its space: it has a commit of its own, so that whoever
    /// comes later is planned by the new one.
    pub(super) fn changes_space(&self) -> bool {
        matches!(&self.purpose, Purpose::Operation(operation, _) if operation.changes_space())
    }

    /// Prepares it anew where its space is not as it was; `None` where only the caller can.
    fn refreshed(mut self, spaces: &Spaces) -> Option<Result<Self>> {
        let space = spaces.named(self.batch.space.name())?;
        let Purpose::Rows(chunk) = &self.purpose else { return None };
        Some((chunk.again.0)(&space).map(|batch| {
            self.batch = batch;
            self
        }))
    }
}

/// What became of the steps of a job.
#[derive(Debug)]
pub enum Answers {
    /// Of a call.
    Members(Vec<Result<MemberOutcome>>),
    /// Of a chunk.
    Rows(Vec<std::result::Result<RowOutcome, Refusal>>),
    /// Of a chunk that was committed before.
    Repeated,
    /// Of an operation.
    Operation(OperationAnswer),
}

/// What became of a job.
#[derive(Debug)]
pub struct Done {
    /// What became of its steps, in order.
    pub answers: Answers,
    /// The revision that the store reached with it.
    pub revision: u64,
    /// The state of the space from then on, where the job changed it.
    pub space: Option<Arc<Space>>,
}

impl Done {
    /// What an operation answered.
    pub fn operation(self) -> Result<OperationAnswer> {
        match self.answers {
            Answers::Operation(answer) => Ok(answer),
            _ => Err(Fault::internal("an operation has one outcome")),
        }
    }
}

/// A job's answer, when it comes.
pub type Reply = Receiver<Result<Done>>;

pub(super) struct Waiting {
    pub(super) job: Job,
    pub(super) waiter: Waiter,
}

/// Who gets the answer of a job.
pub(super) struct Waiter {
    reply: SyncSender<Result<Done>>,
    broken: Option<Arc<AtomicBool>>,
}

impl Waiter {
    /// A caller that has gone away needs no answer; its work is done all the same.
    pub(super) fn answer(&self, done: Result<Done>) {
        if let (Err(_), Some(broken)) = (&done, &self.broken) {
            broken.store(true, Ordering::Relaxed);
        }
        let _gone = self.reply.send(done);
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    closed: bool,
}

pub(super) struct Shared {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) spaces: Arc<Spaces>,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Jobs have left the queue, or it is closed.
    left: Condvar,
    rows_max: usize,
    bytes_max: usize,
}

/// The writer and its thread.
pub struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the writer; a commit takes no further job after so many rows or bytes.
    pub fn start(
        engine: Arc<dyn Engine>,
        metrics: Arc<Metrics>,
        spaces: Arc<Spaces>,
        rows_max: usize,
        bytes_max: usize,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engine,
            metrics,
            spaces,
            queue: Mutex::default(),
            arrived: Condvar::new(),
            left: Condvar::new(),
            rows_max,
            bytes_max,
        });
        let planner = Planner::start(Arc::clone(&shared))?;
        let thread = std::thread::Builder::new()
            .name("zmey-planner".to_owned())
            .spawn(move || planner.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Puts a job into the queue, which refuses it when too much waits already.
    pub fn submit(&self, job: Job) -> Result<Reply> {
        let queue = self.shared.lock();
        if self.shared.is_full(&queue, &job) {
            return Err(overloaded());
        }
        self.push(queue, job)
    }

    /// Puts a job into the queue as soon as there is room: a stream is slowed down, not ended.
    pub fn submit_in_turn(&self, job: Job) -> Result<Reply> {
        let mut queue = self.shared.lock();
        while self.shared.is_full(&queue, &job) {
            queue = self.shared.left.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.push(queue, job)
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, job: Job) -> Result<Reply> {
        if queue.closed {
            return Err(shutting_down());
        }
        let (reply, receiver) = sync_channel(1);
        let broken = match &job.purpose {
            Purpose::Rows(chunk) => Some(Arc::clone(&chunk.broken)),
            Purpose::Members | Purpose::Operation(..) => None,
        };
        queue.bytes += job.bytes;
        queue.waiting.push_back(Waiting { job, waiter: Waiter { reply, broken } });
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(receiver)
    }

    /// Puts a job into the queue and waits until it is durable.
    pub fn run(&self, job: Job) -> Result<Done> {
        wait(&self.submit(job)?)
    }

    /// The same where the job may wait for others: work that nobody waits for.
    pub fn run_in_turn(&self, job: Job) -> Result<Done> {
        wait(&self.submit_in_turn(job)?)
    }

    /// Commits what waits, then ends the thread; idempotent.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.arrived.notify_all();
        self.shared.left.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            // The panic has been reported by its hook; whoever waited got an internal error.
            self.shared.lock().waiting.clear();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits for the answer of a job.
pub fn wait(reply: &Reply) -> Result<Done> {
    reply.recv().unwrap_or_else(|_| Err(Fault::internal("the writer has ended")))
}

/// The fault of a call that cannot wait for all that was there before it.
pub fn overloaded() -> Fault {
    let message = "Too much is waiting to be written; try again later.";
    Fault::new(ErrorReason::Overloaded, message).with("queue", "writes")
}

/// The fault of a call that comes while or after the core is closed.
pub fn shutting_down() -> Fault {
    Fault::new(ErrorReason::ShuttingDown, "The server is shutting down; try another one.")
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A panic while the lock is held leaves a consistent queue: nothing between changes.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a job must wait for others to leave. One always fits, and a closed queue refuses
    /// all at once.
    fn is_full(&self, queue: &Queue, job: &Job) -> bool {
        let bound = self.bytes_max.saturating_mul(QUEUE_COMMITS_MAX);
        !queue.closed && !queue.waiting.is_empty() && queue.bytes + job.bytes > bound
    }

    /// The rows that wait.
    pub(super) fn rows_waiting(&self) -> usize {
        self.lock().waiting.iter().map(|waiting| waiting.job.batch.steps.len()).sum()
    }

    /// Waits for jobs and takes as many as one commit may hold, without those that came too late;
    /// `None` at the end.
    pub(super) fn take(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut jobs, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = queue.waiting.front() {
            let (next_rows, next_bytes) = (next.job.batch.steps.len(), next.job.bytes);
            let full = rows + next_rows > self.rows_max || bytes + next_bytes > self.bytes_max;
            let alone = next.job.changes_space();
            if (full || alone) && !jobs.is_empty() {
                break;
            }
            rows += next_rows;
            bytes += next_bytes;
            jobs.extend(queue.waiting.pop_front());
            if alone {
                break;
            }
        }
        queue.bytes -= bytes;
        drop(queue);
        self.left.notify_all();
        let now = Instant::now();
        jobs.retain(|waiting| {
            let late = waiting.job.deadline.is_some_and(|deadline| deadline <= now);
            if late {
                waiting.waiter.answer(Err(deadline_exceeded()));
            }
            !late
        });
        Some(jobs)
    }
}

/// Prepares jobs anew that know a former state of their space; calls are told to do it themselves.
pub(super) fn refresh(jobs: Vec<Waiting>, spaces: &Spaces) -> Vec<Waiting> {
    let mut fresh = Vec::with_capacity(jobs.len());
    for Waiting { job, waiter } in jobs {
        if spaces.is_current(&job.batch.space) {
            fresh.push(Waiting { job, waiter });
            continue;
        }
        // A panic must not end the writer, nor keep others waiting.
        match catch_unwind(AssertUnwindSafe(|| job.refreshed(spaces))) {
            Ok(Some(Ok(job))) => fresh.push(Waiting { job, waiter }),
            Ok(Some(Err(fault))) => waiter.answer(Err(fault)),
            Ok(None) => waiter.answer(Err(Fault::outdated())),
            Err(_) => waiter.answer(Err(Fault::internal("preparing a chunk again panicked"))),
        }
    }
    fresh
}

/// The fault of a call whose deadline has passed.
pub fn deadline_exceeded() -> Fault {
    Fault::new(
        ErrorReason::DeadlineExceeded,
        "The deadline passed before the write could begin; nothing was written.",
    )
}

/// A view of a snapshot with all that some jobs need, and the slots of their addresses. `room` is
/// empty.
pub fn open<'a>(
    snapshot: &'a dyn Snapshot,
    jobs: &[&'a Job],
    room: Mutations,
) -> StoreResult<(View<'a>, Vec<Vec<u32>>)> {
    let mut view = View::with_room(snapshot, room)?;
    if let Some(job) = jobs.first() {
        expiry::purge(&mut view, job.batch.moment.now.as_second())?;
    }
    view.expect(
        jobs.iter().map(|job| job.batch.steps.len()).sum(),
        jobs.iter().map(|job| job.bytes).sum(),
    );
    let books: Vec<_> = jobs.iter().map(|job| &job.batch.book).collect();
    let links = view.link(&books)?;
    let batches: Vec<_> = jobs.iter().map(|job| &job.batch).collect();
    apply::prefetch(&mut view, &batches, &links)?;
    Ok((view, links))
}

/// Applies jobs to one view of a snapshot. Pure: nothing but the answer leaves it. `room` is empty.
pub(super) fn plan(
    snapshot: &dyn Snapshot,
    jobs: &[&Job],
    room: Mutations,
) -> StoreResult<(Vec<Result<Done>>, Mutations)> {
    let (mut view, links) = open(snapshot, jobs, room)?;
    let mut reached = Reached::default();
    let mut done = Vec::with_capacity(jobs.len());
    for (job, links) in jobs.iter().zip(&links) {
        done.push(match apply_job(&mut view, job, links, &mut reached) {
            Ok(answers) => {
                Ok(Done { answers, revision: view.revision(), space: view.take_changed_space() })
            }
            Err(Failure::Fault(fault)) => Err(fault),
            Err(Failure::Store(error)) => return Err(error),
        });
    }
    Ok((done, view.into_mutations()))
}

/// Plans one job on the newest state and writes nothing: what `validate_only` answers.
pub fn rehearse(engine: &dyn Engine, job: &Job) -> Result<Done> {
    let mut outcome = Err(Fault::internal("one job has one answer"));
    engine.read(&mut |snapshot| {
        let (done, _discarded) = plan(snapshot, &[job], Mutations::default())?;
        if let Some(done) = done.into_iter().next() {
            outcome = done;
        }
        Ok(())
    })?;
    outcome
}

fn apply_job<'a>(
    view: &mut View<'_>,
    job: &'a Job,
    links: &[u32],
    reached: &mut Reached<'a>,
) -> std::result::Result<Answers, Failure> {
    Ok(match &job.purpose {
        Purpose::Members => Answers::Members(apply::members(view, &job.batch, links)?),
        Purpose::Operation(operation, options) => {
            let operation = (operation.as_ref(), options);
            Answers::Operation(operation::apply(view, &job.batch, links, operation)?)
        }
        Purpose::Rows(Chunk { keep, broken, .. }) => {
            let now_seconds = job.batch.moment.now.as_second();
            match keep {
                Some(keep) if !keep.begin(view, reached, now_seconds)? => {
                    return Ok(Answers::Repeated);
                }
                None if broken.load(Ordering::Relaxed) => return Err(behind_refused().into()),
                _ => {}
            }
            let rows = apply::rows(view, &job.batch, links)?;
            if let Some(keep) = keep {
                keep.end(view, &job.batch, &rows)?;
            }
            Answers::Rows(rows)
        }
    })
}
