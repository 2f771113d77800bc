//! The keys of express lists and of their rows.

use super::{named, numbered, parse_part, rejects};
use crate::store::{StoreResult, Table};

/// Appends a key of `ExpressLists`; the id has at most `ID_BYTES_MAX` bytes.
pub fn express_list(key: &mut Vec<u8>, space: u32, list_id: &str) {
    named(key, space, list_id.as_bytes());
}

/// Appends what all keys of `ExpressRows` of a list begin with.
pub fn express_rows_of(key: &mut Vec<u8>, space: u32, list: u64) {
    numbered(key, space, list);
}

/// Appends a key of `ExpressRows`. Segments are by their last row, so that the first one from a row
/// on is the one that has the row; they are written like those of Rejects.
pub fn express_rows(key: &mut Vec<u8>, space: u32, list: u64, last_row: u64) {
    rejects(key, space, list, last_row);
}

/// The space, the list and the last row in a key of `ExpressRows`.
pub fn parse_express_rows(key: &[u8]) -> StoreResult<(u32, u64, u64)> {
    parse_part(Table::ExpressRows, key)
}
