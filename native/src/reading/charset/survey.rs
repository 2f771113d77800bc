//! One pass over a whole file that collects what its charset is told from.
//!
//! Memory is bounded however long the file is, and the first Cyrillic letter may be its last.

use std::fs::File;
use std::path::Path;

use memchr::{memchr, memchr_iter};

use crate::fault::Result;
use crate::reading::faults::disk;
use crate::reading::text::read_block;

use super::vocabulary::Vocabulary;

/// Invalid sequences after which UTF-8 is given up where they are the most: some kilobytes of text
/// in another charset.
const INVALID_MAX: u64 = 1_000;

/// What was counted.
pub(super) struct Survey {
    /// Bytes of the file.
    pub bytes: u64,
    /// The first bytes.
    pub head: Vec<u8>,
    /// The words in bytes that are no ASCII.
    pub vocabulary: Vocabulary,
    /// Characters of UTF-8 that are no ASCII.
    pub utf8_valid: u64,
    /// Sequences that are no UTF-8.
    pub utf8_invalid: u64,
    /// Zero bytes at even and at odd positions.
    pub zeros: [u64; 2],
    /// Whether there is a `+`, without which no UTF-7 has anything but ASCII.
    pub has_plus: bool,
    /// Line feeds.
    pub feeds: u64,
    /// Carriage returns.
    pub returns: u64,
    /// The beginning of a character that the last block does not finish.
    cut: Vec<u8>,
}

impl Survey {
    /// Goes through a file.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(|error| disk(&error))?;
        let mut survey = Self::new();
        let mut block = Vec::new();
        loop {
            block.clear();
            if read_block(&mut file, &mut block)? == 0 {
                break;
            }
            survey.take(&block);
        }
        survey.vocabulary.finish();
        survey.utf8_invalid += u64::from(!survey.cut.is_empty());
        Ok(survey)
    }

    fn new() -> Self {
        Self {
            bytes: 0,
            head: Vec::new(),
            vocabulary: Vocabulary::new(),
            utf8_valid: 0,
            utf8_invalid: 0,
            zeros: [0; 2],
            has_plus: false,
            feeds: 0,
            returns: 0,
            cut: Vec::new(),
        }
    }

    fn take(&mut self, block: &[u8]) {
        if self.head.is_empty() {
            self.head = block.to_vec();
        }
        self.has_plus |= memchr(b'+', block).is_some();
        for at in memchr_iter(0, block) {
            self.zeros[usize::from((self.bytes + at as u64) % 2 == 1)] += 1;
        }
        self.feeds += memchr_iter(b'\n', block).count() as u64;
        self.returns += memchr_iter(b'\r', block).count() as u64;
        self.vocabulary.take(block);
        if !self.is_no_utf8() {
            self.check_utf8(block);
        }
        self.bytes += block.len() as u64;
    }

    /// Whether so much is no UTF-8 that it need not be counted on.
    fn is_no_utf8(&self) -> bool {
        self.utf8_invalid > INVALID_MAX && self.utf8_invalid > self.utf8_valid
    }

    fn check_utf8(&mut self, block: &[u8]) {
        let mut joined = std::mem::take(&mut self.cut);
        let mut rest = if joined.is_empty() {
            block
        } else {
            joined.extend_from_slice(block);
            &joined
        };
        while let Err(error) = std::str::from_utf8(rest) {
            self.utf8_valid += leads(&rest[..error.valid_up_to()]);
            let Some(length) = error.error_len() else {
                self.cut = rest[error.valid_up_to()..].to_vec();
                return;
            };
            self.utf8_invalid += 1;
            if self.is_no_utf8() {
                return;
            }
            rest = &rest[error.valid_up_to() + length..];
        }
        self.utf8_valid += leads(rest);
    }
}

/// First bytes of characters that are no ASCII.
fn leads(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte >= 0xc0).count() as u64
}
