//! Rows whose first identifier an earlier row of the file had.

use std::hash::{DefaultHasher, Hash, Hasher};

use rustc_hash::FxHashSet;

use crate::matching::{AddressBook, Probe, Target};
use crate::member::batch::Batch;

/// Identifiers that are remembered: the table doubles when it is 7/8 full, and then takes 150 MB.
/// Rows with others are not counted, so that the number is the least of a larger file.
pub const IDENTIFIERS_MAX: usize = 14_000_000;

/// The first identifiers of the rows so far, as hashes of 64 bits: two of them share one in a file
/// out of a hundred thousand of the largest.
#[derive(Debug, Default)]
pub struct Seen(FxHashSet<u64>);

impl Seen {
    /// Counts the rows of the next batch whose first identifier was there before.
    pub fn count(&mut self, batch: &Batch) -> u64 {
        let mut repeated = 0;
        for range in &batch.row_probes {
            let mut identifiers =
                batch.probes[range.clone()].iter().filter_map(|probe| hash(&batch.book, probe));
            let Some(first) = identifiers.next() else { continue };
            repeated += u64::from(self.is_repeated(first));
        }
        repeated
    }

    /// The same for rows that have one address each.
    pub fn count_addresses(&mut self, addresses: &[String]) -> u64 {
        let mut repeated = 0;
        for address in addresses {
            let mut hasher = DefaultHasher::new();
            address.hash(&mut hasher);
            repeated += u64::from(self.is_repeated(hasher.finish()));
        }
        repeated
    }

    /// Remembers an identifier; whether it was there before.
    fn is_repeated(&mut self, identifier: u64) -> bool {
        if self.0.len() < IDENTIFIERS_MAX {
            !self.0.insert(identifier)
        } else {
            self.0.contains(&identifier)
        }
    }
}

/// Stands for what a key points at; none where the key is none.
fn hash(book: &AddressBook, probe: &Probe) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match &probe.target {
        Target::Address(entry) => book.key(*entry).hash(&mut hasher),
        Target::Contact(id) => id.hash(&mut hasher),
        Target::Field(query) => query.identity().hash(&mut hasher),
        Target::Dataset(_) | Target::Head(_) | Target::Refused(_) => return None,
    }
    Some(hasher.finish())
}
