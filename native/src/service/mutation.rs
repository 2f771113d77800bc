//! The one way from a request that changes members to its answer.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use prost::Message;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Probe};
use crate::member::step::{Batch, Origin};
use crate::space::Space;
use crate::wire::v1::WriteOptions;
use crate::write::Job;
use crate::write::operation::{Operation, Options};
use crate::write::prepare::check_source;
use crate::write::queue::{self, Answers, Purpose};
use crate::write::requests;

/// A request with its bytes, which tell whether it is the same when it comes again.
pub struct Request<M> {
    /// The decoded request.
    pub message: M,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Does an operation, or only plans it; answers its outcome and whether it is a stored one.
pub fn mutate<O: Message + Default, M>(
    core: &Core,
    space: &Arc<Space>,
    (book, probes): (AddressBook, Vec<Probe>),
    operation: Box<dyn Operation>,
    options: Option<&WriteOptions>,
    request: &Request<M>,
    deadline: Option<Instant>,
) -> Result<(O, bool)> {
    let options = options.cloned().unwrap_or_default();
    check_source(&options.source)?;
    let identity = [operation.name().as_bytes(), b"\0", &request.bytes].concat();
    let applied = Options {
        source: options.source,
        expected_version: options.expected_version,
        request: requests::prepare(space.number, &options.request_id, &identity)?,
    };
    let batch = Batch {
        space: Arc::clone(space),
        book: book.sealed(),
        probes,
        steps: Vec::new(),
        cells: None,
        origin: Origin::Call,
        moment: core.moment(space),
    };
    let purpose = Purpose::Operation(operation, applied);
    let job = Job { batch, purpose, bytes: request.bytes.len(), deadline };
    let done = if options.validate_only {
        queue::rehearse(core.engine(), &job)?
    } else {
        core.writer().run(job)?
    };
    let Answers::Operation(answer) = done.answers else {
        return Err(Fault::internal("an operation has one outcome"));
    };
    Ok((O::decode(answer.outcome).map_err(Fault::internal)?, answer.replayed))
}
