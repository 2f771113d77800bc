//! The one way of the core to its jobs: operations through the writer, reads with what only the
//! memory knows.

use std::sync::Arc;
use std::time::Instant;

use prost::Message;

use super::record;
use crate::core::{Core, repeated};
use crate::fault::{Fault, Result};
use crate::matching::AddressBook;
use crate::space::Space;
use crate::wire::internal::v1;
use crate::write::operation::Operation;

/// Does an operation that answers its job.
pub fn change(
    core: &Core,
    space: &Arc<Space>,
    operation: Box<dyn Operation>,
    deadline: Option<Instant>,
) -> Result<v1::Job> {
    let outcome = core.operate(space, operation, deadline)?;
    let mut job = v1::Job::decode(outcome).map_err(Fault::internal)?;
    measure(core, &mut job);
    Ok(job)
}

/// The same for who is not called again where the policy of the space changes meanwhile.
pub fn change_by_any_policy<O: Operation + 'static>(
    core: &Core,
    space_number: u32,
    operation: impl Fn() -> O,
) -> Result<v1::Job> {
    repeated(|| change(core, &served(core, space_number)?, Box::new(operation()), None))
}

/// One job as it is now.
pub fn read_job(core: &Core, space: &Space, job_id: u64) -> Result<v1::Job> {
    let now_seconds = core.moment(space).now.as_second();
    let mut job = core.read(&AddressBook::default(), |view, _| {
        let stored = record::find(view, space.number, job_id, now_seconds)?;
        Ok(stored.to_wire(space, &record::unfinished(view)?)?)
    })?;
    measure(core, &mut job);
    Ok(job)
}

/// The space with a number. Jobs of spaces that are not served wait until theirs is.
pub fn served(core: &Core, space_number: u32) -> Result<Arc<Space>> {
    let space = core.spaces().numbered(space_number);
    space.ok_or_else(|| Fault::internal("a job of a space that is not served"))
}

/// Adds what only the memory knows of a job.
pub fn measure(core: &Core, job: &mut v1::Job) {
    if let Some(claimed) = core.jobs().claimed(job.job_id)
        && let Some(metadata) = &mut job.metadata
    {
        claimed.measure(metadata);
    }
}
