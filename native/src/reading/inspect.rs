//! What a file is, told from the file itself; what the caller says goes before.

use std::collections::BTreeMap;
use std::path::Path;

use crate::fault::{Fault, Result};
use crate::wire::v1::{
    Charset, Confidence, ErrorReason, FileShape, FirstLine, ImportColumn, ImportLayout,
    ImportReading, ImportRow, ProbedColumn, Separator, Warning,
};

use super::charset::{self, Detected, charset_name};
use super::columns::{self, Found, Purpose};
use super::faults;
use super::limits::{COLUMNS_MAX, SAMPLE_BYTES_MAX, SHOWN_ROWS_MAX, WARNINGS_MAX};
use super::looks;
use super::renames::Renames;
use super::sample::{Sample, head};
use super::shape;
use super::sniff::sniff;
use super::words;

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

/// Tells what a file is. `columns` that are not empty go before those of the file. A spreadsheet
/// must have been converted; its shape says that the file was one.
pub fn inspect(
    path: &Path,
    reading: &ImportReading,
    columns: &[ImportColumn],
) -> Result<Inspection> {
    inspect_for(path, reading, columns, Purpose::Members)
}

/// The same for an express import: columns other than keys are kept under any names.
pub fn inspect_express(
    path: &Path,
    reading: &ImportReading,
    columns: &[ImportColumn],
) -> Result<Inspection> {
    inspect_for(path, reading, columns, Purpose::Express)
}

fn inspect_for(
    path: &Path,
    reading: &ImportReading,
    columns: &[ImportColumn],
    purpose: Purpose,
) -> Result<Inspection> {
    let kind = sniff(path)?;
    if kind != "text" {
        return Err(faults::unknown_shape(kind));
    }
    let detected = charset::detect(path)?;
    let columns = &columns::named(columns);
    let mut inspection = Inspection {
        file_bytes: detected.bytes,
        layout: ImportLayout { reading: Some(reading.clone()), ..ImportLayout::default() },
        ..Inspection::default()
    };
    inspection.take_charset(path, &detected)?;
    let head = head(path, inspection.reading().charset(), SAMPLE_BYTES_MAX)?;
    inspection.tell_shape(&head.text, head.is_whole, columns.len());
    let mut sample = Sample::read(path, inspection.reading(), columns)?;
    inspection.tell_first_line(&sample);
    let names = inspection.take_names(&mut sample);
    let found = inspection.find_columns(columns, names, (&sample, purpose))?;
    inspection.take_columns(found);
    sample.fit_columns(&inspection.layout);
    inspection.take_rows(&sample, detected.lines);
    inspection.warnings.truncate(WARNINGS_MAX);
    Ok(inspection)
}

impl Inspection {
    fn reading(&mut self) -> &mut ImportReading {
        self.layout.reading.get_or_insert_default()
    }

    fn warn(&mut self, fault: Fault) {
        self.warnings.push(fault.into());
    }

    /// Says that an answer could be another one.
    fn warn_of_guess(&mut self, field: &str, value: &str) {
        let message = format!("The {field} of the file is taken for {value}, which is a guess.");
        let fault = Fault::new(ErrorReason::ImportGuessed, message);
        self.warn(fault.with("field", field).with("value", value));
    }

    /// What the caller says is for CSV and JSON lines (seed 002: "для XLSX и JSON смысла не
    /// имеет").
    fn take_charset(&mut self, path: &Path, detected: &Detected) -> Result<()> {
        let said = self.reading().charset();
        if self.reading().shape() == FileShape::Spreadsheet {
            // It was converted, so that nothing has to be detected.
            self.reading().set_charset(Charset::Utf8);
            self.layout.set_charset_confidence(Confidence::Certain);
            self.warn_of_charset(said);
            return Ok(());
        }
        if said != Charset::Unspecified && !self.is_document(path, detected.charset)? {
            return Ok(());
        }
        let name = charset_name(detected.charset);
        self.reading().set_charset(detected.charset);
        self.layout.set_charset_confidence(detected.confidence);
        if detected.confidence == Confidence::Guess {
            self.warn_of_guess("charset", name);
        }
        if detected.misfits > 0 {
            let message = format!("Some bytes of the file are no {name}, which it has mostly.");
            let fault = Fault::new(ErrorReason::ImportCharsetMisfit, message);
            self.warn(fault.with("charset", name));
        }
        self.warn_of_charset(said);
        Ok(())
    }

    /// Whether a file that is read in this charset is one JSON document.
    fn is_document(&mut self, path: &Path, charset: Charset) -> Result<bool> {
        if self.reading().shape() != FileShape::Unspecified {
            return Ok(self.reading().shape() == FileShape::Json);
        }
        let head = head(path, charset, SAMPLE_BYTES_MAX)?;
        Ok(shape::shape(&head.text, head.is_whole).0 == FileShape::Json)
    }

    /// Says that the charset of the caller does not count, where the file has another one.
    fn warn_of_charset(&mut self, said: Charset) {
        let taken = self.reading().charset();
        if said == Charset::Unspecified || said == taken {
            return;
        }
        let (said, taken) = (charset_name(said), charset_name(taken));
        let message = format!(
            "The charset {said} is passed over: spreadsheets and JSON documents show their own, \
             which is {taken} here."
        );
        let fault = Fault::new(ErrorReason::FieldInvalid, message);
        self.warn(fault.with("field", "reading.charset").with("value", said));
    }

    fn tell_shape(&mut self, head: &[u8], is_whole: bool, columns: usize) {
        if self.reading().shape() == FileShape::Unspecified {
            let (shape, confidence) = shape::shape(head, is_whole);
            self.reading().set_shape(shape);
            self.layout.set_shape_confidence(confidence);
        }
        if self.reading().shape() == FileShape::Csv
            && self.reading().separator() == Separator::Unspecified
        {
            let (separator, confidence) = shape::separator(head, is_whole, columns);
            self.reading().set_separator(separator);
            self.layout.set_separator_confidence(confidence);
            if confidence == Confidence::Guess {
                let name = separator.as_str_name().trim_start_matches("SEPARATOR_");
                self.warn_of_guess("separator", &name.to_ascii_lowercase());
            }
        }
    }

    fn tell_first_line(&mut self, sample: &Sample) {
        if !sample.names.is_empty() || sample.caption.is_some() {
            self.reading().set_first_line(FirstLine::Data);
            return;
        }
        if self.reading().first_line() != FirstLine::Unspecified {
            return;
        }
        if Renames::of(self.reading()).are_some() {
            self.reading().set_first_line(FirstLine::Names);
            return;
        }
        let (first, rest) = match sample.cells.split_first() {
            Some((first, rest)) => (first.as_slice(), rest),
            None => (&[][..], &[][..]),
        };
        let is_known = |name: &str| columns::is_known(name) || looks::heading_type(name).is_some();
        let (line, mut confidence) = looks::first_line(first, rest, &is_known);
        if sample.first_is_problem() {
            // What cannot be read may have been the names; this is about the row behind it.
            confidence = Confidence::Guess;
        }
        self.reading().set_first_line(line);
        self.layout.set_first_line_confidence(confidence);
        if confidence == Confidence::Guess && !first.is_empty() {
            let value = if line == FirstLine::Names { "names" } else { "data" };
            self.warn_of_guess("first_line", value);
        }
    }

    /// The names of the first line, which is then no row.
    fn take_names(&mut self, sample: &mut Sample) -> Vec<String> {
        if self.reading().first_line() != FirstLine::Names || sample.cells.is_empty() {
            return sample.names.clone();
        }
        if sample.first_is_problem() {
            // It was to be the line of names; what comes behind is data in any case.
            let problem = &sample.batch.problems[0];
            self.problem.get_or_insert(problem.fault.clone());
            self.warnings.push(problem.fault.clone().into());
            return Vec::new();
        }
        sample.take_first()
    }

    fn find_columns(
        &mut self,
        columns: &[ImportColumn],
        names: Vec<String>,
        (sample, purpose): (&Sample, Purpose),
    ) -> Result<Found> {
        let reading = self.reading().clone();
        if !columns.is_empty() {
            return Ok(Found { columns: columns.to_vec(), ..Found::default() });
        }
        if let Some(entries) = sample.caption.as_ref().filter(|_| reading.names.is_empty()) {
            return Ok(columns::from_entries(entries, (&reading, purpose), &sample.cells));
        }
        if self.file_bytes == 0 || (names.is_empty() && sample.is_empty()) {
            return Err(faults::empty(self.file_bytes));
        }
        let mut names = names;
        if !reading.names.is_empty() && sample.names.is_empty() {
            names.clone_from(&reading.names);
        } else if !reading.names.is_empty() {
            self.problem.get_or_insert_with(faults::names_of_objects);
        }
        if names.is_empty()
            && sample.cells.is_empty()
            && let Some(problem) = sample.batch.problems.first()
        {
            // Not one row tells which columns there are: why none can be read is what matters.
            return Ok(Found::unreadable(&problem.fault));
        }
        if names.is_empty() {
            let width = sample.cells.iter().map(Vec::len).max().unwrap_or_default();
            names.resize(width.min(COLUMNS_MAX), String::new());
        }
        Ok(columns::from_names(&names, (&reading, purpose), &sample.cells))
    }

    fn take_columns(&mut self, found: Found) {
        if !found.columns.is_empty() {
            // The columns say it from now on; both are refused together.
            let reading = self.reading();
            *reading = ImportReading {
                names: Vec::new(),
                renames: BTreeMap::new(),
                prefix: String::new(),
                addr_type: 0,
                ..std::mem::take(reading)
            };
        }
        self.columns = found.columns.iter().map(words::probed).collect();
        self.layout.columns = found.columns;
        self.warnings.extend(found.warnings);
        if self.problem.is_none() {
            self.problem = found.problem;
        }
    }

    fn take_rows(&mut self, sample: &Sample, lines: u64) {
        if sample.is_empty() && self.problem.is_none() {
            self.warn(faults::empty(self.file_bytes));
        }
        let rows = sample.batch.rows.iter().zip(&sample.batch.numbers).zip(&sample.cells);
        self.rows = rows
            .take(SHOWN_ROWS_MAX)
            .map(|((row, number), cells)| SampleRow {
                number: *number,
                cells: cells.clone(),
                row: row.clone(),
            })
            .collect();
        self.rows_estimate = sample.rows_estimate(lines, self.file_bytes);
    }
}
