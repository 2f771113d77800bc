//! The first rows of a file, from which the rest is told.

use std::path::Path;

use bytes::Bytes;

use crate::fault::Result;
use crate::wire::v1::{
    Charset, FileShape, FirstLine, ImportColumn, ImportLayout, ImportReading, ImportRow,
};

use super::batch::SourceBatch;
use super::json::{DocumentRows, Entry, LineRows, Names, caption};
use super::limits::{SAMPLE_BYTES_MAX, SAMPLE_ROWS_MAX};
use super::reader::open;
use super::sheet_columns::SheetColumns;
use super::text::Text;

/// The beginning of a text.
pub(super) struct Head {
    pub text: Vec<u8>,
    /// Whether nothing follows.
    pub is_whole: bool,
}

/// Reads the beginning of a file.
pub(super) fn head(path: &Path, charset: Charset, bytes_max: usize) -> Result<Head> {
    let mut source = Text::open(path, charset)?;
    let mut text = Vec::new();
    while !source.is_ended() && text.len() < bytes_max {
        source.read_more(&mut text)?;
    }
    Ok(Head { text, is_whole: source.is_ended() })
}

/// The first rows.
#[derive(Default)]
pub(super) struct Sample {
    pub batch: SourceBatch,
    /// The cells of the rows as text.
    pub cells: Vec<Vec<String>>,
    /// The names of the members of rows that are objects.
    pub names: Vec<String>,
    /// The caption of a JSON document.
    pub caption: Option<Vec<Entry>>,
    bytes_read: u64,
    /// Whether these are all rows.
    is_whole: bool,
}

impl Sample {
    /// Reads the first rows; the first line is one of them.
    pub(super) fn read(
        path: &Path,
        reading: &ImportReading,
        columns: &[ImportColumn],
    ) -> Result<Self> {
        let mut sample = match reading.shape() {
            FileShape::Csv | FileShape::Unspecified => Self::csv(path, reading)?,
            FileShape::Json => Self::document(path, reading, columns)?,
            FileShape::JsonLines | FileShape::Spreadsheet => Self::lines(path, reading, columns)?,
        };
        sample.cells = sample.batch.rows.iter().map(texts).collect();
        Ok(sample)
    }

    fn csv(path: &Path, reading: &ImportReading) -> Result<Self> {
        let mut reading = reading.clone();
        reading.set_first_line(FirstLine::Data);
        let layout = ImportLayout { reading: Some(reading), ..ImportLayout::default() };
        let mut rows = open(path, &layout)?;
        let batch = rows.next_batch(SAMPLE_ROWS_MAX, SAMPLE_BYTES_MAX)?;
        let is_whole = batch.is_none() || rows.next_batch(1, 1)?.is_none();
        let batch = batch.unwrap_or_default();
        Ok(Self { batch, bytes_read: rows.bytes_read(), is_whole, ..Self::default() })
    }

    fn lines(path: &Path, reading: &ImportReading, columns: &[ImportColumn]) -> Result<Self> {
        let text = Text::open(path, reading.charset())?;
        let mut rows = LineRows::new(text, names(columns), false);
        let batch = rows.next_batch(SAMPLE_ROWS_MAX, SAMPLE_BYTES_MAX)?;
        let bytes_read = rows.text().bytes_read();
        let names = rows.names_in_order();
        let is_whole = batch.is_none() || rows.next_batch(1, 1)?.is_none();
        let batch = batch.unwrap_or_default();
        Ok(Self { batch, names, bytes_read, is_whole, ..Self::default() })
    }

    fn document(path: &Path, reading: &ImportReading, columns: &[ImportColumn]) -> Result<Self> {
        let open = || Text::open(path, reading.charset());
        let caption = caption(open()?)?;
        let mut rows = DocumentRows::new(open()?, names(columns), false);
        let batch = rows.next_batch(SAMPLE_ROWS_MAX, SAMPLE_BYTES_MAX)?;
        let bytes_read = rows.text().bytes_read();
        let names = rows.names_in_order();
        let is_whole = batch.is_none() || rows.next_batch(1, 1)?.is_none();
        let batch = batch.unwrap_or_default();
        Ok(Self { batch, names, caption, bytes_read, is_whole, ..Self::default() })
    }

    /// Whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Whether what comes first in the file could not be read.
    pub(super) fn first_is_problem(&self) -> bool {
        let problem = self.batch.problems.first().map(|problem| problem.number);
        problem.is_some_and(|problem| self.batch.numbers.first().is_none_or(|row| problem < *row))
    }

    /// Takes the first row, which has names, from the others.
    pub(super) fn take_first(&mut self) -> Vec<String> {
        self.batch.rows.remove(0);
        self.batch.numbers.remove(0);
        self.cells.remove(0)
    }

    /// Does with the rows of a spreadsheet what only their columns say, as an import does.
    pub(super) fn fit_columns(&mut self, layout: &ImportLayout) {
        if let Some(columns) = SheetColumns::of(layout) {
            columns.fit(&mut self.batch);
            self.cells = self.batch.rows.iter().map(texts).collect();
        }
    }

    /// How many rows the file has, about. `lines` are those of the file.
    pub(super) fn rows_estimate(&self, lines: u64, file_bytes: u64) -> u64 {
        let rows = self.batch.len() as u64;
        if self.is_whole {
            return rows;
        }
        let numbers = self.batch.numbers.iter().copied();
        let problems = self.batch.problems.iter().map(|problem| problem.number);
        let last = numbers.chain(problems).max().unwrap_or_default();
        // Lines say it best; a document of one line has bytes only.
        let (whole, part) =
            if lines > last { (lines, last) } else { (file_bytes, self.bytes_read) };
        let estimate = u128::from(rows) * u128::from(whole) / u128::from(part.max(1));
        u64::try_from(estimate).unwrap_or(u64::MAX)
    }
}

/// The cells of a row as text. One that is null is empty: a spreadsheet has it where nothing is.
fn texts(row: &ImportRow) -> Vec<String> {
    let positions = 0..u32::try_from(row.cells.len()).expect("rows have bounded bytes");
    let text = |(position, cell): (u32, &Bytes)| {
        let is_null = cell == "null" && row.json_cells.contains(&position);
        if is_null { String::new() } else { String::from_utf8_lossy(cell).into_owned() }
    };
    positions.zip(&row.cells).map(text).collect()
}

/// Known columns take members by their names; without any, members make the columns.
fn names(columns: &[ImportColumn]) -> Names {
    if columns.is_empty() { Names::learning() } else { Names::of(columns) }
}
