//! How well a text fits a charset with one byte a character: by the pairs of its letters.
//!
//! The same bytes are letters in all three charsets, but words in one only. Russian and Ukrainian
//! are measured together; a table says how surprising each letter is after another.

use crate::wire::v1::Charset;

use super::single_byte::character;

/// A line for each letter, with a digit for each letter that follows; see the head of the file.
const LETTER_PAIRS: &str = include_str!("../../../data/letter_pairs.txt");

/// The letters in the order of the table; the border of a word comes first.
const LETTERS: &str = " абвгдежзийклмнопрстуфхцчшщъыьэюяёґєії";

/// The signs of Russian and Ukrainian texts that are no ASCII. The euro sign and others that are
/// letters in another charset are not among them: `я` and `Ё` are more frequent.
const SIGNS: &str = "«»—–№“”„…’\u{a0}°";

/// What a sign costs, in half bits: texts have one in a hundred characters or less.
const SIGN_COST: u64 = 14;

/// What a character costs that no such text has: box drawing, letters of other languages.
const STRANGER_COST: u64 = 60;

/// What a capital letter costs after a small one of the same word.
const CAPITAL_COST: u64 = 16;

/// What a byte is in a charset.
#[derive(Debug, Clone, Copy)]
enum Class {
    /// ASCII, which is no letter here.
    Border,
    /// A sign or a stranger, with what it costs.
    Other(u64),
    /// A letter, with its place in the table.
    Letter { place: usize, is_capital: bool },
}

/// What the pairs of a file cost in a charset, in half bits.
pub(super) fn cost(pairs: &[u32], charset: Charset) -> u64 {
    let costs: Vec<Vec<u64>> = LETTER_PAIRS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.chars().filter_map(|digit| digit.to_digit(36)).map(u64::from).collect())
        .collect();
    let classes: Vec<Class> = (0..=255).map(|byte| class(charset, byte)).collect();
    let mut total = 0;
    for (first, row) in pairs.chunks(256).enumerate() {
        for (second, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            total += u64::from(*count) * pair_cost(&costs, classes[first], classes[second]);
        }
    }
    total
}

/// Whether the bytes of a file are the same characters in two charsets.
pub(super) fn reads_same(pairs: &[u32], one: Charset, other: Charset) -> bool {
    (0x80..=0xff_u8).all(|byte| {
        character(one, byte) == character(other, byte)
            || pairs.iter().skip(usize::from(byte)).step_by(256).all(|count| *count == 0)
    })
}

fn pair_cost(costs: &[Vec<u64>], first: Class, second: Class) -> u64 {
    let place = |class| match class {
        Class::Letter { place, .. } => place,
        Class::Border | Class::Other(_) => 0,
    };
    let (from, to) = (place(first), place(second));
    let letters = if from == 0 && to == 0 { 0 } else { costs[from][to] };
    // A character is the second of one pair only.
    let itself = if let Class::Other(cost) = second { cost } else { 0 };
    let is_capital = |class| match class {
        Class::Letter { is_capital, .. } => Some(is_capital),
        Class::Border | Class::Other(_) => None,
    };
    let grows = is_capital(first) == Some(false) && is_capital(second) == Some(true);
    letters + itself + if grows { CAPITAL_COST } else { 0 }
}

fn class(charset: Charset, byte: u8) -> Class {
    if byte < 0x80 {
        return Class::Border;
    }
    let Some(character) = character(charset, byte) else { return Class::Other(STRANGER_COST) };
    let small = character.to_lowercase().next().unwrap_or(character);
    match LETTERS.chars().position(|letter| letter == small) {
        Some(place) => Class::Letter { place, is_capital: small != character },
        None if SIGNS.contains(character) => Class::Other(SIGN_COST),
        None => Class::Other(STRANGER_COST),
    }
}
