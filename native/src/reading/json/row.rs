//! One JSON document becomes a row: an array of cells, or an object whose members are columns.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::fault::Fault;
use crate::json::{self, JsonFault, JsonProblem, Kind, LEVELS_MAX};
use crate::reading::batch::{Builder, Problem, SourceBatch};
use crate::reading::faults;
use crate::reading::limits::{COLUMNS_MAX, SHOWN_CHARACTERS_MAX};
use crate::wire::v1::{Charset, ErrorReason, ImportColumn};

/// Where the members of objects go.
#[derive(Debug, Default)]
pub(in crate::reading) struct Names {
    positions: FxHashMap<String, usize>,
    /// Whether names that come first make columns.
    learns: bool,
    /// Whether a row was an object.
    are_used: bool,
}

impl Names {
    /// The names of known columns. White space around a name is no part of it, here as in CSV.
    pub(in crate::reading) fn of(columns: &[ImportColumn]) -> Self {
        let mut positions = FxHashMap::default();
        for (position, column) in columns.iter().enumerate() {
            positions.entry(column.name.trim().to_owned()).or_insert(position);
        }
        Self { positions, ..Self::default() }
    }

    /// No names yet: each new one is a further column.
    pub(in crate::reading) fn learning() -> Self {
        Self { learns: true, ..Self::default() }
    }

    /// The names in the order of their columns; none where no row is an object.
    pub(super) fn in_order(&self) -> Vec<String> {
        let mut names: Vec<(&String, &usize)> = self.positions.iter().collect();
        names.retain(|_| self.are_used);
        names.sort_by_key(|(_, position)| **position);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    fn position(&mut self, name: &str) -> Option<usize> {
        let name = name.trim();
        let known = self.positions.get(name).copied();
        let position = self.positions.len();
        // One more than there may be, so that the file is refused. Each row is as long as there are
        // names: without a bound, rows whose names are all different would take its square.
        if known.is_some() || !self.learns || position > COLUMNS_MAX {
            return known;
        }
        self.positions.insert(name.to_owned(), position);
        Some(position)
    }
}

/// Rows that are made of documents, and the text of their cells.
#[derive(Debug, Default)]
pub(super) struct Rows {
    builder: Builder,
    text: String,
    cells: Vec<Range<usize>>,
}

impl Rows {
    /// Rows and problems.
    pub(super) fn len(&self) -> usize {
        self.builder.len()
    }

    /// Bytes of text.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The batch.
    pub(super) fn finish(self) -> SourceBatch {
        self.builder.finish(self.text.into_bytes())
    }

    /// Reports what is no row.
    pub(super) fn problem(&mut self, number: u64, fault: Fault, text: &[u8]) {
        self.builder.problem(Problem::new(number, fault, text));
    }

    /// Takes a document. One without cells, or with empty ones only, is a blank row.
    pub(super) fn take(
        &mut self,
        number: u64,
        document: &[u8],
        charset: Charset,
        names: &mut Names,
    ) {
        let start = self.text.len();
        let cells = json::canonicalize(document, &mut self.text)
            .map_err(|fault| json_fault(fault, charset))
            .and_then(|()| cells(&self.text, start, names));
        match cells {
            Err(fault) => {
                self.text.truncate(start);
                self.problem(number, fault, document);
            }
            Ok(cells) if cells.iter().all(|cell| is_empty(&self.text[cell.clone()])) => {
                self.text.truncate(start);
            }
            Ok(cells) => self.row(number, &cells),
        }
    }

    fn row(&mut self, number: u64, cells: &[Range<usize>]) {
        self.cells.clear();
        for (position, cell) in cells.iter().enumerate() {
            let value = &self.text[cell.clone()];
            let range = if value.is_empty() {
                0..0
            } else if json::kind(value) == Kind::String {
                let inside = cell.start + 1..cell.end - 1;
                if value.contains('\\') {
                    let plain = json::unescape(&self.text[inside]).into_owned();
                    let start = self.text.len();
                    self.text.push_str(&plain);
                    start..self.text.len()
                } else {
                    inside
                }
            } else {
                self.builder.json_cell(position);
                cell.clone()
            };
            self.cells.push(range);
        }
        self.builder.row(number, &self.cells);
    }
}

/// Whether a document is a blank row, which is no line of names either.
pub(super) fn is_blank(document: &[u8]) -> bool {
    let mut rows = Rows::default();
    rows.take(0, document, Charset::Utf8, &mut Names::learning());
    rows.len() == 0
}

fn is_empty(value: &str) -> bool {
    matches!(value, "" | "null" | "\"\"")
}

/// Where the cells of the canonical document at `start` are.
fn cells(text: &str, start: usize, names: &mut Names) -> Result<Vec<Range<usize>>, Fault> {
    let document = &text[start..];
    let range = |value: &str| {
        let from = value.as_ptr() as usize - text.as_ptr() as usize;
        from..from + value.len()
    };
    match json::kind(document) {
        Kind::Array => Ok(json::elements(document).map(range).collect()),
        Kind::Object => {
            let mut cells = Vec::new();
            names.are_used = true;
            for (name, value) in json::members(document) {
                let name = json::unescape(name);
                let position = names.position(&name).ok_or_else(|| unknown(&name))?;
                if cells.len() <= position {
                    cells.resize(position + 1, 0..0);
                }
                if !cells[position].is_empty() {
                    return Err(repeated(&name));
                }
                cells[position] = range(value);
            }
            Ok(cells)
        }
        _ => Err(Fault::new(
            ErrorReason::ImportRowInvalid,
            "The row is no JSON array of cells and no object with cells.",
        )),
    }
}

fn unknown(name: &str) -> Fault {
    let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
    Fault::new(
        ErrorReason::ImportNameUnknown,
        format!(
            "The row has a member {name:?}, which is none of the columns; add a column for it."
        ),
    )
    .with("name", name)
}

/// Two members that are one but for the white space around their names.
fn repeated(name: &str) -> Fault {
    let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
    let message = format!("The row has two members for the column {:?}.", name.trim());
    Fault::new(ErrorReason::JsonInvalid, message).with("name", name)
}

fn json_fault(fault: JsonFault, charset: Charset) -> Fault {
    let (reason, message) = match fault.problem {
        JsonProblem::NotUtf8 => return faults::misfit(charset, None),
        JsonProblem::TooDeep => {
            let message = format!("The row is nested deeper than {LEVELS_MAX} levels.");
            return Fault::new(ErrorReason::JsonTooDeep, message).with("max", LEVELS_MAX);
        }
        JsonProblem::MemberRepeated => {
            (ErrorReason::JsonInvalid, "The row has an object with two members of one name.")
        }
        JsonProblem::Syntax | JsonProblem::LoneSurrogate => {
            (ErrorReason::JsonInvalid, "The row is no valid JSON.")
        }
    };
    Fault::new(reason, message).with("offset_bytes", fault.offset_bytes)
}
