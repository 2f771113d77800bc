//! Reads a table page by page, and what a page refers to with one sorted read.

use std::ops::ControlFlow;

use super::{Snapshot, StoreResult, Table};
use crate::store::StoreError;

/// Enough for sorted reads to pay.
const PAGE_ENTRIES_MAX: usize = 10_000;

/// Bodies have up to 1 MiB: a page of them is bounded by bytes.
const PAGE_BYTES_MAX: usize = 16 << 20;

/// One entry of a table.
pub struct Entry {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// Visits a whole table. A broken file may lead in a circle: keys that do not ascend end the walk.
pub fn walk(
    snapshot: &dyn Snapshot,
    table: Table,
    visit: &mut dyn FnMut(&[Entry]) -> StoreResult<()>,
) -> StoreResult<()> {
    let mut from = Vec::new();
    loop {
        let page = read_page(snapshot, table, &from)?;
        let Some(last) = page.last() else { return Ok(()) };
        let starts = page.first().is_some_and(|first| first.key >= from);
        if !starts || !page.is_sorted_by(|left, right| left.key < right.key) {
            let problem = "keys do not ascend".to_owned();
            return Err(StoreError::Corrupt { table: table.name(), problem });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of a broken file: wherever a scan begins, it finds the same keys.
    struct Circle(&'static [&'static [u8]]);

    impl Snapshot for Circle {
        fn get_many(
            &self,
            _: Table,
            keys: &[&[u8]],
            visit: &mut dyn FnMut(usize, Option<&[u8]>),
        ) -> StoreResult<()> {
            (0..keys.len()).for_each(|index| visit(index, None));
            Ok(())
        }

        fn scan(
            &self,
            _: Table,
            _: &[u8],
            limit: usize,
            visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
        ) -> StoreResult<()> {
            for key in self.0.iter().take(limit) {
                if visit(key, b"").is_break() {
                    break;
                }
            }
            Ok(())
        }
    }

    #[test]
    fn a_walk_in_a_circle_ends() {
        const CIRCLES: [&[&[u8]]; 3] = [&[b"a", b"b"], &[b"b", b"a"], &[b"a", b"a"]];
        for keys in CIRCLES {
            let walked = walk(&Circle(keys), Table::Bodies, &mut |_| Ok(()));
            assert!(matches!(walked, Err(StoreError::Corrupt { table: "bodies", .. })), "{keys:?}");
        }
    }
}
