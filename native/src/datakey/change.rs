//! One change of a call, checked and compiled before any document is read.

use crate::fault::Result as Checked;
use crate::json::{self, Kind, LEVELS_MAX};
use crate::wire::v1::DatakeyChange;

use super::current::Current;
use super::date::{Date, DateType};
use super::mode::Mode;
use super::path::Path;
use super::problem::{Problem, Result};

/// How large a value may be: no value needs to be larger than the body it goes into.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// A change of the data at one datakey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    index: usize,
    path: Path,
    mode: Mode,
    operand: Operand,
}

/// Where the value of a change comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    /// Delete has no value.
    Nothing,
    /// Canonical text.
    Json(String),
    /// An expression that the moment of the call decides.
    Current(DateType, Current),
    /// Another datakey, checked as a date where there is a type.
    Copy(Path, Option<DateType>),
}

impl Change {
    /// Checks and compiles the change number `index` of a call.
    pub fn compile(index: usize, change: &DatakeyChange) -> Checked<Self> {
        let at_path = |problem: Problem| problem.fault(index, &change.path);
        let path = Path::parse(index, &change.path)?;
        let (mode, is_copy) =
            Mode::of_wire(change.mode()).ok_or(Problem::ModeUnknown).map_err(at_path)?;
        let operand = if mode == Mode::Delete {
            nothing(change).map_err(at_path)?
        } else if is_copy {
            let date_type = copy_type(change).map_err(at_path)?;
            Operand::Copy(Path::parse(index, &change.copy_path)?, date_type)
        } else {
            value(change).map_err(at_path)?
        };
        if let Operand::Json(value) = &operand {
            check_levels(&path, mode, value).map_err(at_path)?;
        }
        Ok(Self { index, path, mode, operand })
    }

    /// Which change of the call it is.
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

    /// The canonical text of a value that was given in the call.
    pub fn value(&self) -> Option<&str> {
        match &self.operand {
            Operand::Json(value) => Some(value),
            Operand::Nothing | Operand::Current(..) | Operand::Copy(..) => None,
        }
    }

    /// The datakey that a copy mode reads.
    pub fn copy_path(&self) -> Option<&Path> {
        match &self.operand {
            Operand::Copy(path, _) => Some(path),
            Operand::Nothing | Operand::Json(_) | Operand::Current(..) => None,
        }
    }

    pub(super) fn operand(&self) -> &Operand {
        &self.operand
    }
}

/// Delete takes nothing; the seed allows to write that as an empty value.
fn nothing(change: &DatakeyChange) -> Result<Operand> {
    let is_empty =
        is_empty(&change.value) && change.r#type.is_empty() && change.copy_path.is_empty();
    is_empty.then_some(Operand::Nothing).ok_or(Problem::ValueUnexpected)
}

fn copy_type(change: &DatakeyChange) -> Result<Option<DateType>> {
    if !is_empty(&change.value) {
        return Err(Problem::ValueUnexpected);
    }
    DateType::parse(&change.r#type)
}

fn value(change: &DatakeyChange) -> Result<Operand> {
    if !change.copy_path.is_empty() {
        return Err(Problem::ValueUnexpected);
    }
    let date_type = DateType::parse(&change.r#type)?;
    let value = canonical(&change.value)?;
    let Some(date_type) = date_type else { return Ok(Operand::Json(value)) };
    let text = json::string(&value).ok_or_else(|| date_type.refuse(&value))?;
    Ok(match date_type.read(&text)? {
        Date::Fixed(date) => Operand::Json(quoted(&date)),
        Date::Current(current) => Operand::Current(date_type, current),
    })
}

fn is_empty(value: &[u8]) -> bool {
    matches!(value, b"" | b"null" | b"\"\"")
}

/// The canonical text of a value of the caller.
pub(super) fn canonical(value: &[u8]) -> Result<String> {
    let mut text = String::new();
    append_canonical(value, &mut text)?;
    Ok(text)
}

/// The same, behind what `out` holds already.
pub(super) fn append_canonical(value: &[u8], out: &mut String) -> Result<()> {
    check_bytes(value.len())?;
    json::canonicalize(value, out).map_err(Problem::Json)
}

pub(super) fn check_bytes(bytes: usize) -> Result<()> {
    if bytes > VALUE_BYTES_MAX { Err(Problem::ValueTooLarge(bytes)) } else { Ok(()) }
}

pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    json::quote(text, &mut quoted);
    quoted
}

/// The body must stay a document that zmey would accept: a value may not lie too deep in it.
pub(super) fn check_levels(path: &Path, mode: Mode, value: &str) -> Result<()> {
    let wraps = mode.wraps() && json::kind(value) != Kind::Array;
    let levels = path.elements().len() + usize::from(wraps) + json::levels(value);
    if levels > LEVELS_MAX { Err(Problem::TooDeep) } else { Ok(()) }
}
