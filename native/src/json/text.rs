//! The inside of JSON strings: their one canonical spelling, written and read.

use std::borrow::Cow;

const EVERY_BYTE: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = EVERY_BYTE << 7;

/// The first position from `from` on that holds a quote, a backslash or a control character, or
/// the length. Eight bytes a step: strings are most of a document.
pub(super) fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let special = special_bytes(u64::from_le_bytes(*chunk));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(is_special).map_or(bytes.len(), |found| at + found)
}

/// Marks the high bit of each byte that is special. Bytes above the lowest marked one may be
/// marked wrongly, because the subtraction borrows upwards.
fn special_bytes(word: u64) -> u64 {
    let equal_or_less =
        |word: u64, bound: u8| word.wrapping_sub(EVERY_BYTE * u64::from(bound)) & !word & HIGH_BITS;
    let equal = |byte: u8| equal_or_less(word ^ (EVERY_BYTE * u64::from(byte)), 1);
    equal_or_less(word, 0x20) | equal(b'"') | equal(b'\\')
}

/// Appends `text` as a JSON string with its quotes.
pub fn quote(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    escape(text, out);
    out.push('"');
}

/// Appends the canonical inside of the JSON string of `text`: `\"`, `\\`, the five short escapes,
/// other control characters as `\u00xx`, everything else as it is.
pub fn escape(text: &str, out: &mut String) {
    let mut copied = 0;
    loop {
        let end = plain_end(text.as_bytes(), copied);
        out.push_str(&text[copied..end]);
        let Some(&byte) = text.as_bytes().get(end) else { return };
        push_escaped(byte, out);
        copied = end + 1;
    }
}

/// Appends the canonical spelling of one character.
pub(super) fn push_char(char: char, out: &mut String) {
    match u8::try_from(char) {
        Ok(byte @ (b'"' | b'\\' | 0..0x20)) => push_escaped(byte, out),
        _ => out.push(char),
    }
}

fn push_escaped(byte: u8, out: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    out.push('\\');
    match byte {
        b'\x08' => out.push('b'),
        b'\x0c' => out.push('f'),
        b'\n' => out.push('n'),
        b'\r' => out.push('r'),
        b'\t' => out.push('t'),
        0..0x20 => {
            out.push_str("u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        _ => out.push(char::from(byte)),
    }
}

/// The character of a short escape such as `n`.
pub(super) fn short_escape(letter: u8) -> Option<char> {
    match letter {
        b'"' | b'\\' | b'/' => Some(char::from(letter)),
        b'b' => Some('\x08'),
        b'f' => Some('\x0c'),
        b'n' => Some('\n'),
        b'r' => Some('\r'),
        b't' => Some('\t'),
        _ => None,
    }
}

/// The text that the canonical inside of a JSON string stands for.
pub fn unescape(inside: &str) -> Cow<'_, str> {
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let letter = escaped.as_bytes().first().copied().unwrap_or_default();
        let (char, length) = match short_escape(letter) {
            Some(char) => (char, 1),
            None => (control(escaped), escaped.len().min(5)),
        };
        text.push(char);
        rest = &escaped[length..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The control character of `u00xx`, the only long escape in canonical text.
fn control(escaped: &str) -> char {
    let code = escaped.get(1..5).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
