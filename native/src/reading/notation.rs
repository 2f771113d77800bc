//! The notation of datakeys in names of columns: `PATH[:MODE][:TYPE][:FORMAT]`.
//!
//! `visits:update`, `base.birth:set:dt:YD`, `address:merge:json`. A colon within a path is written
//! `\:`; other backslashes belong to the path. The command line has the same notation.

use crate::wire::v1::{CellFormat, DatakeyColumn, DatakeyMode};

/// The letters of which two make the precision of a date.
const DATE_PARTS: &str = "YMDhms";

/// Why a name is no datakey: completes "The name of the column …".
pub(super) type Problem = String;

/// Reads a datakey with what its cells do there.
pub(super) fn parse_datakey(text: &str) -> Result<DatakeyColumn, Problem> {
    let mut parts = split_colons(text).into_iter();
    let path = parts.next().filter(|path| !path.is_empty());
    let mut column = DatakeyColumn {
        path: path.ok_or("has no datakey before its colon")?,
        ..DatakeyColumn::default()
    };
    let mut rest = parts.filter(|part| !part.is_empty()).peekable();
    while let Some(part) = rest.next() {
        match part.as_str() {
            "json" if column.format == 0 => column.set_format(CellFormat::Json),
            "text" if column.format == 0 => column.set_format(CellFormat::Text),
            "empty" if !column.write_empty => column.write_empty = true,
            "dt" if column.r#type.is_empty() => {
                let parts = rest.next_if(|next| is_date_parts(next));
                column.r#type = parts.map_or("dt".to_owned(), |parts| format!("dt:{parts}"));
            }
            other => match mode_of(other) {
                Some(mode) if column.mode == 0 => column.set_mode(mode),
                _ => return Err(unknown_part(other)),
            },
        }
    }
    if column.mode == 0 {
        column.set_mode(DatakeyMode::Set);
    }
    if is_copy(column.mode()) {
        return Err("has a copy mode, which needs no cells".to_owned());
    }
    Ok(column)
}

/// Splits at colons; `\:` is a colon that does not split.
fn split_colons(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let part = parts.last_mut().expect("there is always one");
        match char {
            '\\' => match chars.next() {
                Some(':') => part.push(':'),
                Some(escaped) => part.extend(['\\', escaped]),
                None => part.push('\\'),
            },
            ':' => parts.push(String::new()),
            _ => part.push(char),
        }
    }
    parts
}

fn is_date_parts(part: &str) -> bool {
    part.len() == 2 && part.chars().all(|char| DATE_PARTS.contains(char))
}

/// The mode of a name such as `set`, `merge_update` or `set.copy`.
fn mode_of(name: &str) -> Option<DatakeyMode> {
    let name = name.replace(".copy", "_copy");
    let known = (1..).map_while(|number| DatakeyMode::try_from(number).ok());
    let mut named = known.filter(|mode| {
        let known = mode.as_str_name().trim_start_matches("DATAKEY_MODE_");
        known.to_ascii_lowercase() == name
    });
    named.next()
}

/// The mode of a name, where it is one that takes cells.
pub(super) fn column_mode(name: &str) -> Option<DatakeyMode> {
    mode_of(name).filter(|mode| !is_copy(*mode))
}

fn is_copy(mode: DatakeyMode) -> bool {
    mode.as_str_name().ends_with("_COPY")
}

fn unknown_part(part: &str) -> Problem {
    format!(
        "has {part:?}, which is unknown or there twice; after a datakey may stand a mode (set, \
         update, …), a type (dt or dt:LR, such as dt:YD) and a format (json, text, empty), and a \
         colon within a datakey is written \\:"
    )
}
