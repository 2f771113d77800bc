//! A JSON document that is read value by value and never held whole.

use std::ops::Range;

use crate::fault::Result;
use crate::reading::limits::BLOCK_BYTES;
use crate::reading::text::Text;

/// Text with a position in it.
pub(super) struct Stream {
    text: Text,
    buffer: Vec<u8>,
    at: usize,
}

/// What stands at the position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A value; its grammar is not checked but for brackets and strings.
    Whole(Range<usize>),
    /// One that is longer than was asked for, and passed over.
    TooLong(usize),
    /// The text ends within it.
    Cut(Range<usize>),
}

/// How far a value is scanned.
#[derive(Debug, Default)]
struct Scan {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Scan {
    /// Takes the next byte; says whether it is the last one of an array, an object or a string.
    fn take(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.is_escaped) {
            return false;
        }
        match byte {
            b'\\' if self.is_in_string => self.is_escaped = true,
            b'"' => self.is_in_string = !self.is_in_string,
            _ if self.is_in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.depth == 0 && !self.is_in_string && !self.is_escaped
    }
}

impl Stream {
    /// At the beginning of a text.
    pub(super) fn new(text: Text) -> Self {
        Self { text, buffer: Vec::new(), at: 0 }
    }

    /// The text that is read.
    pub(super) fn text(&mut self) -> &mut Text {
        &mut self.text
    }

    /// The bytes of a value.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// The next byte that is no space; none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let spaces =
                self.buffer[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace());
            self.at += spaces.count();
            if let Some(byte) = self.buffer.get(self.at) {
                return Ok(Some(*byte));
            }
            if self.text.is_ended() {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Takes the next byte where it is this one.
    pub(super) fn take(&mut self, byte: u8) -> Result<bool> {
        let is_next = self.peek()? == Some(byte);
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    /// Takes the value that begins here, which `peek` found.
    pub(super) fn value(&mut self, bytes_max: usize) -> Result<Value> {
        let (mut at, mut scan, mut passed) = (self.at, Scan::default(), 0);
        let is_scalar = !matches!(self.buffer.get(at), Some(b'{' | b'[' | b'"'));
        loop {
            while let Some(&byte) = self.buffer.get(at) {
                if is_scalar && (matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace()) {
                    return Ok(self.whole(at, passed, bytes_max));
                }
                at += 1;
                if scan.take(byte) && !is_scalar {
                    return Ok(self.whole(at, passed, bytes_max));
                }
            }
            if self.text.is_ended() {
                let start = std::mem::replace(&mut self.at, at);
                return Ok(Value::Cut(start..at));
            }
            if at - self.at > bytes_max {
                passed += at - self.at;
                self.at = at;
            }
            at -= self.fill()?;
        }
    }

    fn whole(&mut self, end: usize, passed: usize, bytes_max: usize) -> Value {
        let start = std::mem::replace(&mut self.at, end);
        match passed + end - start {
            length if length > bytes_max => Value::TooLong(length),
            _ => Value::Whole(start..end),
        }
    }

    /// Reads on; answers by how much positions went down.
    fn fill(&mut self) -> Result<usize> {
        let mut moved = 0;
        if self.at > BLOCK_BYTES || self.at == self.buffer.len() {
            moved = std::mem::take(&mut self.at);
            self.buffer.drain(..moved);
        }
        self.text.read_more(&mut self.buffer)?;
        Ok(moved)
    }
}
