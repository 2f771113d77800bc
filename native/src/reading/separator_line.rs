//! The line `sep=;` that people write before CSV because Excel takes the separator from it.

use crate::wire::v1::Separator;

use super::csv_record::line_end;
use super::reader::separator_byte;
use super::shape::SEPARATORS;

/// What the line begins with, in letters of any case.
const WORD: &[u8] = b"sep=";

/// A line that is no row and no line of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeparatorLine {
    /// What it says.
    pub separator: Separator,
    /// The position behind its line end.
    pub end: usize,
}

impl SeparatorLine {
    /// The line at the beginning of a file, whose text must have it whole; `is_last` says that no
    /// text follows.
    pub(super) fn of(text: &[u8], is_last: bool) -> Option<Self> {
        let found = memchr::memchr2(b'\r', b'\n', text);
        let at = found.unwrap_or(text.len());
        let separator = said(&text[..at])?;
        Some(Self { separator, end: line_end(text, at, is_last)? })
    }
}

/// The separator that a line says. Who pads rows to the same length pads this one, too.
fn said(line: &[u8]) -> Option<Separator> {
    let (is_quoted, line) = match line.strip_prefix(b"\"") {
        Some(inside) => (true, inside),
        None => (false, line),
    };
    let (word, rest) = line.split_at_checked(WORD.len())?;
    let (&byte, padding) = rest.split_first()?;
    let padding = if is_quoted { padding.strip_prefix(b"\"")? } else { padding };
    let is_meant =
        word.eq_ignore_ascii_case(WORD) && padding.iter().all(|pad| *pad == byte || *pad == b' ');
    let known = SEPARATORS.into_iter().find(|known| separator_byte(*known) == Some(byte));
    known.filter(|_| is_meant)
}
