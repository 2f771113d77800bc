//! Rows of CSV: comments and blank lines are passed over, bad rows reported, the rest goes on.

use std::ops::Range;

use memchr::memchr2;

use crate::fault::{Fault, Result};

use super::batch::{Builder, Problem, SourceBatch};
use super::csv_record::{BadQuote, Cell, Record, Splitter, line_end, line_ends, unescape};
use super::faults;
use super::limits::{BLOCK_BYTES, ROW_BYTES_MAX};
use super::separator_line::SeparatorLine;
use super::text::Text;

/// The first character of lines that are no rows (seed 002: a comment).
const COMMENT: u8 = b'#';

/// The rows of one file.
pub(super) struct CsvRows {
    text: Text,
    splitter: Splitter,
    /// Decoded text; everything before `at` is done.
    buffer: Vec<u8>,
    at: usize,
    /// The number of the line at `at`, from 1.
    line: u64,
    /// Whether nothing was taken yet.
    is_at_start: bool,
    /// Whether the next row has the names of columns.
    names_follow: bool,
    /// Whether `at` is within a line whose rest is of no use.
    is_in_waste: bool,
    cells: Vec<Cell>,
    ranges: Vec<Range<usize>>,
}

impl CsvRows {
    /// The rows of a text; `names_follow` says that the first is none.
    pub(super) fn new(text: Text, separator: u8, names_follow: bool) -> Self {
        Self {
            text,
            splitter: Splitter::new(separator),
            buffer: Vec::new(),
            at: 0,
            line: 1,
            is_at_start: true,
            names_follow,
            is_in_waste: false,
            cells: Vec::new(),
            ranges: Vec::new(),
        }
    }

    /// The text that they are read from.
    pub(super) fn text(&mut self) -> &mut Text {
        &mut self.text
    }

    /// The next rows; none at the end.
    pub(super) fn next_batch(
        &mut self,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Option<SourceBatch>> {
        let mut builder = Builder::default();
        while builder.len() < rows_max && (builder.len() == 0 || self.at < bytes_max) {
            if builder.has_no_rows() && self.at > BLOCK_BYTES {
                self.forget();
            }
            if !self.step(&mut builder)? {
                break;
            }
        }
        if builder.len() == 0 {
            return Ok(None);
        }
        let rest = self.buffer.split_off(self.at);
        let done = std::mem::replace(&mut self.buffer, rest);
        self.at = 0;
        Ok(Some(builder.finish(done)))
    }

    /// Takes one line or record; says whether there may be more.
    fn step(&mut self, builder: &mut Builder) -> Result<bool> {
        if self.at == self.buffer.len() {
            return self.fill();
        }
        if std::mem::take(&mut self.is_at_start) {
            self.pass_separator_line();
            return Ok(true);
        }
        if self.is_in_waste || self.buffer[self.at] == COMMENT {
            return self.pass_line(builder);
        }
        let is_last = self.text.is_ended();
        match self.splitter.record(&self.buffer, self.at, is_last, &mut self.cells) {
            Record::Row { text_end, end, lines } if text_end - self.at > ROW_BYTES_MAX => {
                self.problem(faults::row_too_long(text_end - self.at), text_end, builder);
                self.at = end;
                self.line += lines;
            }
            Record::Row { end, lines, .. } => self.row(end, lines, builder),
            // A row of the greatest length may have a line end of two bytes behind it.
            Record::Unfinished if self.buffer.len() - self.at <= ROW_BYTES_MAX + 2 => {
                self.text.read_more(&mut self.buffer)?;
            }
            Record::Unfinished => self.endless(builder),
            Record::Quote(quote) => self.bad_quote(&quote, builder),
        }
        Ok(true)
    }

    /// Goes behind a line that says the separator, which is known already: the first block has it
    /// whole.
    fn pass_separator_line(&mut self) {
        if let Some(line) = SeparatorLine::of(&self.buffer, self.text.is_ended()) {
            self.at = line.end;
            self.line += 1;
        }
    }

    /// Reports a row of which no end is near; what is in the buffer is passed over.
    fn endless(&mut self, builder: &mut Builder) {
        // The line feed of a carriage return may be still to come.
        let end = self.buffer.len() - usize::from(self.buffer.ends_with(b"\r"));
        self.problem(faults::row_too_long(end - self.at), end, builder);
        self.line += line_ends(&self.buffer[self.at..end]);
        self.at = end;
        self.is_in_waste = true;
    }

    /// Takes the record up to `end`, whose cells are known.
    fn row(&mut self, end: usize, lines: u64, builder: &mut Builder) {
        let start = std::mem::replace(&mut self.at, end);
        let number = self.line;
        self.line += lines;
        if self.cells.iter().all(|cell| self.buffer[cell.range.clone()].trim_ascii().is_empty()) {
            return;
        }
        if std::mem::take(&mut self.names_follow) {
            return;
        }
        if std::str::from_utf8(&self.buffer[start..end]).is_err() {
            let is_bad =
                |cell: &Cell| std::str::from_utf8(&self.buffer[cell.range.clone()]).is_err();
            let column = self.cells.iter().position(is_bad);
            let fault = faults::misfit(self.text.charset(), column);
            builder.problem(Problem::new(number, fault, &self.buffer[start..end]));
            return;
        }
        self.ranges.clear();
        for cell in &self.cells {
            self.ranges.push(if cell.is_escaped {
                unescape(&mut self.buffer, cell.range.clone())
            } else {
                cell.range.clone()
            });
        }
        builder.row(number, &self.ranges);
    }

    /// Reports a quote and goes on with the line after the one where it opens.
    fn bad_quote(&mut self, quote: &BadQuote, builder: &mut Builder) {
        let line = self.line + quote.lines;
        let fault = if quote.is_closed {
            faults::quote_stray(line, quote.column)
        } else {
            faults::quote_open(line, quote.column)
        };
        let end = memchr2(b'\r', b'\n', &self.buffer[quote.at..]);
        let end = end.map_or(self.buffer.len(), |found| quote.at + found);
        self.problem(fault, end, builder);
        self.at = quote.at;
        self.line = line;
        self.is_in_waste = true;
    }

    /// Reports the text from here to `end`.
    fn problem(&mut self, fault: Fault, end: usize, builder: &mut Builder) {
        self.names_follow = false;
        builder.problem(Problem::new(self.line, fault, &self.buffer[self.at..end]));
    }

    /// Goes to the next line.
    fn pass_line(&mut self, builder: &Builder) -> Result<bool> {
        self.is_in_waste = true;
        let found = memchr2(b'\r', b'\n', &self.buffer[self.at..]).map(|found| self.at + found);
        let is_last = self.text.is_ended();
        if let Some(end) = found.and_then(|found| line_end(&self.buffer, found, is_last)) {
            self.at = end;
            self.line += 1;
            self.is_in_waste = false;
            return Ok(true);
        }
        self.at = found.unwrap_or(self.buffer.len());
        if !builder.has_no_rows() {
            // Rows refer to the buffer, so it cannot be emptied: they end the batch.
            return Ok(false);
        }
        self.forget();
        self.fill()
    }

    /// Reads more text, where there is any.
    fn fill(&mut self) -> Result<bool> {
        if self.text.is_ended() {
            return Ok(false);
        }
        self.text.read_more(&mut self.buffer)?;
        Ok(true)
    }

    fn forget(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
    }
}
