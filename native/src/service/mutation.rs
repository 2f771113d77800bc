//! The one way from a request that changes members to its answer.

use std::sync::Arc;
use std::time::Instant;

use prost::Message;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Probe};
use crate::member::batch::{Batch, Origin};
use crate::space::Space;
use crate::wire::v1::{self, WriteOptions};
use crate::write::Job;
use crate::write::operation::{Operation, Options};
use crate::write::prepare::check_source;
use crate::write::queue::{self, Purpose};
use crate::write::requests;

/// A request and how long it was.
pub struct Request<M> {
    /// The decoded request.
    pub message: M,
    /// Its length.
    pub bytes: usize,
}

/// A request that changes members.
pub trait Changing: Message + Clone {
    /// What every such request carries.
    fn options(&self) -> Option<&WriteOptions>;

    /// The same, to be changed.
    fn options_mut(&mut self) -> &mut Option<WriteOptions>;
}

macro_rules! changing {
    ($($request:ident),+ $(,)?) => {$(
        impl Changing for v1::$request {
            fn options(&self) -> Option<&WriteOptions> {
                self.options.as_ref()
            }

            fn options_mut(&mut self) -> &mut Option<WriteOptions> {
                &mut self.options
            }
        }
    )+};
}

changing! {
    AttachHeadRequest,
    DefineOriginRequest,
    DeleteMembersRequest,
    DeleteOriginRequest,
    DetachHeadRequest,
    EraseMemberRequest,
    MergeMembersRequest,
    RecordHeadEventsRequest,
    ReplaceHeadRequest,
    ResetPolicyRequest,
    RestoreMemberRequest,
    UnmergeMembersRequest,
    UpdatePolicyRequest,
}

/// Refuses an expected version where there is no one body that could have it.
pub fn refuse_version(options: Option<&WriteOptions>) -> Result<()> {
    if options.is_some_and(|options| options.expected_version.is_some()) {
        let problem = "is of the body of one living member; leave it out";
        return Err(Fault::invalid("options.expected_version", problem));
    }
    Ok(())
}

/// What must be the same when a request comes again. Validating it beforehand is not another
/// request, or a replay could not be validated.
fn identity<M: Changing>(method: &str, request: &M) -> Vec<u8> {
    let mut request = request.clone();
    if let Some(options) = request.options_mut() {
        options.validate_only = false;
    }
    let mut identity = [method.as_bytes(), b"\0"].concat();
    identity.extend(request.encode_to_vec());
    identity
}

/// Does an operation, or only plans it; answers its outcome and whether it is a stored one.
pub fn mutate<O: Message + Default, M: Changing>(
    core: &Core,
    space: &Arc<Space>,
    (book, probes): (AddressBook, Vec<Probe>),
    operation: Box<dyn Operation>,
    request: &Request<M>,
    deadline: Option<Instant>,
) -> Result<(O, bool)> {
    let options = request.message.options().cloned().unwrap_or_default();
    check_source(&options.source)?;
    let known = if options.request_id.is_empty() {
        None
    } else {
        let identity = identity(operation.name(), &request.message);
        requests::prepare(space.number, &options.request_id, &identity)?
    };
    let applied = Options {
        source: options.source,
        expected_version: options.expected_version,
        request: known,
    };
    let batch = Batch {
        space: Arc::clone(space),
        book: book.sealed(),
        probes,
        steps: Vec::new(),
        cells: None,
        row_probes: Vec::new(),
        origin: Origin::Call,
        moment: core.moment(space),
        in_order: false,
    };
    let purpose = Purpose::Operation(operation, applied);
    let job = Job { batch, purpose, bytes: request.bytes, deadline };
    let done = if options.validate_only {
        queue::rehearse(core.engine(), &job)?
    } else {
        core.writer().run(job)?
    };
    let answer = done.operation()?;
    Ok((O::decode(answer.outcome).map_err(Fault::internal)?, answer.replayed))
}
