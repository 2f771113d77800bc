//! A job runs: its file is read, its rows are prepared while the writer commits earlier ones.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::Timestamp;
use prost::Message;

use super::access::{change_by_any_policy, read_job, served};
use super::applied::AppliedBatch;
use super::changes::{EndJob, StartJob};
use super::express::{self, ExpressBatch};
use super::groups;
use super::record::{self, Stored};
use super::registry::Running;
use super::repeated::Seen;
use super::stop::{Ran, Stop, stop};
use super::target::{Orders, Target, inspected};
use crate::core::Core;
use crate::datakey::Moment;
use crate::express::{addresses as express_addresses, prepare as prepared_express};
use crate::fault::{Fault, Result};
use crate::import::{Column, Plan, Window, rows};
use crate::matching::{AddressBook, fields};
use crate::member::batch::Batch;
use crate::reading::{self, RowReader, SourceBatch};
use crate::space::Space;
use crate::wire::internal::v1;
use crate::wire::storage::JobStart;
use crate::wire::v1::{ErrorReason, ImportLayout, ImportState, StartImportRequest, Warning};
use crate::write::Job;
use crate::write::position::Keep;
use crate::write::queue::{self, Again, Chunk, Purpose, Reply};

/// Rows of a batch: enough for its counters to cost little, few enough to stop soon.
const BATCH_ROWS: u32 = 2_000;

/// Rows of a batch of an express import, which take little time: enough to compress well.
const EXPRESS_BATCH_ROWS: u32 = 10_000;

/// Bytes of a batch.
const BATCH_BYTES: u32 = 1 << 20;

/// Bytes that a row takes besides its cells.
const ROW_BYTES: usize = 32;

/// How a run ends.
enum Way {
    /// At the end of the file.
    Through,
    /// Because it was asked to.
    Cancelled,
    /// Because the core is closing.
    Closing,
}

/// `RunJob`.
pub fn run(core: &Core, job_id: u64, path: &str) -> Result<v1::Job> {
    let stored =
        core.read(&AddressBook::default(), |view, _| record::find_unfinished(view, job_id))?;
    let space_number = stored.progress.space_number;
    let claimed = core.jobs().claim(job_id);
    let running = claimed.run().ok_or_else(|| busy(job_id))?;
    let ran = if stored.progress.is_cancelling {
        Ok(Way::Cancelled)
    } else {
        Run::begin(core, stored, Path::new(path), running).and_then(Run::apply)
    };
    let as_it_is = || read_job(core, &*served(core, space_number)?, job_id);
    let (state, error) = match ran {
        Ok(Way::Through) => (ImportState::Succeeded, Vec::new()),
        Ok(Way::Cancelled) => (ImportState::Cancelled, Vec::new()),
        Ok(Way::Closing) => return as_it_is(),
        // What a cancel finds waiting is refused.
        Err(Stop::Failed(fault)) if fault.reason == ErrorReason::ImportEnded => {
            if !claimed.is_cancelling() {
                return as_it_is();
            }
            (ImportState::Cancelled, Vec::new())
        }
        Err(Stop::Failed(fault)) => (ImportState::Failed, fault.status()),
        Err(Stop::Passing(_)) if core.is_closing() => return as_it_is(),
        Err(Stop::Passing(fault)) => return Err(fault),
    };
    let end = || EndJob { job_id, state, error: error.clone().into() };
    match change_by_any_policy(core, space_number, end) {
        Err(fault) if core.is_closing() || fault.reason == ErrorReason::ImportEnded => as_it_is(),
        Err(fault) => Err(fault),
        Ok(job) => {
            core.jobs().release(job_id);
            core.metrics().job_ended(state);
            Ok(job)
        }
    }
}

/// A batch with what is kept along with it.
type Ready = (Batch, Box<dyn Keep>, Again);

/// One run of a job.
struct Run<'a> {
    core: &'a Core,
    job_id: u64,
    space: Arc<Space>,
    orders: Arc<Orders>,
    target: Target,
    now: Timestamp,
    reader: RowReader,
    bounds: (usize, usize),
    /// The last batch that was committed before.
    committed: u64,
    file_bytes: u64,
    seen: Seen,
    /// Each with how many rows it has.
    window: Window<(usize, Reply)>,
    broken: Arc<AtomicBool>,
    running: Running,
}

impl<'a> Run<'a> {
    /// Checks everything that can keep the import from beginning; only then the group is cleaned.
    fn begin(core: &'a Core, stored: Stored, path: &Path, running: Running) -> Ran<Self> {
        let Stored { job_id, job, progress } = stored;
        let space = served(core, progress.space_number).map_err(Stop::Passing)?;
        let request = StartImportRequest::decode(job.request.clone());
        let request = request.map_err(|error| Stop::Failed(Fault::internal(error)))?;
        let (start, warnings) = match &job.start {
            Some(start) => (start.clone(), Vec::new()),
            None => started(core, &space, &request, path).map_err(Stop::Failed)?,
        };
        check_file(path, &start, job_id).map_err(Stop::Failed)?;
        let layout = ImportLayout::decode(start.layout.clone());
        let layout = layout.map_err(|error| Stop::Failed(Fault::internal(error)))?;
        let columns = layout.columns.clone();
        let orders = Orders::of(&request, columns, &job.group_id);
        let target = orders.target(&space).map_err(Stop::Failed)?;
        if let Target::Members(plan) = &target {
            check_fields(core, &space, plan).map_err(stop)?;
        }
        let reader = reading::open(path, &layout).map_err(Stop::Failed)?;
        let started = || StartJob { job_id, start: start.clone(), warnings: warnings.clone() };
        change_by_any_policy(core, space.number, started).map_err(stop)?;
        if let Target::Express(plan, _) = &target {
            express::make(core, &space, (job_id, &job), plan).map_err(stop)?;
        } else if !job.group_id.is_empty() {
            groups::make(core, &space, &job.group_id, &job.group_name).map_err(stop)?;
        }
        // Whoever goes on before the first row has joined may clean once more.
        if progress.clean_group && progress.batches == 0 {
            groups::clean(core, &space, &job.group_id).map_err(stop)?;
        }
        Ok(Self {
            core,
            job_id,
            orders: Arc::new(orders),
            target,
            now: Timestamp::from_second(start.moment_seconds).unwrap_or_default(),
            reader,
            bounds: (start.batch_rows as usize, start.batch_bytes as usize),
            committed: progress.batches,
            file_bytes: start.file_bytes,
            seen: Seen::default(),
            window: Window::new(core.import_window_bytes()),
            broken: Arc::default(),
            running,
            space,
        })
    }

    /// Applies the rest of the file.
    fn apply(mut self) -> Ran<Way> {
        let mut number = 0;
        let way = loop {
            if self.core.is_closing() {
                break Way::Closing;
            }
            if self.running.is_cancelling() {
                break Way::Cancelled;
            }
            let (rows_max, bytes_max) = self.bounds;
            let source = match self.reader.next_batch(rows_max, bytes_max) {
                Ok(Some(source)) => source,
                Ok(None) => break Way::Through,
                Err(fault) => {
                    self.settle_all()?;
                    return Err(Stop::Failed(fault));
                }
            };
            number += 1;
            self.take(number, Arc::new(source))?;
        };
        self.settle_all()?;
        Ok(way)
    }

    /// Hands a batch over to the writer, unless it was committed before.
    fn take(&mut self, number: u64, source: Arc<SourceBatch>) -> Ran<()> {
        self.follow_policy().map_err(Stop::Failed)?;
        let bytes = weight(&source);
        let read_bytes = self.reader.bytes_read().min(self.file_bytes);
        let rows = source.rows.len();
        if number <= self.committed {
            self.pass_over(&source, bytes);
            return Ok(());
        }
        let begun = Instant::now();
        let (batch, keep, again) = self.ready(number, source, (bytes, read_bytes));
        self.core.metrics().job_batch(self.reader.take_time(), begun.elapsed());
        if number == self.committed + 1 {
            self.running.begin(read_bytes);
        }
        self.running.read(read_bytes);
        while !self.window.try_reserve(bytes) {
            self.settle()?;
        }
        let broken = Arc::clone(&self.broken);
        let chunk = Chunk { keep: Some(keep), broken, again };
        let job = Job { batch, purpose: Purpose::Rows(chunk), bytes, deadline: None };
        let reply = self.core.writer().submit_in_turn(job).map_err(stop)?;
        self.window.push(bytes, (rows, reply));
        Ok(())
    }

    /// Lets the rows of a batch that was committed before count for later ones that repeat them.
    fn pass_over(&mut self, source: &SourceBatch, bytes: usize) {
        match &self.target {
            Target::Members(plan) => {
                self.seen.count(&prepared(&self.space, plan, source, bytes, self.now));
            }
            Target::Express(plan, _) => {
                self.seen.count_addresses(&express_addresses(&self.space, plan, source));
            }
        }
    }

    /// Prepares a batch.
    fn ready(
        &mut self,
        number: u64,
        source: Arc<SourceBatch>,
        (bytes, read_bytes): (usize, u64),
    ) -> Ready {
        let (job_id, claimed) = (self.job_id, self.running.claimed());
        let applied = |source, repeated| AppliedBatch {
            job_id,
            number,
            source,
            repeated,
            read_bytes,
            claimed,
        };
        match &self.target {
            Target::Members(plan) => {
                let batch = prepared(&self.space, plan, &source, bytes, self.now);
                let repeated = self.seen.count(&batch);
                let again = self.again(Arc::clone(&source), bytes);
                (batch, Box::new(applied(source, repeated)), again)
            }
            Target::Express(plan, id) => {
                let (plan, list_id) = (Arc::clone(plan), id.clone());
                let prepared = prepared_express(&self.space, &plan, &list_id, &source);
                let repeated = self.seen.count_addresses(&prepared.addresses);
                let applied = applied(source, repeated);
                // The time of its use is that of the clock, whatever that of the import is.
                let moment = self.core.moment(&self.space);
                let batch = Batch::bare(Arc::clone(&self.space), moment.clone());
                // The batch has the rows no longer where the policy changes: what is kept does.
                let again = Again(Box::new(move |space| {
                    Ok(Batch::bare(Arc::clone(space), moment.clone()))
                }));
                (batch, Box::new(ExpressBatch { applied, list_id, plan, prepared }), again)
            }
        }
    }

    /// Compiles the columns anew where the policy of the space has changed.
    fn follow_policy(&mut self) -> Result<()> {
        let current = self.core.spaces().named(self.space.name());
        if let Some(current) = current.filter(|current| !Arc::ptr_eq(current, &self.space)) {
            self.target = self.orders.target(&current)?;
            self.space = current;
        }
        Ok(())
    }

    /// The way to prepare a batch once more, by a policy that came before its turn.
    fn again(&self, source: Arc<SourceBatch>, bytes: usize) -> Again {
        let (orders, now) = (Arc::clone(&self.orders), self.now);
        Again(Box::new(move |space| Ok(prepared(space, &orders.plan(space)?, &source, bytes, now))))
    }

    fn settle_all(&mut self) -> Ran<()> {
        while self.settle()? {}
        Ok(())
    }

    /// Waits for the batch that was handed over first; whether there was one.
    fn settle(&mut self) -> Ran<bool> {
        let Some((bytes, (rows, reply))) = self.window.try_next() else { return Ok(false) };
        let done = queue::wait(&reply);
        self.window.release(bytes);
        if let queue::Answers::Rows(_) = done.map_err(stop)?.answers {
            self.running.applied(rows as u64);
            self.core.metrics().job_rows(rows);
        }
        Ok(true)
    }
}

/// What must stay the same from now on, and warnings about the file.
fn started(
    core: &Core,
    space: &Space,
    request: &StartImportRequest,
    path: &Path,
) -> Result<(JobStart, Vec<Warning>)> {
    let inspection = inspected(path, request)?;
    if let Some(problem) = inspection.problem {
        return Err(problem);
    }
    let start = JobStart {
        layout: inspection.layout.encode_to_vec().into(),
        moment_seconds: core.moment(space).now.as_second(),
        batch_rows: if request.express { EXPRESS_BATCH_ROWS } else { BATCH_ROWS },
        batch_bytes: BATCH_BYTES,
        file_bytes: inspection.file_bytes,
    };
    Ok((start, inspection.warnings))
}

/// Refuses to begin before the fields answer by which rows find members: no row would be taken.
fn check_fields(core: &Core, space: &Space, plan: &Plan) -> Result<()> {
    core.read(&AddressBook::default(), |view, _| {
        plan.columns.iter().try_for_each(|column| match column {
            Column::Field(path) => fields::check_answers(view, space, path),
            _ => Ok(()),
        })
    })
}

/// Refuses a file that is not the one with which the job began: its batches would be others.
fn check_file(path: &Path, start: &JobStart, job_id: u64) -> Result<()> {
    let found = std::fs::metadata(path).map(|found| found.len());
    if found.is_ok_and(|found| found == start.file_bytes) {
        return Ok(());
    }
    let message = "The file of the import is gone or is another one by now; start it again.";
    Err(Fault::new(ErrorReason::ImportFileChanged, message).with("job_id", job_id))
}

fn prepared(
    space: &Arc<Space>,
    plan: &Arc<Plan>,
    source: &SourceBatch,
    bytes: usize,
    now: Timestamp,
) -> Batch {
    let moment = Moment { now, zone: space.zone.clone() };
    rows::prepare(space, plan, (&source.rows, bytes), moment)
}

/// About how many bytes a batch takes.
fn weight(source: &SourceBatch) -> usize {
    let row = |cells: &[bytes::Bytes]| cells.iter().map(bytes::Bytes::len).sum::<usize>();
    let rows = source.rows.iter().map(|it| row(&it.cells) + ROW_BYTES).sum::<usize>();
    rows + source.problems.iter().map(|problem| problem.text.len()).sum::<usize>()
}

fn busy(job_id: u64) -> Fault {
    Fault::new(ErrorReason::ImportBusy, "The import is running already.").with("import_id", job_id)
}
