//! The rows of a file whose layout is known.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result};
use crate::wire::v1::{FileShape, FirstLine, ImportLayout, ImportReading, Separator};

use super::batch::SourceBatch;
use super::csv::CsvRows;
use super::json::{DocumentRows, LineRows, Names};
use super::sheet_columns::SheetColumns;
use super::text::{Spent, Text};

/// Rows that come in batches.
pub struct RowReader {
    rows: Rows,
    /// Whether white space around cells is no part of them.
    trim: bool,
    sheet_columns: Option<SheetColumns>,
    /// How long batches took since that was asked last.
    took: Duration,
}

/// Where the time of reading went.
#[derive(Debug, Default, Clone, Copy)]
pub struct ReadingTime {
    /// Getting bytes from the disk.
    pub read: Duration,
    /// Making UTF-8 of another charset.
    pub decode: Duration,
    /// Finding rows and cells.
    pub split: Duration,
}

enum Rows {
    Csv(Box<CsvRows>),
    Lines(LineRows),
    Document(DocumentRows),
}

/// Opens a file whose every answer is in the layout, as `inspect` makes it.
pub fn open(path: &Path, layout: &ImportLayout) -> Result<RowReader> {
    let reading = layout.reading.as_ref().ok_or_else(|| Fault::required("layout.reading"))?;
    let text = Text::open(path, reading.charset())?;
    let rows = match reading.shape() {
        FileShape::Csv => Rows::Csv(Box::new(csv_rows(text, reading)?)),
        // Spreadsheets were converted to JSON lines before.
        FileShape::JsonLines | FileShape::Spreadsheet => {
            Rows::Lines(LineRows::new(text, Names::of(&layout.columns), has_names(reading)))
        }
        FileShape::Json => {
            Rows::Document(DocumentRows::new(text, Names::of(&layout.columns), has_names(reading)))
        }
        FileShape::Unspecified => return Err(Fault::required("layout.reading.shape")),
    };
    let sheet_columns = SheetColumns::of(layout);
    Ok(RowReader { rows, trim: reading.trim, sheet_columns, took: Duration::ZERO })
}

fn csv_rows(text: Text, reading: &ImportReading) -> Result<CsvRows> {
    let separator = separator_byte(reading.separator())
        .ok_or_else(|| Fault::required("layout.reading.separator"))?;
    Ok(CsvRows::new(text, separator, has_names(reading)))
}

fn has_names(reading: &ImportReading) -> bool {
    reading.first_line() == FirstLine::Names
}

/// The byte of a separator.
pub(super) fn separator_byte(separator: Separator) -> Option<u8> {
    match separator {
        Separator::Unspecified => None,
        Separator::Comma => Some(b','),
        Separator::Semicolon => Some(b';'),
        Separator::Pipe => Some(b'|'),
        Separator::Tab => Some(b'\t'),
    }
}

impl RowReader {
    /// The next rows and problems, at most `rows_max` together; about `bytes_max` bytes of text, or
    /// one row. The same file with the same bounds always gives the same batches. None at the end.
    pub fn next_batch(&mut self, rows_max: usize, bytes_max: usize) -> Result<Option<SourceBatch>> {
        let began = Instant::now();
        let mut batch = match &mut self.rows {
            Rows::Csv(rows) => rows.next_batch(rows_max, bytes_max),
            Rows::Lines(rows) => rows.next_batch(rows_max, bytes_max),
            Rows::Document(rows) => rows.next_batch(rows_max, bytes_max),
        }?;
        if let Some(batch) = batch.as_mut().filter(|_| self.trim) {
            batch.trim();
        }
        if let (Some(batch), Some(columns)) = (batch.as_mut(), &self.sheet_columns) {
            columns.fit(batch);
        }
        self.took += began.elapsed();
        Ok(batch)
    }

    /// Bytes of the file that were read so far.
    pub fn bytes_read(&mut self) -> u64 {
        self.text().bytes_read()
    }

    /// Where the time of batches went since this was asked last.
    pub fn take_time(&mut self) -> ReadingTime {
        let took = std::mem::take(&mut self.took);
        let Spent { read, decode } = self.text().take_spent();
        ReadingTime { read, decode, split: took.saturating_sub(read + decode) }
    }

    fn text(&mut self) -> &mut Text {
        match &mut self.rows {
            Rows::Csv(rows) => rows.text(),
            Rows::Lines(rows) => rows.text(),
            Rows::Document(rows) => rows.text(),
        }
    }
}
