//! Rows on their way from a file to an import: slices of one buffer for each batch.

use std::ops::Range;

use bytes::Bytes;

use crate::fault::Fault;
use crate::reading::limits::PROBLEM_TEXT_BYTES_MAX;
use crate::wire::v1::ImportRow;

/// Some rows of a file, in its order.
#[derive(Debug, Default)]
pub struct SourceBatch {
    /// The rows.
    pub rows: Vec<ImportRow>,
    /// The number of each row in the file, from 1. In text it is that of the line where the row
    /// begins: names, comments and blank lines count. In one JSON document and in spreadsheets it
    /// is that of the row.
    pub numbers: Vec<u64>,
    /// What should have been rows and could not be read.
    pub problems: Vec<Problem>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its number, as those of rows.
    pub number: u64,
    /// Why.
    pub fault: Fault,
    /// The row as it is in the file; the beginning of a long one.
    pub text: String,
}

impl Problem {
    /// A problem with the bytes of a row, of which what is no text is shown as U+FFFD.
    pub(super) fn new(number: u64, fault: Fault, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&text[..text.len().min(PROBLEM_TEXT_BYTES_MAX)]);
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        Self { number, fault: fault.with("row", number), text }
    }
}

impl SourceBatch {
    /// A row as it was read, written as CSV, for the report of rejected rows.
    pub fn text(&self, index: usize) -> String {
        let mut text = String::new();
        for (position, cell) in self.rows[index].cells.iter().enumerate() {
            if position > 0 {
                text.push(',');
            }
            push_cell(&String::from_utf8_lossy(cell), &mut text);
        }
        text
    }

    /// Cuts spaces and tabs off both ends of cells that are text; JSON does not care.
    pub(super) fn trim(&mut self) {
        for cell in self.rows.iter_mut().flat_map(|row| &mut row.cells) {
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let start = cell.iter().position(|byte| !is_blank(byte)).unwrap_or(cell.len());
            let end = cell.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
            *cell = cell.slice(start..end);
        }
    }

    /// Rows and problems.
    pub fn len(&self) -> usize {
        self.rows.len() + self.problems.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn push_cell(cell: &str, text: &mut String) {
    if cell.contains(['"', ',', '\n', '\r']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}

/// Where the cells of a batch are in its buffer, while the buffer still grows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    cells: Vec<Range<usize>>,
    rows: Vec<Mark>,
    json_cells: Vec<u32>,
    problems: Vec<Problem>,
}

/// One row: where its cells end among those of the batch.
#[derive(Debug)]
struct Mark {
    number: u64,
    cells_end: usize,
    json_cells_end: usize,
}

impl Builder {
    /// Ends a row whose cells are these.
    pub(super) fn row(&mut self, number: u64, cells: &[Range<usize>]) {
        self.cells.extend_from_slice(cells);
        let mark =
            Mark { number, cells_end: self.cells.len(), json_cells_end: self.json_cells.len() };
        self.rows.push(mark);
    }

    /// Says that a cell of the row to come is JSON.
    pub(super) fn json_cell(&mut self, position: usize) {
        self.json_cells.push(u32::try_from(position).expect("rows have bounded bytes"));
    }

    /// Says what could not be read.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Rows and problems.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.problems.len()
    }

    /// Whether the buffer is not referred to.
    pub(super) fn has_no_rows(&self) -> bool {
        self.rows.is_empty()
    }

    /// The batch over its buffer.
    pub(super) fn finish(self, buffer: Vec<u8>) -> SourceBatch {
        let buffer = Bytes::from(buffer);
        let mut batch = SourceBatch {
            rows: Vec::with_capacity(self.rows.len()),
            numbers: Vec::with_capacity(self.rows.len()),
            problems: self.problems,
        };
        let (mut cells_start, mut json_start) = (0, 0);
        for mark in self.rows {
            let cells = &self.cells[cells_start..mark.cells_end];
            batch.rows.push(ImportRow {
                cells: cells.iter().map(|cell| buffer.slice(cell.clone())).collect(),
                json_cells: self.json_cells[json_start..mark.json_cells_end].to_vec(),
            });
            batch.numbers.push(mark.number);
            (cells_start, json_start) = (mark.cells_end, mark.json_cells_end);
        }
        batch
    }
}
