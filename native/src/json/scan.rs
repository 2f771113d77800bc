//! Fast reading of canonical text, which is trusted: it is never checked again.
//!
//! Text that is not canonical gives wrong answers or a panic, never undefined behaviour.

use std::borrow::Cow;

use super::text::{plain_end, unescape};

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number as it was written.
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

/// The kind of a canonical value, seen from its first byte.
pub fn kind(text: &str) -> Kind {
    match text.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// The text of a canonical JSON string; `None` for other kinds.
pub fn string(text: &str) -> Option<Cow<'_, str>> {
    (kind(text) == Kind::String).then(|| unescape(&text[1..text.len() - 1]))
}

/// How many arrays and objects are nested in a canonical value; 0 for a scalar.
pub fn levels(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut open, mut deepest) = (0, 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The members of a canonical object as (inside of the name's JSON string, value), in order; none
/// for other kinds.
pub fn members(text: &str) -> Members<'_> {
    Members { text, at: usize::from(kind(text) == Kind::Object) }
}

/// The elements of a canonical array, in order; none for other kinds.
pub fn elements(text: &str) -> Elements<'_> {
    Elements { text, at: usize::from(kind(text) == Kind::Array) }
}

/// See `members`.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a str,
    /// The quote of the next name; 0 where the text is no object.
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        if self.at == 0 || bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let name_end = string_end(bytes, self.at);
        let name = &self.text[self.at + 1..name_end - 1];
        let value_end = value_end(bytes, name_end + 1);
        let value = &self.text[name_end + 1..value_end];
        self.at = value_end + 1;
        Some((name, value))
    }
}

/// See `elements`.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    text: &'a str,
    /// The next element; 0 where the text is no array.
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        if self.at == 0 || matches!(bytes.get(self.at), None | Some(b']')) {
            return None;
        }
        let end = value_end(bytes, self.at);
        let element = &self.text[self.at..end];
        self.at = end + 1;
        Some(element)
    }
}

/// The position behind the value that begins at `start`.
fn value_end(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'"') => string_end(bytes, start),
        Some(b'{' | b'[') => container_end(bytes, start),
        _ => {
            let rest = bytes.get(start..).unwrap_or_default();
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']'));
            end.map_or(bytes.len(), |length| start + length)
        }
    }
}

/// The position behind the array or object that begins at `start`.
fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut open = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' if open == 1 => return at + 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The position behind the string whose first quote is at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(_) => return at + 1,
            None => return bytes.len(),
        }
    }
}
