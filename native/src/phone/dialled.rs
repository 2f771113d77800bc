//! The digits that a text asks to dial.

use super::PhoneFault;
use super::candidate;
use super::characters::TEXT_CHARACTERS_MAX;

/// With fewer digits the punctuation decides whether a text is a number.
const PLAIN_DIGITS_MIN: usize = 3;

/// The digits that a text asks to dial, each from 0 to 9.
pub(super) struct Dialled {
    digits: [u8; TEXT_CHARACTERS_MAX],
    length: usize,
    /// Whether a plus sign precedes the digits.
    pub(super) has_plus: bool,
}

impl Dialled {
    pub(super) fn new() -> Self {
        Self { digits: [0; TEXT_CHARACTERS_MAX], length: 0, has_plus: false }
    }

    /// Reads the digits out of a text.
    pub(super) fn read(&mut self, value: &str) -> Result<(), PhoneFault> {
        if self.read_plain(value.as_bytes()) {
            return Ok(());
        }
        self.length = 0;
        candidate::read(value, self)
    }

    /// Appends a digit; no text has more of them than characters.
    pub(super) fn push(&mut self, digit: u8) {
        self.digits[self.length] = digit;
        self.length += 1;
    }

    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    /// Reads a text of ASCII digits, the usual punctuation and a plus sign in front, and says
    /// whether it is one. That is how nearly all numbers are written, and nothing in it can be a
    /// letter, an extension or junk.
    fn read_plain(&mut self, value: &[u8]) -> bool {
        if value.len() > TEXT_CHARACTERS_MAX {
            return false;
        }
        self.has_plus = false;
        for byte in value {
            match byte {
                b'0'..=b'9' => self.push(byte - b'0'),
                b' ' | b'-' | b'(' | b')' | b'.' | b'/' => {}
                b'+' if self.length == 0 && !self.has_plus => self.has_plus = true,
                _ => return false,
            }
        }
        self.length >= PLAIN_DIGITS_MIN
    }
}
