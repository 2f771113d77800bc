//! JSON lines: each line is a row.

use memchr::memchr;

use crate::fault::Result;
use crate::reading::batch::SourceBatch;
use crate::reading::faults;
use crate::reading::limits::{BLOCK_BYTES, ROW_BYTES_MAX};
use crate::reading::text::Text;

use super::row::{Names, Rows, is_blank};

/// The rows of one file.
pub(in crate::reading) struct LineRows {
    text: Text,
    /// Decoded text; everything before `at` is done.
    buffer: Vec<u8>,
    at: usize,
    /// The number of the line at `at`, from 1.
    line: u64,
    names: Names,
    /// Whether the next row has the names of columns.
    names_follow: bool,
    /// Whether `at` is within a line whose rest is of no use.
    is_in_waste: bool,
}

impl LineRows {
    /// The rows of a text.
    pub(in crate::reading) fn new(text: Text, names: Names, names_follow: bool) -> Self {
        let (buffer, at, line, is_in_waste) = (Vec::new(), 0, 1, false);
        Self { text, buffer, at, line, names, names_follow, is_in_waste }
    }

    /// The text that they are read from.
    pub(in crate::reading) fn text(&mut self) -> &mut Text {
        &mut self.text
    }

    /// The names that were learnt, in the order of their columns.
    pub(in crate::reading) fn names_in_order(&self) -> Vec<String> {
        self.names.in_order()
    }

    /// The next rows; none at the end.
    pub(in crate::reading) fn next_batch(
        &mut self,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Option<SourceBatch>> {
        let mut rows = Rows::default();
        while rows.len() < rows_max && (rows.len() == 0 || rows.bytes() < bytes_max) {
            if self.at > BLOCK_BYTES {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            match memchr(b'\n', &self.buffer[self.at..]) {
                Some(length) => self.line(length, 1, &mut rows),
                None if self.text.is_ended() => {
                    let length = self.buffer.len() - self.at;
                    if length == 0 {
                        break;
                    }
                    self.line(length, 0, &mut rows);
                }
                None => self.more(&mut rows)?,
            }
        }
        Ok((rows.len() > 0).then(|| rows.finish()))
    }

    /// Takes the line of this length, which has a line end of so many bytes behind it.
    fn line(&mut self, length: usize, end: usize, rows: &mut Rows) {
        let line = &self.buffer[self.at..self.at + length];
        let number = self.line;
        if std::mem::take(&mut self.is_in_waste) || line.trim_ascii().is_empty() {
        } else if line.trim_ascii_end().len() > ROW_BYTES_MAX {
            self.names_follow = false;
            rows.problem(number, faults::row_too_long(line.len()), line);
        } else if self.names_follow {
            self.names_follow = is_blank(line);
        } else {
            rows.take(number, line, self.text.charset(), &mut self.names);
        }
        self.at += length + end;
        self.line += end as u64;
    }

    /// Reads on; a line of which no end is near is passed over.
    fn more(&mut self, rows: &mut Rows) -> Result<()> {
        let line = &self.buffer[self.at..];
        // A line of the greatest length may have a carriage return behind it.
        if line.len() > ROW_BYTES_MAX + 1 {
            if !std::mem::replace(&mut self.is_in_waste, true) {
                self.names_follow = false;
                rows.problem(self.line, faults::row_too_long(line.len()), line);
            }
            self.at = self.buffer.len();
        }
        self.text.read_more(&mut self.buffer)
    }
}
