//! Rows picked from all over a file: what becomes of them tells what becomes of all.

use std::path::Path;

use bytes::Bytes;

use super::batch::SourceBatch;
use super::limits::{PICKED_BYTES_MAX, PICKED_FROM_BYTES_MAX, PICKED_ROWS_MAX, SAMPLE_BYTES_MAX};
use super::reader::open;
use crate::fault::Result;
use crate::wire::v1::{ImportLayout, ImportRow};

/// Rows of one batch of reading.
const BATCH_ROWS: usize = 1_000;

/// Some rows of a file.
#[derive(Debug, Default)]
pub struct Picked {
    /// The rows, in the order of the file.
    pub source: SourceBatch,
    /// How many rows can be read where they were picked.
    pub readable: u64,
    /// How many cannot.
    pub unreadable: u64,
    /// Whether that was the whole file.
    pub is_whole: bool,
    /// Bytes of the cells.
    bytes: usize,
    /// The place of each row among those that can be read.
    places: Vec<u64>,
    /// One row of so many is picked, a power of two.
    step: u64,
}

/// Picks rows of a file whose every answer is in the layout. The same file has the same picks.
pub fn pick(path: &Path, layout: &ImportLayout) -> Result<Picked> {
    let mut picked = Picked { step: 1, ..Picked::default() };
    let mut reader = open(path, layout)?;
    while reader.bytes_read() < PICKED_FROM_BYTES_MAX {
        let Some(batch) = reader.next_batch(BATCH_ROWS, SAMPLE_BYTES_MAX)? else {
            picked.is_whole = true;
            break;
        };
        picked.unreadable += batch.problems.len() as u64;
        for (row, number) in batch.rows.iter().zip(batch.numbers) {
            picked.take(row, number);
        }
    }
    Ok(picked)
}

impl Picked {
    /// Whether every row that can be read was picked.
    pub fn is_all(&self) -> bool {
        self.is_whole && self.step == 1
    }

    fn take(&mut self, row: &ImportRow, number: u64) {
        if is_picked(self.readable, self.step) {
            // A slice would keep the whole batch in memory.
            let cells: Vec<Bytes> =
                row.cells.iter().map(|cell| Bytes::copy_from_slice(cell)).collect();
            self.bytes += bytes_of(&cells);
            self.source.rows.push(ImportRow { cells, json_cells: row.json_cells.clone() });
            self.source.numbers.push(number);
            self.places.push(self.readable);
        }
        self.readable += 1;
        while self.source.rows.len() > PICKED_ROWS_MAX || self.is_heavy() {
            self.thin_out();
        }
    }

    fn is_heavy(&self) -> bool {
        self.bytes > PICKED_BYTES_MAX && self.source.rows.len() > 1
    }

    /// Drops about every second row.
    fn thin_out(&mut self) {
        self.step *= 2;
        let step = self.step;
        let is_kept: Vec<bool> = self.places.iter().map(|&place| is_picked(place, step)).collect();
        keep(&mut self.source.rows, &is_kept);
        keep(&mut self.source.numbers, &is_kept);
        keep(&mut self.places, &is_kept);
        self.bytes = self.source.rows.iter().map(|row| bytes_of(&row.cells)).sum();
    }
}

/// Whether the row at a place is one of about so many. Every second or tenth row may be alike, so
/// that picks must not follow any rhythm; who is picked for a step is picked for the smaller ones.
fn is_picked(place: u64, step: u64) -> bool {
    // The finalizer of SplitMix64: each bit depends on all bits of the place.
    let mixed = (place ^ (place >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).is_multiple_of(step)
}

fn keep<T>(list: &mut Vec<T>, is_kept: &[bool]) {
    let mut is_kept = is_kept.iter();
    list.retain(|_| is_kept.next().is_some_and(|kept| *kept));
}

fn bytes_of(cells: &[Bytes]) -> usize {
    cells.iter().map(Bytes::len).sum()
}
