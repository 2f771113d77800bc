//! One datakey column of an import: compiled once, applied to a cell of every row.

use std::borrow::Cow;

use crate::fault::{Fault, Result as Checked};
use crate::json;
use crate::wire::v1::{CellFormat, DatakeyColumn, DatakeyMode};

use super::apply::Applied;
use super::change::{canonical, check_bytes, check_levels, quoted};
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

    /// Applies one cell.
    pub fn apply<'a>(
        &'a self,
        document: &mut Document<'a>,
        cell: &'a str,
        moment: &Moment,
    ) -> Checked<Applied> {
        self.apply_cell(document, cell, moment)
            .map_err(|problem| problem.fault(self.index, self.path.text()))
    }

    fn apply_cell<'a>(
        &'a self,
        document: &mut Document<'a>,
        cell: &'a str,
        moment: &Moment,
    ) -> Result<Applied> {
        if self.mode == Mode::Delete {
            return if cell.is_empty() {
                Ok(Applied::Ignored)
            } else {
                document.delete(&self.path)
            };
        }
        if cell.is_empty() && !self.write_empty {
            return Ok(Applied::Ignored);
        }
        let value = if self.is_json { self.json(cell, moment)? } else { self.text(cell, moment)? };
        document.write_value(&self.path, self.mode, value)
    }

    fn text(&self, cell: &str, moment: &Moment) -> Result<Cow<'static, str>> {
        check_bytes(cell.len())?;
        Ok(Cow::Owned(match &self.date_type {
            Some(date_type) => quoted(&date_type.resolve(cell, moment)?),
            None => quoted(cell),
        }))
    }

    fn json(&self, cell: &str, moment: &Moment) -> Result<Cow<'static, str>> {
        if cell.is_empty() {
            return Ok(Cow::Borrowed("null"));
        }
        let value = canonical(cell.as_bytes())?;
        check_levels(&self.path, self.mode, &value)?;
        let Some(date_type) = &self.date_type else { return Ok(Cow::Owned(value)) };
        let text = json::string(&value).ok_or_else(|| date_type.refuse(&value))?;
        Ok(Cow::Owned(quoted(&date_type.resolve(&text, moment)?)))
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
