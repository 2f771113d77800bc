//! One record of CSV (RFC 4180) at the beginning of some text, without knowing what follows.

use std::ops::Range;

use memchr::memchr;

use super::limits::{CELL_LINES_MAX, ROW_BYTES_MAX};

/// What stands at the beginning of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A row, whose cells were found: up to `text_end`, with its line end up to `end`, which is one
    /// of so many in it.
    Row { text_end: usize, end: usize, lines: u64 },
    /// The text ends before the row does.
    Unfinished,
    /// A quote that is not closed, or closed in the middle of a cell.
    Quote(BadQuote),
}

/// Where the trouble with a quote begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadQuote {
    /// Whether it is closed, but the cell goes on.
    pub is_closed: bool,
    /// The position of the quote.
    pub at: usize,
    /// How many line ends the row has before it.
    pub lines: u64,
    /// The position of its cell in the row.
    pub column: usize,
}

/// One cell: where its text is, and whether quotes are twice in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub range: Range<usize>,
    pub is_escaped: bool,
}

/// Finds records; made once for a separator.
pub(super) struct Splitter {
    separator: u8,
    /// Whether a byte ends a cell without quotes.
    ends: [bool; 256],
}

impl Splitter {
    /// A splitter at this separator.
    pub(super) fn new(separator: u8) -> Self {
        let mut ends = [false; 256];
        for byte in [separator, b'\n', b'\r'] {
            ends[usize::from(byte)] = true;
        }
        Self { separator, ends }
    }

    /// Finds the record that begins at `start`; `is_last` says that no text follows. The cells are
    /// meaningful for a `Row` only.
    pub(super) fn record(
        &self,
        text: &[u8],
        start: usize,
        is_last: bool,
        cells: &mut Vec<Cell>,
    ) -> Record {
        cells.clear();
        let (mut at, mut lines) = (start, 0);
        loop {
            let cell = if text.get(at) == Some(&b'"') {
                match quoted(text, start, at, is_last) {
                    Quoted::Cell { cell, end, line_ends } => {
                        if end < text.len() && !self.ends[usize::from(text[end])] {
                            let column = cells.len();
                            return Record::Quote(BadQuote { is_closed: true, at, lines, column });
                        }
                        lines += line_ends;
                        at = end;
                        cell
                    }
                    Quoted::Open => {
                        let column = cells.len();
                        return Record::Quote(BadQuote { is_closed: false, at, lines, column });
                    }
                    Quoted::Unfinished => return Record::Unfinished,
                }
            } else {
                let first = at;
                while at < text.len() && !self.ends[usize::from(text[at])] {
                    at += 1;
                }
                Cell { range: first..at, is_escaped: false }
            };
            cells.push(cell);
            if at < text.len() && text[at] == self.separator {
                at += 1;
                continue;
            }
            return match line_end(text, at, is_last) {
                Some(end) => Record::Row { text_end: at, end, lines: lines + u64::from(end > at) },
                None => Record::Unfinished,
            };
        }
    }
}

/// The position behind the line end at `at`; `None` where text is missing to tell.
pub(super) fn line_end(text: &[u8], at: usize, is_last: bool) -> Option<usize> {
    match (text.get(at), text.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(at + 2),
        (Some(b'\r'), None) if !is_last => None,
        (None, _) => is_last.then_some(at),
        _ => Some(at + 1),
    }
}

enum Quoted {
    Cell { cell: Cell, end: usize, line_ends: u64 },
    Open,
    Unfinished,
}

/// Reads the cell whose quote is at `open`.
fn quoted(text: &[u8], start: usize, open: usize, is_last: bool) -> Quoted {
    let (mut at, mut is_escaped) = (open + 1, false);
    let close = loop {
        let Some(found) = memchr(b'"', &text[at..]) else {
            let is_over = text.len() - start > ROW_BYTES_MAX || has_too_many_lines(&text[open..]);
            return if is_last || is_over { Quoted::Open } else { Quoted::Unfinished };
        };
        at += found + 1;
        match text.get(at) {
            Some(b'"') => {
                is_escaped = true;
                at += 1;
            }
            None if !is_last => return Quoted::Unfinished,
            _ => break at - 1,
        }
    };
    if close - start > ROW_BYTES_MAX || has_too_many_lines(&text[open..close]) {
        return Quoted::Open;
    }
    // Blanks behind the quote change nothing for anybody.
    let blanks = text[at..].iter().take_while(|byte| **byte == b' ').count();
    if at + blanks == text.len() && !is_last {
        return Quoted::Unfinished;
    }
    let cell = Cell { range: open + 1..close, is_escaped };
    Quoted::Cell { cell, end: at + blanks, line_ends: line_ends(&text[open..close]) }
}

fn has_too_many_lines(text: &[u8]) -> bool {
    line_ends(text) > CELL_LINES_MAX as u64
}

/// How many lines end in the text; a carriage return with its line feed is one end.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', text).count();
    let returns = memchr::memchr_iter(b'\r', text);
    let lone = returns.filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

/// Makes doubled quotes single, in place, and answers what is left of the range.
pub(super) fn unescape(text: &mut [u8], range: Range<usize>) -> Range<usize> {
    let (mut to, mut from) = (range.start, range.start);
    while from < range.end {
        text[to] = text[from];
        from += if text[from] == b'"' { 2 } else { 1 };
        to += 1;
    }
    range.start..to
}
