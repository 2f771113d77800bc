//! Origins of spaces.

use std::collections::BTreeSet;

use super::page::{Entry, walk};
use super::{Problems, Progress, Store, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::OriginRecord;

const TABLE: Table = Table::Origins;

/// The labels of the space that is being read: keys are in the order of spaces.
#[derive(Default)]
struct Labels {
    space: u32,
    seen: BTreeSet<String>,
}

/// Every origin has a number that was used and a label that no other one of its space has; answers
/// how many there are.
pub fn origins(
    store: &Store<'_>,
    problems: &mut Problems,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let mut entries = 0;
    let mut labels = Labels::default();
    walk(store.snapshot, TABLE, &mut |page| {
        for entry in page {
            check_origin(store, problems, entry, &mut labels);
        }
        entries += page.len() as u64;
        progress(TABLE, entries);
        Ok(())
    })?;
    Ok(entries)
}

fn check_origin(store: &Store<'_>, problems: &mut Problems, entry: &Entry, labels: &mut Labels) {
    let Some((space, number)) = problems.accept(TABLE, keys::parse_origin(&entry.key)) else {
        return;
    };
    let decoded = decode::<OriginRecord>(TABLE, &entry.value);
    let Some(OriginRecord { label }) = problems.accept(TABLE, decoded) else { return };
    let Some(counters) = store.space(problems, TABLE, space) else { return };
    if !is_given(number.into(), counters.next_origin_number.into()) {
        problems.in_space(TABLE, space, &format!("origin {number} was never given out"));
    }
    if labels.space != space {
        *labels = Labels { space, ..Labels::default() };
    }
    if label.is_empty() {
        problems.in_space(TABLE, space, &format!("origin {number} has no label"));
    } else if !labels.seen.insert(label) {
        problems.in_space(TABLE, space, &format!("origin {number} has the label of another one"));
    }
}
