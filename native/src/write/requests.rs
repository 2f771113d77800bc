//! Idempotency: a request id gives its first answer again for a day.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::step::RequestId;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::RequestRecord;
use crate::wire::v1::{ErrorReason, MemberChange, MemberOutcome};
use crate::write::expiry;

/// Bytes of a request id; UUIDs and order numbers are shorter.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// How long a first answer is given again.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// The request id of a change, if it has one.
pub fn prepare(space: u32, change: &MemberChange) -> Result<Option<Box<RequestId>>> {
    if change.request_id.is_empty() {
        return Ok(None);
    }
    let bytes = change.request_id.len();
    if bytes > REQUEST_ID_BYTES_MAX {
        return Err(Fault::limit("request_id", REQUEST_ID_BYTES_MAX, bytes));
    }
    Ok(Some(Box::new(RequestId {
        key: keys::owned(|key| keys::request(key, space, change.request_id.as_bytes())),
        id: change.request_id.clone(),
        fingerprint: Sha256::digest(change.encode_to_vec()).into(),
    })))
}

/// The first answer to a request id, if it is still kept.
pub fn replay(
    view: &View<'_>,
    request: &RequestId,
    now_seconds: i64,
) -> std::result::Result<Option<MemberOutcome>, Failure> {
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
    let outcome = MemberOutcome::decode(record.outcome).map_err(Fault::internal)?;
    Ok(Some(MemberOutcome { replayed: true, ..outcome }))
}

/// Keeps the first answer to a request id.
pub fn keep(
    view: &mut View<'_>,
    request: &RequestId,
    outcome: &MemberOutcome,
    now_seconds: i64,
) -> StoreResult<()> {
    if let Some(expired) = view.request(&request.key)? {
        expiry::forget(view, Table::Requests, &request.key, expired.expires_seconds);
    }
    let expires_seconds = now_seconds + KEPT_SECONDS;
    let record = RequestRecord {
        fingerprint: request.fingerprint.to_vec().into(),
        outcome: outcome.encode_to_vec().into(),
        expires_seconds,
    };
    expiry::remember(view, Table::Requests, &request.key, expires_seconds);
    view.set_request(request.key.clone(), record);
    Ok(())
}
