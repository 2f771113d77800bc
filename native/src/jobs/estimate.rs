//! What would become of all rows of a file, told from what would become of some.

use super::applied::count;
use super::probe::Outcome;
use super::record::counters;
use crate::reading::Picked;
use crate::wire::storage::JobProgressRecord;
use crate::wire::v1::{ImportCounters, ReasonCount};

/// Counts what would become of `rows` rows of which some were picked.
pub fn estimate(picked: &Picked, outcomes: &[Outcome], rows: u64) -> ImportCounters {
    let mut progress = JobProgressRecord::default();
    count(&mut progress, outcomes);
    let some = counters(&progress);
    let (readable, picks) = (u128::from(picked.readable), u128::from(some.read).max(1));
    let weight = |count: u64| u128::from(count) * readable;
    let mut shares = Shares {
        rows: u128::from(rows),
        whole: picks * (readable + u128::from(picked.unreadable)).max(1),
        before: 0,
    };
    ImportCounters {
        created: shares.next(weight(some.created)),
        updated: shares.next(weight(some.updated)),
        unchanged: shares.next(weight(some.unchanged)),
        ignored: shares.next(weight(some.ignored)),
        rejected: shares.next(weight(some.rejected) + u128::from(picked.unreadable) * picks),
        read: shares.of(shares.before),
        warnings: shares.of(weight(some.warnings)),
        warning_reasons: (some.warning_reasons.iter())
            .map(|it| ReasonCount { count: shares.of(weight(it.count)), ..*it })
            .collect(),
        repeated: 0,
    }
}

/// Rows shared out by weights, so that the shares of all together are all rows.
struct Shares {
    rows: u128,
    /// The weight of all rows.
    whole: u128,
    /// The weight of those shared out so far.
    before: u128,
}

impl Shares {
    fn next(&mut self, weight: u128) -> u64 {
        let from = self.of(self.before);
        self.before += weight;
        self.of(self.before) - from
    }

    /// The rows of a weight.
    fn of(&self, weight: u128) -> u64 {
        let rows = (weight * self.rows + self.whole / 2) / self.whole;
        u64::try_from(rows).unwrap_or(u64::MAX)
    }
}
