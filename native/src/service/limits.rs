//! Bounds and preconditions that several methods share.

use crate::fault::{Fault, Result};
use crate::wire::v1::ErrorReason;

/// Items of one batch: about 10 MB of requests and well under a second of work.
pub const BATCH_ITEMS_MAX: usize = 10_000;

/// Checks the number of items of a batch.
pub fn check_items(field: &str, count: usize) -> Result<()> {
    if count == 0 {
        return Err(Fault::required(field));
    }
    if count > BATCH_ITEMS_MAX {
        return Err(Fault::limit(field, BATCH_ITEMS_MAX, count));
    }
    Ok(())
}

/// How many items a page has: as many as were asked for, or the usual number where that is 0.
pub fn page_size(asked: u32, (usual, max): (usize, usize)) -> Result<usize> {
    let asked = usize::try_from(asked).unwrap_or(usize::MAX);
    if asked > max {
        return Err(Fault::limit("page_size", max, asked));
    }
    Ok(if asked == 0 { usual } else { asked })
}

/// Checks that the store has reached the revision a reader asks for.
pub fn check_revision(min_revision: u64, revision: u64) -> Result<()> {
    if min_revision <= revision {
        return Ok(());
    }
    Err(Fault::new(
        ErrorReason::RevisionNotReached,
        "The store has not reached this revision; it belongs to another store or the future.",
    )
    .with("min_revision", min_revision)
    .with("revision", revision))
}
