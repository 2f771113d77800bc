//! UTF-7 (RFC 2152), which no maintained crate decodes: ASCII, with UTF-16 in base64 between `+`
//! and the first character that is no base64. A `-` at that place belongs to it.

use super::decoder::INVALID;

/// A decoder between two blocks.
#[derive(Debug, Default)]
pub(in crate::reading) struct Utf7 {
    shifted: Option<Shifted>,
}

/// What is known within base64.
#[derive(Debug, Default)]
struct Shifted {
    /// Bits that make no unit of 16 yet, and how many.
    bits: u32,
    count: u32,
    /// The first half of a pair.
    high: Option<u16>,
    /// Whether nothing came since the `+`.
    is_new: bool,
}

impl Utf7 {
    /// Appends the text of a block.
    pub(in crate::reading) fn decode(&mut self, block: &[u8], is_last: bool, text: &mut Vec<u8>) {
        for &byte in block {
            match self.shifted.take() {
                None => self.direct(byte, text),
                Some(mut shifted) => match sextet(byte) {
                    Some(sextet) => {
                        shifted.take(sextet, text);
                        self.shifted = Some(shifted);
                    }
                    None if byte == b'-' && shifted.is_new => text.push(b'+'),
                    None => {
                        shifted.end(text);
                        if byte != b'-' {
                            self.direct(byte, text);
                        }
                    }
                },
            }
        }
        if is_last && let Some(shifted) = self.shifted.take() {
            shifted.end(text);
        }
    }

    fn direct(&mut self, byte: u8, text: &mut Vec<u8>) {
        match byte {
            b'+' => self.shifted = Some(Shifted { is_new: true, ..Shifted::default() }),
            0..0x80 => text.push(byte),
            _ => text.push(INVALID),
        }
    }
}

impl Shifted {
    fn take(&mut self, sextet: u8, text: &mut Vec<u8>) {
        self.is_new = false;
        self.bits = self.bits << 6 | u32::from(sextet);
        self.count += 6;
        if self.count >= 16 {
            self.count -= 16;
            let unit = u16::try_from(self.bits >> self.count & 0xffff).expect("16 bits");
            self.bits &= (1 << self.count) - 1;
            self.unit(unit, text);
        }
    }

    fn unit(&mut self, unit: u16, text: &mut Vec<u8>) {
        let high = self.high.take();
        if high.is_none() && (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        for character in char::decode_utf16(high.into_iter().chain([unit])) {
            match character {
                Ok(character) => {
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Err(_) => text.push(INVALID),
            }
        }
    }

    /// Whole units only, and fewer than six bits of zero behind them.
    fn end(self, text: &mut Vec<u8>) {
        if self.is_new || self.high.is_some() || self.count >= 6 || self.bits != 0 {
            text.push(INVALID);
        }
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
