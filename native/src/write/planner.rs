//! Two threads make commits: while one writes and syncs a commit, the other plans the next on top
//! of it. At most one commit is under way, and a plan whose ground has failed is made anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::fault::{Fault, Result};
use crate::store::overlay::Overlay;
use crate::store::{SortedMutations, StoreError, StoreResult};
use crate::write::queue::{Done, Job, Shared, Waiting, answer, plan};

/// Fewer rows are not worth planning ahead: they wait for the commit that is under way, so that
/// more calls share the next one.
const AHEAD_ROWS_MIN: usize = 1_000;

/// Jobs with what is to be written and answered.
struct Planned {
    jobs: Vec<Waiting>,
    done: Vec<Result<Done>>,
    mutations: Arc<SortedMutations>,
    begun: Instant,
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
        Ok(Self { shared, commits, committer })
    }

    /// Plans and hands over until the queue is closed and empty.
    pub(super) fn run(self) {
        let mut under_way: Option<UnderWay> = None;
        loop {
            if under_way.is_some() && self.shared.rows_waiting() < AHEAD_ROWS_MIN {
                under_way.take().map(UnderWay::finish);
            }
            let Some(jobs) = self.shared.take() else {
                break;
            };
            if !jobs.is_empty() {
                under_way = self.plan_and_hand_over(jobs, under_way.take());
            }
        }
        drop(self.commits);
        // Its panics are caught; what is left to wait for is the last commit.
        let _ended = self.committer.join();
    }

    fn plan_and_hand_over(
        &self,
        jobs: Vec<Waiting>,
        under_way: Option<UnderWay>,
    ) -> Option<UnderWay> {
        let begun = Instant::now();
        let mut planned = self.plan(&jobs, under_way.as_ref());
        if under_way.is_some_and(|under_way| !under_way.finish()) {
            planned = self.plan(&jobs, None);
        }
        let (done, mutations) = match planned {
            Ok(planned) => planned,
            Err(error) => {
                refuse(&jobs, &error);
                return None;
            }
        };
        let (sender, succeeded) = sync_channel(1);
        let handed = Planned { jobs, done, mutations: Arc::clone(&mutations), begun };
        // The committer lives as long as the planner.
        self.commits.send((handed, sender)).ok()?;
        Some(UnderWay { mutations, succeeded })
    }

    fn plan(
        &self,
        jobs: &[Waiting],
        under_way: Option<&UnderWay>,
    ) -> StoreResult<(Vec<Result<Done>>, Arc<SortedMutations>)> {
        let jobs: Vec<&Job> = jobs.iter().map(|waiting| &waiting.job).collect();
        let mut planned = None;
        caught(|| {
            self.shared.engine.read(&mut |snapshot| {
                let (done, mutations) = match under_way {
                    Some(under_way) => plan(&Overlay::new(snapshot, &under_way.mutations), &jobs)?,
                    None => plan(snapshot, &jobs)?,
                };
                planned = Some((done, Arc::new(mutations.sorted())));
                Ok(())
            })
        })?;
        planned.ok_or_else(|| StoreError::Io("the engine did not run the plan".to_owned()))
    }
}

impl UnderWay {
    /// Waits for the end of the commit; whether it succeeded.
    fn finish(self) -> bool {
        self.succeeded.recv().unwrap_or(false)
    }
}

/// Commits and answers; whether it succeeded.
fn commit(shared: &Shared, planned: Planned) -> bool {
    let Planned { jobs, done, mutations, begun } = planned;
    let written = if mutations.is_empty() {
        Ok(())
    } else {
        caught(|| shared.engine.write_sorted(&mut |_| Ok(Arc::clone(&mutations))))
    };
    let rows = jobs.iter().map(|waiting| waiting.job.batch.steps.len()).sum();
    shared.metrics.committed(rows, jobs.len(), begun.elapsed());
    match written {
        Ok(()) => {
            for (waiting, done) in jobs.iter().zip(done) {
                answer(waiting, done);
            }
            true
        }
        Err(error) => {
            refuse(&jobs, &error);
            false
        }
    }
}

fn refuse(jobs: &[Waiting], error: &StoreError) {
    let fault = Fault::from(error.clone());
    for waiting in jobs {
        answer(waiting, Err(fault.clone()));
    }
}

/// A panic must not end the writer: whoever waits behind would wait for ever. Nothing of the
/// commit was written, and nothing of it is used again.
fn caught(work: impl FnOnce() -> StoreResult<()>) -> StoreResult<()> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(StoreError::Io("the writer panicked".to_owned())))
}
