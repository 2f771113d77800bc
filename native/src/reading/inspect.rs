//! What a file is, told from the file itself; what the caller says goes before.

use std::path::Path;

use crate::fault::{Fault, Result};
use crate::wire::v1::{
    Charset, Confidence, FileShape, FirstLine, ImportColumn, ImportLayout, ImportReading,
    ImportRow, ProbedColumn, Separator, Warning,
};

use super::faults::disk;
use super::limits::{SAMPLE_BYTES_MAX, SAMPLE_ROWS_MAX, SHOWN_ROWS_MAX};
use super::reader::open;
use super::{caption, words};

/// What a file is.
#[derive(Debug, Default)]
pub struct Inspection {
    /// How it is read, every answer filled in.
    pub layout: ImportLayout,
    /// What each column is, in words.
    pub columns: Vec<ProbedColumn>,
    /// The first rows with data.
    pub rows: Vec<SampleRow>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
    /// Why the file cannot be imported in this way.
    pub problem: Option<Fault>,
    /// How many rows the file has, about.
    pub rows_estimate: u64,
    /// The size of the file.
    pub file_bytes: u64,
}

/// One of the first rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRow {
    /// Its number in the file.
    pub number: u64,
    /// Its cells as text; a structured one is a JSON document.
    pub cells: Vec<String>,
    /// The row as an import takes it.
    pub row: ImportRow,
}

/// Tells what a file is. `columns` that are not empty go before those of the file.
pub fn inspect(
    path: &Path,
    reading: &ImportReading,
    columns: &[ImportColumn],
) -> Result<Inspection> {
    let mut reading = reading.clone();
    reading.set_shape(FileShape::Csv);
    reading.set_charset(Charset::Utf8);
    reading.set_separator(Separator::Comma);
    let mut layout = ImportLayout { reading: Some(reading.clone()), ..ImportLayout::default() };
    layout.set_charset_confidence(Confidence::Guess);
    reading.set_first_line(FirstLine::Data);
    let all = ImportLayout { reading: Some(reading), ..ImportLayout::default() };
    let mut inspection = Inspection {
        file_bytes: std::fs::metadata(path).map_err(|error| disk(&error))?.len(),
        ..Inspection::default()
    };
    let mut rows = open(path, &all)?;
    let sample = rows.next_batch(SAMPLE_ROWS_MAX, SAMPLE_BYTES_MAX)?.unwrap_or_default();
    let texts: Vec<Vec<String>> = sample
        .rows
        .iter()
        .map(|row| row.cells.iter().map(|cell| String::from_utf8_lossy(cell).into()).collect())
        .collect();
    if let Some(reading) = &mut layout.reading
        && reading.first_line() == FirstLine::Unspecified
    {
        reading.set_first_line(FirstLine::Names);
    }
    let names = texts.first().cloned().unwrap_or_default();
    for (index, name) in names.iter().enumerate() {
        match caption::column(index, name, &names, layout.reading.as_ref().unwrap().addr_type()) {
            Ok(column) => layout.columns.push(column),
            Err(fault) => {
                inspection.problem.get_or_insert(fault);
            }
        }
    }
    if !columns.is_empty() {
        layout.columns = columns.to_vec();
    }
    inspection.columns = layout.columns.iter().map(words::probed).collect();
    let shown = sample.rows.iter().zip(&sample.numbers).zip(texts).skip(1).take(SHOWN_ROWS_MAX);
    inspection.rows = shown
        .map(|((row, number), cells)| SampleRow { number: *number, cells, row: row.clone() })
        .collect();
    inspection.rows_estimate = sample.rows.len() as u64;
    inspection.layout = layout;
    Ok(inspection)
}
