//! Reads a table page by page, and what a page refers to with one sorted read.

use std::ops::ControlFlow;

use super::{Snapshot, StoreResult, Table};

/// Enough for sorted reads to pay.
const PAGE_ENTRIES_MAX: usize = 10_000;

/// Bodies have up to 1 MiB: a page of them is bounded by bytes.
const PAGE_BYTES_MAX: usize = 16 << 20;

/// One entry of a table.
pub struct Entry {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// Visits a whole table.
pub fn walk(
    snapshot: &dyn Snapshot,
    table: Table,
    visit: &mut dyn FnMut(&[Entry]) -> StoreResult<()>,
) -> StoreResult<()> {
    let mut from = Vec::new();
    loop {
        let page = read_page(snapshot, table, &from)?;
        let Some(last) = page.last() else { return Ok(()) };
        // The smallest key that is greater than the last one.
        from.clone_from(&last.key);
        from.push(0);
        visit(&page)?;
    }
}

/// Looks up keys in any order, each with what it is looked up for.
pub fn fetch<Purpose>(
    snapshot: &dyn Snapshot,
    table: Table,
    mut wanted: Vec<(Vec<u8>, Purpose)>,
    visit: &mut dyn FnMut(&Purpose, Option<&[u8]>),
) -> StoreResult<()> {
    wanted.sort_by(|left, right| left.0.cmp(&right.0));
    let keys: Vec<&[u8]> = wanted.iter().map(|(key, _)| key.as_slice()).collect();
    snapshot.get_many(table, &keys, &mut |index, value| visit(&wanted[index].1, value))
}

fn read_page(snapshot: &dyn Snapshot, table: Table, from: &[u8]) -> StoreResult<Vec<Entry>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    snapshot.scan(table, from, PAGE_ENTRIES_MAX, &mut |key, value| {
        page.push(Entry { key: key.to_vec(), value: value.to_vec() });
        bytes += key.len() + value.len();
        if bytes >= PAGE_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(page)
}
