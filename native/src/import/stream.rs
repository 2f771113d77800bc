//! One running `StreamImport`: chunks are prepared on the caller's thread while the writer commits
//! earlier ones; a window of bytes bounds what waits.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prost::Message;

use crate::core::Core;
use crate::datakey::Moment;
use crate::fault::{Fault, Result};
use crate::import::columns::Plan;
use crate::import::rows;
use crate::import::window::Window;
use crate::member::batch::Batch;
use crate::service::check_items;
use crate::space::Space;
use crate::wire::v1::stream_import_request::Message as Request;
use crate::wire::v1::stream_import_response::Message as Response;
use crate::wire::v1::{
    ErrorReason, ImportChunk, ImportOpened, ImportOptions, ImportReceipt, OutcomeStatus, RowReject,
    RowWarning, StreamImportRequest, StreamImportResponse,
};
use crate::wire::{decode, encode};
use crate::write::apply::Refusal;
use crate::write::position::{Keep, Position, gap};
use crate::write::queue::{self, Again, Answers, Chunk, Done, Job, Purpose, Reply};

/// Bytes of an import id; file names and dates are shorter.
const IMPORT_ID_BYTES_MAX: usize = 128;

/// An import that may be resumed and is running: space number and import id.
pub type ActiveImport = (u32, String);

/// A chunk whose receipt has not been given yet: its number, and what becomes of it.
type Pending = (u64, Fate);

/// What becomes of a chunk.
enum Fate {
    /// Committed before.
    Repeated,
    /// Planned only.
    Planned(Box<Result<Done>>),
    /// In the writer's queue.
    Waiting(Reply),
}

/// The import. `submit` and `receipt` are called from two threads.
pub struct ImportStream {
    core: Arc<Core>,
    space: Arc<Space>,
    plan: Arc<Plan>,
    moment: Moment,
    validate_only: bool,
    active: Option<ActiveImport>,
    opened: Vec<u8>,
    /// Where the next chunk goes; taken by one `submit` at a time.
    next: Mutex<(u64, Option<Position>)>,
    committed_before: u64,
    /// Whether a chunk was refused as a whole.
    broken: Arc<AtomicBool>,
    window: Window<Pending>,
}

impl ImportStream {
    /// Opens an import; `request` is its first message.
    pub fn open(core: Arc<Core>, request: Bytes) -> Result<Self> {
        let Some(Request::Options(options)) = decode::<StreamImportRequest>(request)?.message
        else {
            let message = "The first message of an import must be its options.";
            return Err(Fault::new(ErrorReason::ImportNotOpened, message));
        };
        let space = core.spaces().get(options.space.as_ref())?;
        let plan = Arc::new(Plan::compile(&space, &options)?);
        if options.import_id.len() > IMPORT_ID_BYTES_MAX {
            let length = options.import_id.len();
            return Err(Fault::limit("import_id", IMPORT_ID_BYTES_MAX, length));
        }
        let moment = core.moment(&space);
        let active = activate(&core, &space, &options)?;
        let mut stream = Self {
            moment,
            plan,
            validate_only: options.validate_only,
            active,
            opened: Vec::new(),
            next: Mutex::new((1, None)),
            committed_before: 0,
            broken: Arc::default(),
            window: Window::new(core.import_window_bytes()),
            space,
            core,
        };
        stream.find_position()?;
        Ok(stream)
    }

    /// The encoded answer to the options.
    pub fn opened(&self) -> &[u8] {
        &self.opened
    }

    /// Takes one message with a chunk; blocks while the window is full.
    pub fn submit(&self, request: Bytes) -> Result<()> {
        let bytes = request.len();
        let chunk = chunk_of(request.clone())?;
        check_items("chunk.rows", chunk.rows.len())?;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if chunk.number <= self.committed_before && chunk.number > 0 {
            self.window.reserve(bytes)?;
            self.window.push(bytes, (chunk.number, Fate::Repeated));
            return Ok(());
        }
        if chunk.number != next.0 {
            return Err(gap(next.0, chunk.number));
        }
        let position = next.1.as_ref().map(Position::next);
        let fate = self.start(&chunk, position, request)?;
        next.0 += 1;
        next.1 = next.1.as_ref().map(Position::next);
        self.window.push(bytes, (chunk.number, fate));
        Ok(())
    }

    /// Says that no chunk follows.
    pub fn finish(&self) {
        self.window.finish();
    }

    /// Gives up: blocked calls return, and no chunk is taken any more.
    pub fn cancel(&self) {
        self.window.cancel();
    }

    /// Waits for the next receipt, in the order of the chunks; `None` after the last one.
    pub fn receipt(&self) -> Result<Option<Vec<u8>>> {
        let Some((bytes, (number, fate))) = self.window.next() else {
            return Ok(None);
        };
        let done = match fate {
            Fate::Repeated => None,
            Fate::Planned(done) => Some(*done),
            Fate::Waiting(reply) => Some(queue::wait(&reply)),
        };
        self.window.release(bytes);
        let receipt = match done {
            None => ImportReceipt { chunk: number, repeated: true, ..Default::default() },
            Some(done) => receipt(number, done?)?,
        };
        Ok(Some(response(Response::Receipt(receipt))))
    }

    fn find_position(&mut self) -> Result<()> {
        if let Some((space, import_id)) = &self.active {
            let now_seconds = self.moment.now.as_second();
            let position = Position::open(self.core.engine(), *space, import_id, now_seconds)?;
            self.committed_before = position.next_chunk - 1;
            self.next = Mutex::new((position.next_chunk, Some(position)));
        }
        let next_chunk = self.committed_before + 1;
        self.opened = response(Response::Opened(ImportOpened { next_chunk }));
        Ok(())
    }

    fn start(
        &self,
        chunk: &ImportChunk,
        position: Option<Position>,
        request: Bytes,
    ) -> Result<Fate> {
        let bytes = request.len();
        self.window.reserve(bytes)?;
        let space = self.core.spaces().named(self.space.name());
        let space = space.as_ref().unwrap_or(&self.space);
        let batch = batch(space, &self.plan, chunk, self.moment_in(space));
        let keep = position.map(|position| Box::new(position) as Box<dyn Keep>);
        let chunk = Chunk { keep, broken: Arc::clone(&self.broken), again: self.again(request) };
        let job = Job { batch, purpose: Purpose::Rows(chunk), bytes, deadline: None };
        let started = if self.validate_only {
            let planned = queue::rehearse(self.core.engine(), &job);
            Ok(Fate::Planned(Box::new(planned)))
        } else {
            self.core.writer().submit_in_turn(job).map(Fate::Waiting)
        };
        if started.is_err() {
            self.window.release(bytes);
        }
        started
    }

    /// The way to prepare a chunk once more. It keeps the bytes of the request, not the rows, whose
    /// cells would take several times as much.
    fn again(&self, request: Bytes) -> Again {
        let (plan, now) = (Arc::clone(&self.plan), self.moment.now);
        Again(Box::new(move |space| {
            let chunk = chunk_of(request.clone())?;
            let moment = Moment { now, zone: space.zone.clone() };
            Ok(batch(space, &plan, &chunk, moment))
        }))
    }

    /// The one moment of the import, in the zone that the space has by now.
    fn moment_in(&self, space: &Space) -> Moment {
        Moment { now: self.moment.now, zone: space.zone.clone() }
    }
}

impl Drop for ImportStream {
    fn drop(&mut self) {
        if let Some(active) = &self.active {
            self.core.active_imports().remove(active);
        }
    }
}

/// Makes sure that nobody else runs the import; imports without an id are not remembered.
fn activate(core: &Core, space: &Space, options: &ImportOptions) -> Result<Option<ActiveImport>> {
    if options.import_id.is_empty() || options.validate_only {
        return Ok(None);
    }
    let active = (space.number, options.import_id.clone());
    if core.active_imports().insert(active.clone()) {
        return Ok(Some(active));
    }
    Err(Fault::new(
        ErrorReason::ImportBusy,
        "Another stream is importing under this import_id; wait for it or choose another id.",
    )
    .with("import_id", &options.import_id))
}

fn batch(space: &Arc<Space>, plan: &Arc<Plan>, chunk: &ImportChunk, moment: Moment) -> Batch {
    rows::prepare(space, plan, (&chunk.rows, chunk.encoded_len()), moment)
}

fn chunk_of(request: Bytes) -> Result<ImportChunk> {
    match decode::<StreamImportRequest>(request)?.message {
        Some(Request::Chunk(chunk)) => Ok(chunk),
        _ => Err(Fault::invalid("message", "must be a chunk after the options")),
    }
}

fn response(message: Response) -> Vec<u8> {
    encode(&StreamImportResponse { message: Some(message) })
}

fn receipt(chunk: u64, done: Done) -> Result<ImportReceipt> {
    let rows = match done.answers {
        Answers::Rows(rows) => rows,
        Answers::Repeated => {
            return Ok(ImportReceipt { chunk, repeated: true, ..Default::default() });
        }
        Answers::Members(_) | Answers::Operation(_) => {
            return Err(Fault::internal("a chunk has rows"));
        }
    };
    let mut receipt = ImportReceipt { chunk, revision: done.revision, ..Default::default() };
    receipt.statuses.reserve(rows.len());
    receipt.contact_ids.reserve(rows.len());
    for (row, outcome) in (0..).zip(rows) {
        let (status, contact) = match outcome {
            Ok(outcome) => {
                let warning = |warning| RowWarning { row, warning: Some(warning) };
                receipt.warnings.extend(outcome.warnings.into_iter().map(warning));
                (outcome.status, outcome.contact)
            }
            Err(Refusal { fault, .. }) => {
                receipt.rejects.push(RowReject { row, fault: Some(fault.into()) });
                (OutcomeStatus::Rejected, 0)
            }
        };
        receipt.statuses.push(status.into());
        receipt.contact_ids.push(contact);
    }
    Ok(receipt)
}
