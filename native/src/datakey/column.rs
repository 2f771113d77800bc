//! One datakey column of an import: compiled once, applied to a cell of every row.

use std::borrow::Cow;

use crate::fault::{Fault, Result as Checked};
use crate::json;
use crate::wire::v1::{CellFormat, DatakeyColumn, DatakeyMode};

use super::apply::Applied;
use super::change::{append_canonical, check_bytes, check_levels};
use super::date::DateType;
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
        let format = CellFormat::try_from(column.format)
            .map_err(|_| Fault::invalid("format", "is no known format of cells"))?;
        Ok(Self {
            index,
            path,
            mode,
            date_type,
            is_json: format == CellFormat::Json,
            write_empty: column.write_empty,
        })
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
        self.prepare_cell(cell, moment, out)
            .map_err(|problem| problem.fault(self.index, self.path.text()))
    }

    /// Applies a prepared cell.
    pub fn apply<'a>(&'a self, document: &mut Document<'a>, value: &'a str) -> Checked<Applied> {
        let applied = match self.mode {
            Mode::Delete => document.delete(&self.path),
            mode => document.write_value(&self.path, mode, Cow::Borrowed(value)),
        };
        applied.map_err(|problem| problem.fault(self.index, self.path.text()))
    }

    fn prepare_cell(&self, cell: &str, moment: &Moment, out: &mut String) -> Result<bool> {
        if self.mode == Mode::Delete {
            return Ok(!cell.is_empty());
        }
        if cell.is_empty() && !self.write_empty {
            return Ok(false);
        }
        if self.is_json {
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
        let text = json::string(&value).ok_or_else(|| date_type.refuse(&value))?;
        json::quote(&date_type.resolve(&text, moment)?, out);
        Ok(())
    }
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
