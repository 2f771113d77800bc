//! Idempotency: a request id gives its first answer again for a day.

use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::step::RequestId;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{Reasoning, RequestRecord};
use crate::wire::v1::ErrorReason;
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
    })))
}

/// Refuses a request id that could never have come.
pub fn check_length(id: &str) -> Result<()> {
    if id.len() > REQUEST_ID_BYTES_MAX {
        return Err(Fault::limit("request_id", REQUEST_ID_BYTES_MAX, id.len()));
    }
    Ok(())
}

/// The first answer to a request id, encoded, if it is still kept.
pub fn replay(
    view: &View<'_>,
    request: &RequestId,
    now_seconds: i64,
) -> std::result::Result<Option<Bytes>, Failure> {
    let Some(record) = view.request(&request.key)? else {
        return Ok(None);
    };
    if record.expires_seconds <= now_seconds {
        return Ok(None);
    }
    if record.fingerprint != request.fingerprint.as_slice() {
        return Err(Fault::new(
            ErrorReason::RequestIdReused,
            "This request_id came before with another request; use a new one.",
        )
        .with("request_id", &request.id)
        .into());
    }
    Ok(Some(record.outcome))
}

/// The first answer to a request, and why it is this one.
#[derive(Debug)]
pub struct Answer {
    /// The encoded outcome.
    pub outcome: Bytes,
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
    if let Some(expired) = view.request(&request.key)? {
        expiry::forget(view, Table::Requests, &request.key, expired.expires_seconds);
    }
    let expires_seconds = now_seconds + KEPT_SECONDS;
    let record = RequestRecord {
        fingerprint: request.fingerprint.to_vec().into(),
        outcome: answer.outcome,
        expires_seconds,
        reasoning: Some(answer.reasoning),
        revision: answer.revisions.end - 1,
        changes: answer.revisions.end - answer.revisions.start,
        time_seconds: now_seconds,
    };
    expiry::remember(view, Table::Requests, &request.key, expires_seconds);
    view.set_request(request.key.clone(), record);
    Ok(())
}
