//! Idempotency: a request id gives its first answer again for a day.

use std::ops::Range;

use bytes::Bytes;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::batch::RequestId;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{Reasoning, RequestRecord};
use crate::wire::v1::{self, ErrorReason};
use crate::write::expiry;

/// Bytes of a request id; UUIDs and order numbers are shorter.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// How long a first answer is given again.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// A request id, if one was given; `request` is what must be the same when it comes again.
pub fn prepare(space: u32, id: &str, request: &[u8]) -> Result<Option<Box<RequestId>>> {
    if id.is_empty() {
        return Ok(None);
    }
    check_length(id)?;
    Ok(Some(Box::new(RequestId {
        key: keys::owned(|key| keys::request(key, space, id.as_bytes())),
        id: id.to_owned(),
        fingerprint: Sha256::digest(request).into(),
        keeps_refusal: false,
    })))
}

/// Refuses a request id that could never have come.
pub fn check_length(id: &str) -> Result<()> {
    if id.len() > REQUEST_ID_BYTES_MAX {
        return Err(Fault::limit("request_id", REQUEST_ID_BYTES_MAX, id.len()));
    }
    Ok(())
}

/// The first answer to a request id, if it is still kept; a fault where it was erased.
pub fn answered(
    view: &View<'_>,
    (key, id): (&[u8], &str),
    now_seconds: i64,
) -> std::result::Result<Option<RequestRecord>, Failure> {
    let is_kept = |record: &RequestRecord| record.expires_seconds > now_seconds;
    let Some(record) = view.request(key)?.filter(is_kept) else {
        let erased = keys::owned(|out| keys::erased_request(out, key));
        return match view.request(&erased)?.filter(is_kept) {
            Some(_) => Err(erased_since(id).into()),
            None => Ok(None),
        };
    };
    // The upkeep may not have come to it yet.
    let space = keys::space_of(key).unwrap_or_default();
    for &dataset_id in &record.dataset_ids {
        if view.erasure_of(space, dataset_id)? != 0 {
            return Err(erased_since(id).into());
        }
    }
    // A head that was named has a record until it is erased, with whomever had it last.
    for &head_id in &record.head_ids {
        if !view.has_head(space, head_id)? {
            return Err(erased_since(id).into());
        }
    }
    Ok(Some(record))
}

/// The first answer to a request id, encoded, if it is still kept.
pub fn replay(
    view: &View<'_>,
    request: &RequestId,
    now_seconds: i64,
) -> std::result::Result<Option<Bytes>, Failure> {
    let Some(record) = answered(view, (&request.key, &request.id), now_seconds)? else {
        return Ok(None);
    };
    if record.fingerprint != request.fingerprint.as_slice() {
        return Err(Fault::new(
            ErrorReason::RequestIdReused,
            "This request_id came before with another request; use a new one.",
        )
        .with("request_id", &request.id)
        .into());
    }
    if !record.fault.is_empty() {
        return Err(fault_of(&record)?.into());
    }
    Ok(Some(record.outcome))
}

/// The refusal that a record keeps.
fn fault_of(record: &RequestRecord) -> Result<Fault> {
    let kept = v1::Fault::decode(record.fault.clone()).map_err(Fault::internal)?;
    let reason = kept.reason();
    Ok(Fault { details: kept.details, ..Fault::new(reason, kept.message) })
}

/// Keeps a refusal where the request asks for it, unless it may pass by itself.
pub fn keep_refusal(
    view: &mut View<'_>,
    request: &RequestId,
    fault: &Fault,
    heads: Vec<u64>,
    now_seconds: i64,
) -> StoreResult<()> {
    if !request.keeps_refusal || fault.may_pass() {
        return Ok(());
    }
    let numbers = fault.details.iter().filter(|(name, _)| name.ends_with("contact_id"));
    let concerned = numbers.filter_map(|(_, value)| value.parse().ok()).collect();
    let revision = view.revision() + 1;
    let answer = Answer {
        outcome: Bytes::new(),
        concerned,
        heads,
        reasoning: Reasoning::default(),
        revisions: revision..revision,
    };
    store(view, request, answer, v1::Fault::from(fault.clone()).encode_to_vec(), now_seconds)
}

/// The first answer to a request, and why it is this one.
#[derive(Debug)]
pub struct Answer {
    /// The encoded outcome.
    pub outcome: Bytes,
    /// The members whom it concerns.
    pub concerned: Vec<u64>,
    /// The heads whose addresses the outcome names.
    pub heads: Vec<u64>,
    /// Why.
    pub reasoning: Reasoning,
    /// The revisions of its changes.
    pub revisions: Range<u64>,
}

/// Keeps the first answer to a request id.
pub fn keep(
    view: &mut View<'_>,
    request: &RequestId,
    answer: Answer,
    now_seconds: i64,
) -> StoreResult<()> {
    store(view, request, answer, Vec::new(), now_seconds)
}

fn store(
    view: &mut View<'_>,
    request: &RequestId,
    answer: Answer,
    fault: Vec<u8>,
    now_seconds: i64,
) -> StoreResult<()> {
    if let Some(expired) = view.request(&request.key)? {
        expiry::forget(view, Table::Requests, &request.key, expired.expires_seconds);
    }
    let expires_seconds = now_seconds + KEPT_SECONDS;
    let record = RequestRecord {
        fingerprint: request.fingerprint.to_vec().into(),
        outcome: answer.outcome,
        expires_seconds,
        dataset_ids: ascending(answer.concerned),
        erased: false,
        reasoning: Some(answer.reasoning),
        revision: answer.revisions.end - 1,
        changes: answer.revisions.end - answer.revisions.start,
        time_seconds: now_seconds,
        head_ids: ascending(answer.heads),
        fault: fault.into(),
    };
    expiry::remember(view, Table::Requests, &request.key, expires_seconds);
    view.set_request(request.key.clone(), record);
    Ok(())
}

/// Numbers in order, each once, without that of nobody.
fn ascending(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.retain(|&number| number != 0);
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Removes an answer that is kept; the request id goes on being refused for the rest of its day.
pub fn erase(
    view: &mut View<'_>,
    key: &[u8],
    expires_seconds: i64,
    now_seconds: i64,
) -> StoreResult<()> {
    expiry::forget(view, Table::Requests, key, expires_seconds);
    view.remove_request(key.to_vec());
    if expires_seconds <= now_seconds {
        return Ok(());
    }
    let erased = keys::owned(|out| keys::erased_request(out, key));
    if let Some(former) = view.request(&erased)? {
        expiry::forget(view, Table::Requests, &erased, former.expires_seconds);
    }
    expiry::remember(view, Table::Requests, &erased, expires_seconds);
    let record = RequestRecord { expires_seconds, erased: true, ..Default::default() };
    view.set_request(erased, record);
    Ok(())
}

fn erased_since(id: &str) -> Fault {
    Fault::new(
        ErrorReason::RequestErased,
        "This request_id came before and its member was erased since; nothing is done again.",
    )
    .with("request_id", id)
}
