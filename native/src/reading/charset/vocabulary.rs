//! The distinct words of a file in bytes that are no ASCII: what its charset is told from.
//!
//! A word that stands in every row says no more about the charset than one that stands in one.

use std::collections::HashMap;

use encoding_rs::Encoding;

/// Words that are kept. Natural text has as many in some hundred kilobytes, and nothing is left to
/// tell then.
const WORDS_MAX: usize = 8_192;

/// Bytes of a word that are kept: longer than words are, so that bytes without borders cost little.
const WORD_BYTES_MAX: usize = 32;

/// A run of bytes that are no ASCII.
pub(super) struct Word {
    pub bytes: Box<[u8]>,
    /// Whether it never stood without a letter of ASCII beside it, as `ü` does in `Müller`: such
    /// words are of another alphabet.
    pub is_in_latin: bool,
}

/// The distinct words, the first ones of the file first.
pub(super) struct Vocabulary {
    words: Vec<Word>,
    // Bytes come from strangers, so that the hash must be a keyed one.
    places: HashMap<Box<[u8]>, usize>,
    is_seen: [bool; 256],
    /// The word that is not finished.
    open: Vec<u8>,
    /// The last byte of ASCII.
    before: u8,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        Self {
            words: Vec::new(),
            places: HashMap::new(),
            is_seen: [false; 256],
            open: Vec::new(),
            before: b' ',
        }
    }

    /// Takes the next block of the file.
    pub(super) fn take(&mut self, mut block: &[u8]) {
        while !block.is_empty() {
            if self.open.is_empty() {
                let ascii = Encoding::ascii_valid_up_to(block);
                self.before = block[..ascii].last().copied().unwrap_or(self.before);
                block = &block[ascii..];
            }
            let length = block.iter().position(u8::is_ascii).unwrap_or(block.len());
            self.extend(&block[..length]);
            block = &block[length..];
            if let Some(after) = block.first() {
                self.close(*after);
            }
        }
    }

    /// The file ends.
    pub(super) fn finish(&mut self) {
        self.close(b' ');
    }

    /// Whether all of the file is ASCII.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words.
    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// Whether a byte is anywhere in the file, also in words that are not kept.
    pub(super) fn is_seen(&self, byte: u8) -> bool {
        self.is_seen[usize::from(byte)]
    }

    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.is_seen[usize::from(*byte)] = true;
        }
        let room = WORD_BYTES_MAX - self.open.len();
        self.open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn close(&mut self, after: u8) {
        if self.open.is_empty() {
            return;
        }
        let is_in_latin = self.before.is_ascii_alphabetic() || after.is_ascii_alphabetic();
        if let Some(place) = self.places.get(self.open.as_slice()) {
            self.words[*place].is_in_latin &= is_in_latin;
        } else if self.words.len() < WORDS_MAX {
            let bytes: Box<[u8]> = self.open.as_slice().into();
            self.places.insert(bytes.clone(), self.words.len());
            self.words.push(Word { bytes, is_in_latin });
        }
        self.open.clear();
    }
}
