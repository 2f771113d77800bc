//! How surprising a word is in a charset with one byte a character, in half bits: by the pairs of
//! its letters, by its capitals, and by the signs in it.
//!
//! The same bytes are letters in all three charsets, but words in one only. Russian and Ukrainian
//! are measured together; a table says how surprising each letter is after another.

use crate::wire::v1::Charset;

use super::single_byte::character;

/// A line for each letter, with a digit for each letter that follows; see the head of the file.
const LETTER_PAIRS: &str = include_str!("../../../data/letter_pairs.txt");

/// The letters in the order of the table; the border of a word comes first.
const LETTERS: &str = " абвгдежзийклмнопрстуфхцчшщъыьэюяёґєії";

/// The signs of Russian and Ukrainian texts that are no ASCII, with where they stand. The euro sign
/// and others that are letters in another charset are not among them: `я` and `Ё` are more
/// frequent.
const SIGNS: &[(&str, Side)] = &[
    ("«„", Side::Before),
    ("»”…", Side::Behind),
    ("’", Side::Joining),
    ("“", Side::Around),
    ("№–—°", Side::Apart),
    ("\u{a0}", Side::Anywhere),
];

/// What a sign costs: texts have one in a hundred characters or less.
const SIGN_COST: i64 = 14;

/// What it costs besides at the wrong side of a letter: `”фа` is `Уфа` in another charset.
const MISPLACED_COST: i64 = 12;

/// What a character costs that no such text has: box drawing, letters of other languages.
const STRANGER_COST: i64 = 60;

/// What a letter costs that stands alone. Initials, units and codes are any letter, so that the
/// table, which knows prepositions, would tell something that is not there.
const SINGLE_COST: i64 = 12;

/// What it costs that a word begins with a capital.
const CAPITAL_COST: i64 = 2;

/// What a capital letter costs after a small one of the same word.
const INSIDE_COST: i64 = 16;

/// Where a sign stands, from the word.
#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    Behind,
    /// Behind it or between two letters.
    Joining,
    /// Before or behind it.
    Around,
    /// With a space or a number on both sides.
    Apart,
    Anywhere,
}

/// What a byte is in a charset.
#[derive(Debug, Clone, Copy)]
enum Class {
    Stranger,
    Sign(Side),
    /// A letter, with its place in the table.
    Letter {
        place: usize,
        is_capital: bool,
    },
}

/// What a word costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WordCost {
    pub half_bits: i64,
    /// Whether there are capitals only, which costs more where others have none.
    pub is_capitals: bool,
}

/// What words cost in a charset.
pub(super) struct Score {
    pairs: Vec<Vec<i64>>,
    classes: Vec<Class>,
}

impl Score {
    pub(super) fn new(charset: Charset) -> Self {
        let pairs = LETTER_PAIRS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                line.chars().filter_map(|digit| digit.to_digit(36)).map(i64::from).collect()
            })
            .collect();
        Self { pairs, classes: (0x80..=0xff).map(|byte| class(charset, byte)).collect() }
    }

    /// What a word of bytes from 0x80 on costs.
    pub(super) fn cost(&self, word: &[u8]) -> WordCost {
        let classes: Vec<Class> =
            word.iter().map(|byte| self.classes[usize::from(byte - 0x80)]).collect();
        let mut cost = WordCost { half_bits: 0, is_capitals: false };
        for letters in classes.chunk_by(|one, other| is_letter(*one) == is_letter(*other)) {
            let letters: Vec<(usize, bool)> = letters.iter().filter_map(letter).collect();
            if !letters.is_empty() {
                let part = self.letters(&letters);
                cost.half_bits += part.half_bits;
                cost.is_capitals |= part.is_capitals;
            }
        }
        let is_letter_at = |index: Option<usize>| {
            index.and_then(|index| classes.get(index)).is_some_and(|class| is_letter(*class))
        };
        for (index, class) in classes.iter().enumerate() {
            let before = is_letter_at(index.checked_sub(1));
            let after = is_letter_at(index.checked_add(1));
            cost.half_bits += match class {
                Class::Stranger => STRANGER_COST,
                Class::Sign(side) if is_misplaced(*side, before, after) => {
                    SIGN_COST + MISPLACED_COST
                }
                Class::Sign(_) => SIGN_COST,
                Class::Letter { .. } => 0,
            };
        }
        cost
    }

    /// What letters cost between two borders: their places in the table, and whether each is a
    /// capital.
    fn letters(&self, letters: &[(usize, bool)]) -> WordCost {
        if letters.len() == 1 {
            return WordCost { half_bits: SINGLE_COST, is_capitals: false };
        }
        let places = letters.iter().map(|(place, _)| *place);
        let pairs = std::iter::once(0).chain(places.clone()).zip(places.chain([0]));
        let half_bits: i64 = pairs.map(|(first, second)| self.pairs[first][second]).sum();
        let capitals = letters.iter().filter(|(_, is_capital)| *is_capital).count();
        let case = match capitals {
            0 => 0,
            1 if letters[0].1 => CAPITAL_COST,
            _ if capitals == letters.len() => 0,
            _ => {
                let grows = letters.windows(2).filter(|pair| !pair[0].1 && pair[1].1).count();
                INSIDE_COST * i64::try_from(grows.max(1)).expect("words are short")
            }
        };
        WordCost { half_bits: half_bits + case, is_capitals: capitals == letters.len() }
    }
}

fn is_misplaced(side: Side, before: bool, after: bool) -> bool {
    match side {
        Side::Before => before,
        Side::Behind => after,
        Side::Joining => after && !before,
        Side::Around => before && after,
        Side::Apart => before || after,
        Side::Anywhere => false,
    }
}

fn is_letter(class: Class) -> bool {
    letter(&class).is_some()
}

fn letter(class: &Class) -> Option<(usize, bool)> {
    match class {
        Class::Letter { place, is_capital } => Some((*place, *is_capital)),
        Class::Stranger | Class::Sign(_) => None,
    }
}

fn class(charset: Charset, byte: u8) -> Class {
    let Some(character) = character(charset, byte) else { return Class::Stranger };
    let small = character.to_lowercase().next().unwrap_or(character);
    match LETTERS.chars().position(|letter| letter == small) {
        Some(place) => Class::Letter { place, is_capital: small != character },
        None => SIGNS
            .iter()
            .find(|(signs, _)| signs.contains(character))
            .map_or(Class::Stranger, |(_, side)| Class::Sign(*side)),
    }
}
