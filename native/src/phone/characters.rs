//! What the characters of a text mean for phone numbers.
//!
//! The classes are those of libphonenumber's regular expressions as Python evaluates them, with
//! its folding of case: a class of letters also takes the four other letters that fold to ASCII.

use unicode_normalization::char::is_combining_mark;

/// The longest text that is read as a phone number, in characters: libphonenumber's bound.
pub(super) const TEXT_CHARACTERS_MAX: usize = 250;

/// The zeros of the decimal digits of Unicode 14 beyond ASCII, which is what the oldest Python of
/// the project knows; nine more digits follow each.
const ZEROS: [u32; 65] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
    0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50,
    0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

/// The digit of each letter from A to Z on a telephone keypad.
const KEYPAD: [u8; 26] =
    [2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 9, 9, 9, 9];

/// A text that is short enough for a phone number, as characters.
pub(super) struct Text {
    characters: [char; TEXT_CHARACTERS_MAX],
    length: usize,
}

impl Text {
    pub(super) fn new() -> Self {
        Self { characters: ['\0'; TEXT_CHARACTERS_MAX], length: 0 }
    }

    /// Reads a text, unless it is too long.
    pub(super) fn read(value: &str) -> Option<Self> {
        let mut text = Self::new();
        for character in value.chars() {
            *text.characters.get_mut(text.length)? = character;
            text.length += 1;
        }
        Some(text)
    }

    /// Appends what is part of a text itself and therefore has room.
    pub(super) fn push(&mut self, part: &[char]) {
        self.characters[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    pub(super) fn characters(&self) -> &[char] {
        &self.characters[..self.length]
    }
}

/// The value of a decimal digit of any script.
pub(super) fn digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.is_ascii_digit().then(|| character as u8 - b'0');
    }
    let code = u32::from(character);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    u8::try_from(code - zero).ok().filter(|value| *value < 10)
}

/// Whether the character is a plus sign.
pub(super) fn is_plus(character: char) -> bool {
    matches!(character, '+' | '\u{FF0B}')
}

/// Whether the character is punctuation within numbers. An x stands for a carrier code.
pub(super) fn is_punctuation(character: char) -> bool {
    matches!(
        character,
        '-' | 'x' | 'X' | ' ' | '(' | ')' | '.' | '[' | ']' | '/' | '~'
            | '\u{00A0}' | '\u{00AD}' | '\u{200B}' | '\u{2060}' | '\u{3000}'
            | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '\u{FF0D}'..='\u{FF0F}'
            | '\u{FF08}' | '\u{FF09}' | '\u{FF3B}' | '\u{FF3D}'
            | '\u{2053}' | '\u{223C}' | '\u{FF5E}'
    )
}

/// Whether the character may spell a part of a number, as in 1-800-FLOWERS.
pub(super) fn is_vanity_letter(character: char) -> bool {
    folded(character).is_ascii_lowercase()
}

/// The digit on whose key an ASCII digit or a letter is. Of the letters that fold to ASCII only two
/// have a key, because the others are capitals already.
pub(super) fn keypad_digit(character: char) -> Option<u8> {
    let key = match character {
        '\u{0131}' => b'I',
        '\u{017F}' => b'S',
        _ => u8::try_from(character).ok()?.to_ascii_uppercase(),
    };
    match key {
        b'0'..=b'9' => Some(key - b'0'),
        b'A'..=b'Z' => Some(KEYPAD[usize::from(key - b'A')]),
        _ => None,
    }
}

/// Folds the case of the letters that vanity numbers and the labels of extensions use.
pub(super) fn folded(character: char) -> char {
    match character {
        '\u{0130}' | '\u{0131}' => 'i',
        '\u{017F}' => 's',
        '\u{212A}' => 'k',
        'д' | 'Д' | '\u{1C81}' => 'д',
        'о' | 'О' | '\u{1C82}' => 'о',
        'б' | 'Б' => 'б',
        'ó' | 'Ó' => 'ó',
        'Ａ'..='Ｚ' => char::from_u32(u32::from(character) + 0x20).unwrap_or(character),
        _ => character.to_ascii_lowercase(),
    }
}

/// Whether the character cannot end a number: neither letter, nor number, nor the hash that ends
/// an extension.
pub(super) fn is_trailing_noise(character: char) -> bool {
    character != '#' && !is_letter_or_number(character)
}

/// Whether the general category of the character is a letter or a number. Rust's alphabetic
/// characters are these, some combining marks and the circled and squared letters.
fn is_letter_or_number(character: char) -> bool {
    let is_symbol = matches!(
        u32::from(character),
        0x24B6..=0x24E9 | 0x1F130..=0x1F149 | 0x1F150..=0x1F169 | 0x1F170..=0x1F189
    );
    character.is_alphanumeric() && !is_combining_mark(character) && !is_symbol
}
