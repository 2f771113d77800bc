//! One datakey column of an import: compiled once, applied to a cell of every row.

use std::borrow::Cow;

use crate::fault::{Fault, Result as Checked};
use crate::json::{self, Kind};
use crate::wire::v1::{CellFormat, DatakeyColumn, DatakeyMode};

use super::apply::Applied;
use super::change::{append_canonical, check_bytes, check_levels};
use super::date::DateType;
use super::decimal::Decimal;
use super::document::Document;
use super::mode::Mode;
use super::moment::Moment;
use super::path::Path;
use super::problem::{Problem, Result};

/// A change whose value is the cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChange {
    index: usize,
    path: Path,
    mode: Mode,
    date_type: Option<DateType>,
    is_json: bool,
    write_empty: bool,
    calc: bool,
}

impl ColumnChange {
    /// Checks and compiles the column number `index` of an import.
    pub fn compile(index: usize, column: &DatakeyColumn) -> Checked<Self> {
        let at_path = |problem: Problem| problem.fault(index, &column.path);
        let path = Path::parse(index, &column.path)?;
        let mode = column_mode(column.mode).map_err(at_path)?;
        let date_type = DateType::parse(&column.r#type).map_err(at_path)?;
        if mode == Mode::Delete && date_type.is_some() {
            return Err(at_path(Problem::ValueUnexpected));
        }
        if column.calc {
            let conflict = |with| options_conflict("calc", with);
            match (mode, date_type.is_some()) {
                (Mode::Set, false) => {}
                (Mode::Set, true) => return Err(conflict("type")),
                _ => return Err(conflict("mode")),
            }
        }
        let format = CellFormat::try_from(column.format)
            .map_err(|_| Fault::invalid("format", "is no known format of cells"))?;
        Ok(Self {
            index,
            path,
            mode,
            date_type,
            is_json: format == CellFormat::Json,
            write_empty: column.write_empty,
            calc: column.calc,
        })
    }

    /// The same column under another text in faults: the one that has the places to fill.
    #[must_use]
    pub fn renamed(self, text: &str) -> Self {
        Self { path: self.path.renamed(text.to_owned()), ..self }
    }

    /// The same column with the path of one row.
    pub fn at(&self, path: &str) -> Checked<Self> {
        let at_path = |problem: Problem| problem.fault(self.index, self.path.text());
        let filled = Path::new(path).map_err(at_path)?;
        if filled.reserved().is_some() {
            return Err(at_path(Problem::Reserved));
        }
        let path = filled.renamed(self.path.text().to_owned());
        Ok(Self { path, ..self.clone() })
    }

    /// Which column of the import it is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What it changes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it changes.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Checks one cell and appends the canonical JSON that it writes to `out`; answers whether the
    /// cell changes anything at all. Needs no document, so that rows are prepared in parallel.
    pub fn prepare(&self, cell: &str, moment: &Moment, out: &mut String) -> Checked<bool> {
        self.prepare_cell((cell, self.is_json), moment, out)
            .map_err(|problem| problem.fault(self.index, self.path.text()))
    }

    /// The same of a cell that is a JSON document whatever the column says; null is an empty one.
    pub fn prepare_json(&self, cell: &str, moment: &Moment, out: &mut String) -> Checked<bool> {
        let cell = if cell.trim_ascii() == "null" { "" } else { cell };
        self.prepare_cell((cell, true), moment, out)
            .map_err(|problem| problem.fault(self.index, self.path.text()))
    }

    /// Applies a prepared cell.
    pub fn apply<'a>(&'a self, document: &mut Document<'a>, value: &'a str) -> Checked<Applied> {
        let applied = match self.mode {
            _ if self.calc => Decimal::of_text(value)
                .and_then(|addend| document.add(&self.path, addend))
                .map(|()| Applied::Written),
            Mode::Delete => document.delete(&self.path),
            mode => document.write_value(&self.path, mode, Cow::Borrowed(value)),
        };
        applied.map_err(|problem| problem.fault(self.index, self.path.text()))
    }

    fn prepare_cell(
        &self,
        (cell, is_json): (&str, bool),
        moment: &Moment,
        out: &mut String,
    ) -> Result<bool> {
        if self.calc {
            return addend((cell, is_json), out);
        }
        if self.mode == Mode::Delete {
            return Ok(!cell.is_empty());
        }
        if cell.is_empty() && !self.write_empty {
            return Ok(false);
        }
        if is_json {
            self.json(cell, moment, out)?;
        } else {
            self.text(cell, moment, out)?;
        }
        Ok(true)
    }

    fn text(&self, cell: &str, moment: &Moment, out: &mut String) -> Result<()> {
        check_bytes(cell.len())?;
        match &self.date_type {
            Some(date_type) => json::quote(&date_type.resolve(cell, moment)?, out),
            None => json::quote(cell, out),
        }
        Ok(())
    }

    fn json(&self, cell: &str, moment: &Moment, out: &mut String) -> Result<()> {
        if cell.is_empty() {
            out.push_str("null");
            return Ok(());
        }
        let start = out.len();
        append_canonical(cell.as_bytes(), out)?;
        check_levels(&self.path, self.mode, &out[start..])?;
        let Some(date_type) = &self.date_type else { return Ok(()) };
        let value = out.split_off(start);
        let text = match json::kind(&value) {
            // A year of a spreadsheet.
            Kind::Number => Cow::Borrowed(value.as_str()),
            _ => json::string(&value).ok_or_else(|| date_type.refuse(&value))?,
        };
        json::quote(&date_type.resolve(&text, moment)?, out);
        Ok(())
    }
}

/// Appends the number that a cell adds; an empty cell adds none.
fn addend((cell, is_json): (&str, bool), out: &mut String) -> Result<bool> {
    if cell.is_empty() {
        return Ok(false);
    }
    check_bytes(cell.len())?;
    let number = if is_json {
        let mut document = String::new();
        append_canonical(cell.as_bytes(), &mut document)?;
        Decimal::of_json(&document)?
    } else {
        Decimal::of_text(cell)?
    };
    out.push_str(&number.text());
    Ok(true)
}

/// What a cell that is a JSON document says where text is wanted: a string, or a number as it was
/// written; null is nothing, and `None` what is no text. `index` is the column.
pub fn json_cell_text(index: usize, cell: &str) -> Checked<Option<String>> {
    let mut document = String::new();
    append_canonical(cell.as_bytes(), &mut document).map_err(|problem| problem.fault(index, ""))?;
    Ok(match json::kind(&document) {
        Kind::String => json::string(&document).map(Cow::into_owned),
        Kind::Number => Some(document),
        Kind::Null => Some(String::new()),
        Kind::Boolean | Kind::Object | Kind::Array => None,
    })
}

fn options_conflict(first: &str, second: &str) -> Fault {
    Fault::conflict(first, second, "Two options of a column cannot be together.")
}

/// The mode of a column: set where none is given, never a copy.
fn column_mode(mode: i32) -> Result<Mode> {
    match DatakeyMode::try_from(mode) {
        Ok(DatakeyMode::Unspecified) => Ok(Mode::Set),
        Ok(mode) => match Mode::of_wire(mode) {
            Some((mode, false)) => Ok(mode),
            _ => Err(Problem::ModeUnknown),
        },
        Err(_) => Err(Problem::ModeUnknown),
    }
}
