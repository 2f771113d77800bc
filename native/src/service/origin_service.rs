//! `OriginService`: names of the sources of creation of heads.

use std::time::Instant;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::AddressBook;
use crate::member::origins::{check_number, checked_label};
use crate::operations::origins::{DefineOrigin, DeleteOrigin};
use crate::service::mutation::{Request, mutate, refuse_version};
use crate::wire::v1;

/// `DefineOrigin`.
pub fn define_origin(
    core: &Core,
    request: &Request<v1::DefineOriginRequest>,
    deadline: Option<Instant>,
) -> Result<v1::DefineOriginResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    refuse_version(asked.options.as_ref())?;
    check_number(asked.number)?;
    let label = checked_label(&asked.label)?;
    let operation = Box::new(DefineOrigin { number: asked.number, label });
    let nobody = (AddressBook::default(), Vec::new());
    let (outcome, replayed) = mutate(core, space, nobody, operation, request, deadline)?;
    Ok(v1::DefineOriginResponse { outcome: Some(outcome), replayed })
}

/// `ListOrigins`.
pub fn list_origins(
    core: &Core,
    request: &v1::ListOriginsRequest,
) -> Result<v1::ListOriginsResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    core.read(&AddressBook::default(), |view, _| {
        let origin =
            |(&number, label): (&u32, &String)| v1::Origin { number, label: label.clone() };
        let origins = view.origins(space.number)?.iter().map(origin).collect();
        Ok(v1::ListOriginsResponse { origins, revision: view.revision() })
    })
}

/// `DeleteOrigin`.
pub fn delete_origin(
    core: &Core,
    request: &Request<v1::DeleteOriginRequest>,
    deadline: Option<Instant>,
) -> Result<v1::DeleteOriginResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    refuse_version(asked.options.as_ref())?;
    if asked.number == 0 {
        return Err(Fault::required("number"));
    }
    let operation = Box::new(DeleteOrigin { number: asked.number });
    let nobody = (AddressBook::default(), Vec::new());
    let (outcome, replayed) = mutate(core, space, nobody, operation, request, deadline)?;
    Ok(v1::DeleteOriginResponse { outcome: Some(outcome), replayed })
}
