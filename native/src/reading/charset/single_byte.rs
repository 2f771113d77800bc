//! Charsets with one byte a character, by a table of their upper halves.

use encoding_rs::{Encoding, KOI8_R, WINDOWS_1251, X_MAC_CYRILLIC};

use crate::wire::v1::Charset;

use super::decoder::INVALID;

/// The one byte of the three charsets that has no character: cp1251 leaves it out, and WHATWG makes
/// a control character of it.
const CP1251_HOLE: u8 = 0x98;

/// The UTF-8 of each byte from 0x80 on, with its length.
pub(in crate::reading) struct Table {
    characters: [([u8; 3], u8); 128],
}

/// The character of a byte from 0x80 on; `None` where the charset leaves it out.
pub(in crate::reading) fn character(charset: Charset, byte: u8) -> Option<char> {
    let encoding: &'static Encoding = match charset {
        Charset::Cp1251 if byte == CP1251_HOLE => return None,
        Charset::Cp1251 => WINDOWS_1251,
        Charset::Koi8R => KOI8_R,
        _ => X_MAC_CYRILLIC,
    };
    encoding.decode_without_bom_handling(&[byte]).0.chars().next()
}

impl Table {
    /// The table of a charset.
    pub(super) fn new(charset: Charset) -> Self {
        let mut characters = [([INVALID, 0, 0], 1); 128];
        for (byte, entry) in (0x80..=0xff).zip(&mut characters) {
            if let Some(character) = character(charset, byte) {
                let mut bytes = [0; 3];
                let length = character.encode_utf8(&mut bytes).len();
                *entry = (bytes, u8::try_from(length).expect("at most three"));
            }
        }
        Self { characters }
    }

    /// Appends the text of a block.
    pub(super) fn decode(&self, block: &[u8], text: &mut Vec<u8>) {
        let start = text.len();
        // Room for three bytes each, so that the loop has no bounds to check but its own.
        text.resize(start + block.len() * 3, 0);
        let mut to = start;
        for &byte in block {
            if byte < 0x80 {
                text[to] = byte;
                to += 1;
            } else {
                let (bytes, length) = self.characters[usize::from(byte - 0x80)];
                text[to..to + 3].copy_from_slice(&bytes);
                to += usize::from(length);
            }
        }
        text.truncate(to);
    }
}
