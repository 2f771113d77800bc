//! Finds the number in any text, as libphonenumber does: junk around it, digits of any script,
//! vanity letters, telephone URIs.

use super::PhoneFault;
use super::characters::{
    Text, digit, is_plus, is_punctuation, is_trailing_noise, is_vanity_letter, keypad_digit,
};
use super::context;
use super::dialled::Dialled;
use super::extension::extension_start;

/// Fewer digits are no number, unless they are all there is.
const DIGITS_MIN: usize = 3;
/// How many letters make a text a vanity number; fewer are typing errors.
const VANITY_LETTERS_MIN: usize = 3;

/// Reads the digits to dial out of a text.
pub(super) fn read(value: &str, dialled: &mut Dialled) -> Result<(), PhoneFault> {
    let text = Text::read(value).ok_or(PhoneFault::TooLong)?;
    let with_context = context::read(text.characters())?;
    let candidate = match &with_context {
        Some(number) => number.characters(),
        None => extracted(text.characters()),
    };
    let candidate = context::without_subaddress(candidate);
    if !is_viable(candidate) {
        return Err(PhoneFault::NotANumber);
    }
    if extension_start(candidate).is_some_and(|start| is_viable(&candidate[..start])) {
        return Err(PhoneFault::Extension);
    }
    dial(candidate, dialled);
    Ok(())
}

/// The part of a text from the first plus sign or digit on that may be one number.
fn extracted(text: &[char]) -> &[char] {
    let is_start = |character: &char| is_plus(*character) || digit(*character).is_some();
    let Some(start) = text.iter().position(is_start) else { return &[] };
    let end = text.iter().rposition(|character| !is_trailing_noise(*character));
    let text = &text[start..end.map_or(start, |last| last + 1).max(start)];
    second_number(text).map_or(text, |at| &text[..at])
}

/// The place of a slash, spaces and an x, behind which a second number starts.
fn second_number(text: &[char]) -> Option<usize> {
    let mut slash = None;
    for (at, character) in text.iter().enumerate() {
        slash = match character {
            '/' | '\\' => Some(at),
            ' ' => slash,
            'x' if slash.is_some() => return slash,
            _ => None,
        };
    }
    None
}

/// Whether the text is written like a number, perhaps with an extension behind it.
fn is_viable(text: &[char]) -> bool {
    if let [first, second] = text {
        return digit(*first).is_some() && digit(*second).is_some();
    }
    let Some((head_end, body_end)) = number_bounds(text) else { return false };
    body_end == text.len()
        || extension_start(text).is_some_and(|start| (head_end..=body_end).contains(&start))
}

/// Where the first digits and where all characters of a number end.
fn number_bounds(text: &[char]) -> Option<(usize, usize)> {
    let is_joint = |character: char| is_punctuation(character) || character == '*';
    let start = text.iter().position(|character| !is_plus(*character))?;
    let mut digits = 0;
    let mut head_end = start;
    while digits < DIGITS_MIN {
        let character = *text.get(head_end)?;
        if digit(character).is_some() {
            digits += 1;
        } else if !is_joint(character) {
            return None;
        }
        head_end += 1;
    }
    let is_body = |character: char| {
        is_joint(character) || is_vanity_letter(character) || digit(character).is_some()
    };
    let body = text[head_end..].iter().take_while(|character| is_body(**character)).count();
    Some((head_end, head_end + body))
}

/// Dials a viable text. A vanity number is read like a keypad, which has ASCII digits only.
fn dial(text: &[char], dialled: &mut Dialled) {
    dialled.has_plus = text.first().is_some_and(|first| is_plus(*first));
    let letters = text.iter().filter(|character| character.is_ascii_alphabetic()).count();
    let value_of = if letters < VANITY_LETTERS_MIN { digit } else { keypad_digit };
    for value in text.iter().copied().filter_map(value_of) {
        dialled.push(value);
    }
}
