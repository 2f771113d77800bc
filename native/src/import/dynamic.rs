//! Datakeys that each row fills with its own cells, such as `bonus.{shop}`.

use crate::datakey::ColumnChange;
use crate::fault::{Fault, Result};
use crate::wire::v1::{DatakeyColumn, ErrorReason, ImportColumn};

/// Details travel in trailers, which are bounded to a few kilobytes.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// A column whose datakey has the names of other columns.
#[derive(Debug)]
pub struct DynamicColumn {
    /// The change with a datakey of no row, for all that is checked once.
    change: ColumnChange,
    parts: Vec<Part>,
}

/// A part of the datakey.
#[derive(Debug)]
enum Part {
    /// As it stands there.
    Text(String),
    /// The cell of a column.
    Cell(usize),
}

impl DynamicColumn {
    /// Checks the column number `index` of all `columns`.
    pub fn compile(index: usize, column: &DatakeyColumn, columns: &[ImportColumn]) -> Result<Self> {
        let parts = parts(index, &column.path, columns)?;
        if !parts.iter().any(|part| matches!(part, Part::Cell(_))) {
            return Err(malformed());
        }
        let with_letters = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Cell(_) => "x".to_owned(),
        };
        let path = parts.iter().map(with_letters).collect();
        let change = ColumnChange::compile(index, &DatakeyColumn { path, ..column.clone() })?;
        if change.path().reserved().is_some() {
            let message = "System keys take no names of columns.";
            return Err(Fault::new(ErrorReason::DatakeyReserved, message)
                .with("index", index)
                .with("path", shown(&column.path)));
        }
        Ok(Self { change: change.renamed(&column.path), parts })
    }

    /// The change of a row whose cells `text_of` answers; the column of an empty cell where there
    /// is one.
    pub fn of_row(
        &self,
        mut text_of: impl FnMut(usize) -> Result<String>,
    ) -> Result<std::result::Result<ColumnChange, usize>> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Cell(column) => match text_of(*column)? {
                    text if text.is_empty() => return Ok(Err(*column)),
                    text => push_literal(&text, &mut path),
                },
            }
        }
        self.change.at(&path).map(Ok)
    }
}

fn parts(index: usize, path: &str, columns: &[ImportColumn]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some((text, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}').ok_or_else(malformed)?;
        parts.push(Part::Text(text.to_owned()));
        parts.push(Part::Cell(named(index, name, columns)?));
        rest = behind;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

/// The one other column with a name.
fn named(index: usize, name: &str, columns: &[ImportColumn]) -> Result<usize> {
    let others = columns.iter().enumerate().filter(|(position, _)| *position != index);
    let mut found = others.filter(|(_, column)| column.name == name && !name.is_empty());
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Ok(position),
        _ => Err(Fault::new(
            ErrorReason::ColumnUnknown,
            "A dynamic datakey must have the name of exactly one other column in its braces.",
        )
        .with("name", shown(name))),
    }
}

/// The first characters of a text of the caller.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

fn malformed() -> Fault {
    Fault::invalid("columns.datakey.path", "must have names of columns in braces")
}

/// Appends a cell so that it is one element of a path or a part of one.
fn push_literal(text: &str, path: &mut String) {
    for char in text.chars() {
        if ".[]\\".contains(char) {
            path.push('\\');
        }
        path.push(char);
    }
}
