//! Two threads make commits: while one writes and syncs a commit, the other plans the next on top
//! of it. At most one commit is under way, and a plan whose ground has failed is made anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result};
use crate::metrics::CommitTime;
use crate::store::overlay::Overlay;
use crate::store::{Mutations, SortedMutations, StoreError, StoreResult};
use crate::write::queue::{Done, Job, Shared, Waiter, Waiting, plan, refresh};

/// Fewer rows are not worth planning ahead: they wait for the commit that is under way, so that
/// more calls share the next one.
const AHEAD_ROWS_MIN: usize = 1_000;

/// What is to be written, and who waits for it with which answer.
struct Planned {
    answers: Vec<(Waiter, Result<Done>)>,
    rows: usize,
    mutations: Arc<SortedMutations>,
    begun: Instant,
    /// How long planning took.
    took: Duration,
}

/// A commit that is under way.
struct UnderWay {
    mutations: Arc<SortedMutations>,
    succeeded: Receiver<bool>,
}

/// Plans commits and hands them to a thread of its own.
pub(super) struct Planner {
    shared: Arc<Shared>,
    commits: SyncSender<(Planned, SyncSender<bool>)>,
    committer: JoinHandle<()>,
    under_way: Option<UnderWay>,
    /// The memory of an earlier commit for the next plan: large batches take longer to get memory
    /// from the system than to fill it.
    room: Mutations,
}

impl Planner {
    /// Starts the thread that commits.
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (commits, planned) = sync_channel::<(Planned, SyncSender<bool>)>(0);
        let worker = Arc::clone(&shared);
        let committer =
            std::thread::Builder::new().name("zmey-writer".to_owned()).spawn(move || {
                for (planned, succeeded) in planned {
                    let success = commit(&worker, planned);
                    // The planner asks only before it hands over the next one.
                    let _not_asked = succeeded.send(success);
                }
            })?;
        Ok(Self { shared, commits, committer, under_way: None, room: Mutations::default() })
    }

    /// Plans and hands over until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            if self.under_way.is_some() && self.shared.rows_waiting() < AHEAD_ROWS_MIN {
                self.finish();
                // Who has little to do does not keep the memory of much.
                self.room = Mutations::default();
            }
            let Some(jobs) = self.shared.take() else {
                break;
            };
            let changes_space = jobs.iter().any(|waiting| waiting.job.changes_space());
            // Nothing is planned on top of a policy that may not come to be, or by the former one.
            if changes_space {
                self.finish();
            }
            let jobs = refresh(jobs, &self.shared.spaces);
            if !jobs.is_empty() {
                self.plan_and_hand_over(jobs);
            }
            if changes_space {
                self.finish();
            }
        }
        drop(self.commits);
        // Its panics are caught; what is left to wait for is the last commit.
        let _ended = self.committer.join();
    }

    fn plan_and_hand_over(&mut self, jobs: Vec<Waiting>) {
        let begun = Instant::now();
        let mut planned = self.plan(&jobs);
        let mut took = begun.elapsed();
        if !self.finish() {
            let again = Instant::now();
            planned = self.plan(&jobs);
            took += again.elapsed();
        }
        let (done, mutations) = match planned {
            Ok(planned) => planned,
            Err(error) => return refuse(jobs.iter().map(|waiting| &waiting.waiter), &error),
        };
        let (sender, succeeded) = sync_channel(1);
        let rows = jobs.iter().map(|waiting| waiting.job.batch.steps.len()).sum();
        // The batches are dropped here: nothing of a commit that is under way is planned again.
        let answers = jobs.into_iter().map(|waiting| waiting.waiter).zip(done).collect();
        let handed = Planned { answers, rows, mutations: Arc::clone(&mutations), begun, took };
        if self.commits.send((handed, sender)).is_ok() {
            self.under_way = Some(UnderWay { mutations, succeeded });
        }
    }

    /// Plans on top of the commit that is under way, if any.
    fn plan(&mut self, jobs: &[Waiting]) -> StoreResult<(Vec<Result<Done>>, Arc<SortedMutations>)> {
        let jobs: Vec<&Job> = jobs.iter().map(|waiting| &waiting.job).collect();
        let (under_way, room) = (&self.under_way, &mut self.room);
        let mut planned = None;
        caught(|| {
            self.shared.engine.read(&mut |snapshot| {
                let room = std::mem::take(room);
                let (done, mutations) = match under_way {
                    Some(UnderWay { mutations, .. }) => {
                        plan(&Overlay::new(snapshot, mutations), &jobs, room)?
                    }
                    None => plan(snapshot, &jobs, room)?,
                };
                planned = Some((done, Arc::new(mutations.sorted())));
                Ok(())
            })
        })?;
        planned.ok_or_else(|| StoreError::Io("the engine did not run the plan".to_owned()))
    }

    /// Waits for the end of the commit that is under way; false where there was one and it failed.
    fn finish(&mut self) -> bool {
        let Some(UnderWay { mutations, succeeded }) = self.under_way.take() else {
            return true;
        };
        let succeeded = succeeded.recv().unwrap_or(false);
        self.room = Arc::into_inner(mutations).map(SortedMutations::recycled).unwrap_or_default();
        succeeded
    }
}

/// Commits and answers; whether it succeeded.
fn commit(shared: &Shared, planned: Planned) -> bool {
    let Planned { answers, rows, mutations, begun, took } = planned;
    let handed = Instant::now();
    let written = if mutations.is_empty() {
        Ok(())
    } else {
        caught(|| shared.engine.write_sorted(&mut |_| Ok(Arc::clone(&mutations))))
    };
    let time = CommitTime { plan: took, write: handed.elapsed(), whole: begun.elapsed() };
    shared.metrics.committed(rows, answers.len(), time);
    match written {
        Ok(()) => {
            let changed = answers.iter().filter_map(|(_, done)| done.as_ref().ok()?.space.clone());
            changed.for_each(|space| shared.spaces.put(space));
            for (waiter, done) in answers {
                waiter.answer(done);
            }
            true
        }
        Err(error) => {
            refuse(answers.iter().map(|(waiter, _)| waiter), &error);
            false
        }
    }
}

fn refuse<'a>(waiters: impl Iterator<Item = &'a Waiter>, error: &StoreError) {
    let fault = Fault::from(error.clone());
    for waiter in waiters {
        waiter.answer(Err(fault.clone()));
    }
}

/// A panic must not end the writer: whoever waits behind would wait for ever. Nothing of the
/// commit was written, and nothing of it is used again.
fn caught(work: impl FnOnce() -> StoreResult<()>) -> StoreResult<()> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(StoreError::Io("the writer panicked".to_owned())))
}
