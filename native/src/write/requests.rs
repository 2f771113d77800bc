//! Idempotency: a request id gives its first answer again for a day.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::step::RequestId;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::RequestRecord;
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
    if id.len() > REQUEST_ID_BYTES_MAX {
        return Err(Fault::limit("request_id", REQUEST_ID_BYTES_MAX, id.len()));
    }
    Ok(Some(Box::new(RequestId {
        key: keys::owned(|key| keys::request(key, space, id.as_bytes())),
        id: id.to_owned(),
        fingerprint: Sha256::digest(request).into(),
    })))
}

/// The first answer to a request id, encoded, if it is still kept.
pub fn replay(
    view: &View<'_>,
    request: &RequestId,
    now_seconds: i64,
) -> std::result::Result<Option<Bytes>, Failure> {
    let is_kept = |record: &RequestRecord| record.expires_seconds > now_seconds;
    let Some(record) = view.request(&request.key)?.filter(is_kept) else {
        let erased = keys::owned(|key| keys::erased_request(key, &request.key));
        return match view.request(&erased)?.filter(is_kept) {
            Some(_) => Err(erased_since(request).into()),
            None => Ok(None),
        };
    };
    // The upkeep may not have come to it yet.
    let space = keys::space_of(&request.key).unwrap_or_default();
    for &dataset_id in &record.dataset_ids {
        if view.erasure_of(space, dataset_id)? != 0 {
            return Err(erased_since(request).into());
        }
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

/// Keeps the first answer to a request id; `dataset_ids` are the members whom it concerns.
pub fn keep(
    view: &mut View<'_>,
    request: &RequestId,
    (outcome, mut dataset_ids): (Bytes, Vec<u64>),
    now_seconds: i64,
) -> StoreResult<()> {
    dataset_ids.retain(|&id| id != 0);
    dataset_ids.sort_unstable();
    dataset_ids.dedup();
    if let Some(expired) = view.request(&request.key)? {
        expiry::forget(view, Table::Requests, &request.key, expired.expires_seconds);
    }
    let expires_seconds = now_seconds + KEPT_SECONDS;
    let record = RequestRecord {
        fingerprint: request.fingerprint.to_vec().into(),
        outcome,
        expires_seconds,
        dataset_ids,
        erased: false,
    };
    expiry::remember(view, Table::Requests, &request.key, expires_seconds);
    view.set_request(request.key.clone(), record);
    Ok(())
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

fn erased_since(request: &RequestId) -> Fault {
    Fault::new(
        ErrorReason::RequestErased,
        "This request_id came before and its member was erased since; nothing is done again.",
    )
    .with("request_id", &request.id)
}
