//! `HeadService`: single identifiers of members.

use std::time::Instant;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::decide::nobody;
use crate::matching::{AddressBook, Policy, Probe, Target, prepare, report};
use crate::member::origins::OriginName;
use crate::member::{read, record};
use crate::operations::attach_head::{AttachHead, NewHead};
use crate::operations::detach_head::DetachHead;
use crate::operations::replace_head::ReplaceHead;
use crate::service::mutation::{Request, mutate};
use crate::service::reading::by_keys;
use crate::space::Space;
use crate::wire::v1;
use crate::wire::v1::{AddressType, KeyKind};

/// `ListHeads`.
pub fn list_heads(core: &Core, request: &v1::ListHeadsRequest) -> Result<v1::ListHeadsResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    let asked = (request.keys.as_ref(), request.policy.as_ref());
    by_keys(core, space, asked, request.min_revision, |view, keys, decision| {
        if decision.contact == 0 {
            return Err(nobody(keys).into());
        }
        let body = read::living_body(view, space.number, decision.contact)?;
        let heads = read::heads(view, space.number, &body)?;
        Ok(v1::ListHeadsResponse {
            contact_id: decision.contact,
            version: body.version,
            heads: heads.iter().map(|(id, head)| record::head_state(*id, head)).collect(),
            resolution: Some(report::resolution(keys, decision, false)),
            revision: view.revision(),
        })
    })
}

/// `AttachHead`.
pub fn attach_head(
    core: &Core,
    request: &Request<v1::AttachHeadRequest>,
    deadline: Option<Instant>,
) -> Result<v1::AttachHeadResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    let policy = Policy::compile(asked.policy.as_ref())?;
    let keys = asked.keys.as_ref().ok_or_else(|| Fault::required("keys"))?;
    let (mut book, mut probes) = (AddressBook::default(), Vec::new());
    prepare(space, &policy, keys, &mut book, &mut probes)?;
    let head = NewHead {
        entry: entry(space, asked.head.as_ref(), "head", &mut book)?,
        confirm: asked.newbie_confirm,
        origin: OriginName::of_call(asked.origin, &asked.origin_label)?,
    };
    let operation = AttachHead { keys: 0..probes.len(), manner: policy.manner, head };
    let (outcome, replayed) =
        mutate(core, space, (book, probes), Box::new(operation), request, deadline)?;
    Ok(v1::AttachHeadResponse { outcome: Some(outcome), replayed })
}

/// `DetachHead`.
pub fn detach_head(
    core: &Core,
    request: &Request<v1::DetachHeadRequest>,
    deadline: Option<Instant>,
) -> Result<v1::DetachHeadResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    let mut book = AddressBook::default();
    let probes = vec![head_probe(space, asked.head.as_ref(), "head", &mut book)?];
    let operation = DetachHead { key: 0, split: asked.split };
    let (outcome, replayed) =
        mutate(core, space, (book, probes), Box::new(operation), request, deadline)?;
    Ok(v1::DetachHeadResponse { outcome: Some(outcome), replayed })
}

/// `ReplaceHead`.
pub fn replace_head(
    core: &Core,
    request: &Request<v1::ReplaceHeadRequest>,
    deadline: Option<Instant>,
) -> Result<v1::ReplaceHeadResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    let mut book = AddressBook::default();
    let probes = vec![head_probe(space, asked.current.as_ref(), "current", &mut book)?];
    let head = NewHead {
        entry: entry(space, asked.head.as_ref(), "head", &mut book)?,
        confirm: asked.newbie_confirm,
        origin: OriginName::of_call(asked.origin, &asked.origin_label)?,
    };
    let operation = ReplaceHead { current: 0, head };
    let (outcome, replayed) =
        mutate(core, space, (book, probes), Box::new(operation), request, deadline)?;
    Ok(v1::ReplaceHeadResponse { outcome: Some(outcome), replayed })
}

/// Puts an address of a request into the book.
pub fn entry(
    space: &Space,
    address: Option<&v1::Address>,
    field: &str,
    book: &mut AddressBook,
) -> Result<usize> {
    let address = address.ok_or_else(|| Fault::required(field))?;
    let kind = AddressType::try_from(address.r#type)
        .map_err(|_| Fault::invalid(&format!("{field}.type"), "is not a known address type"))?;
    book.add(space, kind, &address.value)
}

/// The key of a head that somebody must have.
pub fn head_probe(
    space: &Space,
    key: Option<&v1::HeadKey>,
    field: &str,
    book: &mut AddressBook,
) -> Result<Probe> {
    let key = key.and_then(|key| key.key.as_ref()).ok_or_else(|| Fault::required(field))?;
    Ok(match key {
        v1::head_key::Key::Address(address) => address_probe(space, address, field, book)?,
        v1::head_key::Key::HeadId(id) => single_probe(KeyKind::HeadId, Target::Head(*id)),
    })
}

/// The key that is an address.
pub fn address_probe(
    space: &Space,
    address: &v1::Address,
    field: &str,
    book: &mut AddressBook,
) -> Result<Probe> {
    let entry = entry(space, Some(address), field, book)?;
    Ok(single_probe(KeyKind::Locator, Target::Address(entry)))
}

/// A key that stands alone, without any order.
pub fn single_probe(kind: KeyKind, target: Target) -> Probe {
    Probe { kind, index: 0, rank: 0, target }
}
