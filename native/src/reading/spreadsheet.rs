//! Spreadsheets become JSON lines: one array for each row of a sheet, `[]` for a blank one.
//!
//! Run it in a process of its own with bounds on memory and time: the library that parses XLS and
//! ODS allocates what hostile files say. XLSX is read cell by cell, and its `dimension` is ignored.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use calamine::{Data, DataRef, Ods, Range, Reader, Sheet, SheetVisible, Xls, Xlsx, XlsxError};

use crate::fault::{Fault, Result};
use crate::wire::v1::ErrorReason;

use super::faults::{self, disk, unknown_shape};
use super::limits::{COLUMNS_MAX, WARNINGS_MAX};
use super::sheet_cell::{Flaw, borrowed, push_cell};
use super::sniff::sniff;

/// Names of sheets that messages list.
const SHOWN_SHEETS_MAX: usize = 20;

/// What was converted.
#[derive(Debug, Default)]
pub struct Converted {
    /// The sheet.
    pub sheet: String,
    /// All sheets of the file.
    pub sheets: Vec<String>,
    /// How many lines were written.
    pub rows: u64,
    /// Cells that are empty because they are errors, and numbers that are not exact; the first of
    /// them.
    pub warnings: Vec<Fault>,
    /// How many there are.
    pub warnings_total: u64,
}

/// Writes the rows of a sheet into `output`, at most `rows_max`. An empty name takes the first
/// visible sheet that has cells. A row with cells beyond `COLUMNS_MAX` has one cell more than that,
/// so that it is refused as a row when it is imported.
pub fn convert(input: &Path, output: &Path, sheet: &str, rows_max: u64) -> Result<Converted> {
    let kind = sniff(input)?;
    let open = || File::open(input).map(BufReader::new).map_err(|error| disk(&error));
    let lines = || Lines::create(output, rows_max);
    match kind {
        "xlsx" => xlsx(&mut Xlsx::new(open()?).map_err(|error| unreadable(&error))?, sheet, &lines),
        "xls" => whole(&mut Xls::new(open()?).map_err(|error| unreadable(&error))?, sheet, &lines),
        "ods" => whole(&mut Ods::new(open()?).map_err(|error| unreadable(&error))?, sheet, &lines),
        kind => Err(unknown_shape(kind)),
    }
}

type MakeLines<'a> = dyn Fn() -> Result<Lines> + 'a;

/// XLSX, cell by cell.
fn xlsx(
    book: &mut Xlsx<BufReader<File>>,
    wanted: &str,
    make_lines: &MakeLines<'_>,
) -> Result<Converted> {
    let (sheets, candidates) = candidates(book.sheets_metadata(), wanted)?;
    let last = candidates.len() - 1;
    for (index, sheet) in candidates.into_iter().enumerate() {
        let mut lines = make_lines()?;
        let mut cells = match book.worksheet_cells_reader(&sheet) {
            Ok(cells) => cells,
            // A sheet that is a chart has no cells.
            Err(XlsxError::NotAWorksheet(_)) if index < last => continue,
            Err(error) => return Err(unreadable(&error)),
        };
        while let Some(cell) = cells.next_cell().map_err(|error| unreadable(&error))? {
            lines.cell(cell.get_position(), cell.get_value())?;
        }
        if !lines.is_blank() || index == last {
            return lines.finish(sheet, sheets);
        }
    }
    unreachable!("there is a candidate at least")
}

/// XLS and ODS, whose sheets are read whole.
fn whole<B>(book: &mut B, wanted: &str, make_lines: &MakeLines<'_>) -> Result<Converted>
where
    B: Reader<BufReader<File>>,
    B::Error: std::fmt::Display,
{
    let (sheets, candidates) = candidates(book.sheets_metadata(), wanted)?;
    let last = candidates.len() - 1;
    for (index, sheet) in candidates.into_iter().enumerate() {
        let range: Range<Data> =
            book.worksheet_range(&sheet).map_err(|error| unreadable(&error))?;
        if range.is_empty() && index < last {
            continue;
        }
        let mut lines = make_lines()?;
        let (row_start, column_start) = range.start().unwrap_or_default();
        for (row, column, cell) in range.used_cells() {
            let position = (row_start + narrow(row), column_start + narrow(column));
            lines.cell(position, &borrowed(cell))?;
        }
        return lines.finish(sheet, sheets);
    }
    unreachable!("there is a candidate at least")
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("sheets have fewer than 2^32 rows and columns")
}

/// The names of all sheets, and those that may be meant: at least one.
fn candidates(sheets: &[Sheet], wanted: &str) -> Result<(Vec<String>, Vec<String>)> {
    let names: Vec<String> = sheets.iter().map(|sheet| sheet.name.clone()).collect();
    let candidates: Vec<String> = if wanted.is_empty() {
        let (shown, hidden): (Vec<&Sheet>, Vec<&Sheet>) =
            sheets.iter().partition(|sheet| sheet.visible == SheetVisible::Visible);
        shown.into_iter().chain(hidden).map(|sheet| sheet.name.clone()).collect()
    } else {
        names.iter().filter(|name| *name == wanted).cloned().collect()
    };
    if candidates.is_empty() {
        let shown = names[..names.len().min(SHOWN_SHEETS_MAX)].join(", ");
        let message = format!("The spreadsheet has no sheet {wanted:?}; it has: {shown}.");
        let fault = Fault::new(ErrorReason::ImportSheetUnknown, message);
        return Err(fault.with("sheet", wanted).with("sheets", shown));
    }
    Ok((names, candidates))
}

/// The lines that are written.
struct Lines {
    file: BufWriter<File>,
    rows_max: u64,
    /// The row that is collected, from 0, and its cells.
    row: u32,
    cells: Vec<String>,
    converted: Converted,
}

impl Lines {
    fn create(output: &Path, rows_max: u64) -> Result<Self> {
        let file = File::create(output).map_err(|error| disk(&error))?;
        let (row, cells, converted) = (0, Vec::new(), Converted::default());
        Ok(Self { file: BufWriter::new(file), rows_max, row, cells, converted })
    }

    fn is_blank(&self) -> bool {
        self.converted.rows == 0 && self.cells.is_empty()
    }

    /// Takes a cell; rows come in order, the cells of a row in any.
    fn cell(&mut self, (row, column): (u32, u32), cell: &DataRef<'_>) -> Result<()> {
        if matches!(cell, DataRef::Empty) {
            return Ok(());
        }
        if row < self.row {
            return Err(unreadable(&"its rows are not in order"));
        }
        if u64::from(row) >= self.rows_max {
            let max = usize::try_from(self.rows_max).unwrap_or(usize::MAX);
            return Err(Fault::limit("rows", max, row as usize + 1));
        }
        while self.row < row {
            self.end_row()?;
        }
        let position = (column as usize).min(COLUMNS_MAX);
        if self.cells.len() <= position {
            self.cells.resize_with(position + 1, || "null".to_owned());
        }
        let mut json = String::new();
        if let Some(flaw) = push_cell(cell, &mut json) {
            self.warn(column, &flaw);
        }
        self.cells[position] = json;
        Ok(())
    }

    fn warn(&mut self, column: u32, flaw: &Flaw) {
        self.converted.warnings_total += 1;
        if self.converted.warnings.len() < WARNINGS_MAX {
            let row = self.row + 1;
            let fault = match flaw {
                Flaw::Error(error) => {
                    let message =
                        format!("A cell of row {row} is {error} and so is taken for empty.");
                    Fault::new(ErrorReason::ImportSheetError, message).with("error", error)
                }
                Flaw::Inexact => faults::inexact(),
            };
            self.converted.warnings.push(fault.with("row", row).with("column", column));
        }
    }

    fn end_row(&mut self) -> Result<()> {
        let line = format!("[{}]\n", self.cells.join(","));
        self.file.write_all(line.as_bytes()).map_err(|error| disk(&error))?;
        self.cells.clear();
        self.row += 1;
        self.converted.rows += 1;
        Ok(())
    }

    fn finish(mut self, sheet: String, sheets: Vec<String>) -> Result<Converted> {
        if !self.cells.is_empty() {
            self.end_row()?;
        }
        self.file.flush().map_err(|error| disk(&error))?;
        Ok(Converted { sheet, sheets, ..self.converted })
    }
}

/// What the library says may have text of the file in it, so only the operator sees it.
fn unreadable(problem: &dyn std::fmt::Display) -> Fault {
    let fault = Fault::new(
        ErrorReason::ImportSpreadsheetInvalid,
        "The spreadsheet cannot be read: it is damaged, encrypted or of an unknown version.",
    );
    Fault { cause: problem.to_string(), ..fault }
}
