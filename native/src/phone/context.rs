//! The parameters of RFC 3966: `tel:863-1234;phone-context=+1-914-555`.

use super::PhoneFault;
use super::characters::{Text, digit};

/// What starts the number of a telephone URI.
const SCHEME: &str = "tel:";
/// What starts the context of a local number.
const PHONE_CONTEXT: &str = ";phone-context=";
/// What starts the address of a device behind the number.
const ISDN_SUBADDRESS: &str = ";isub=";

/// Reads a number with a context: the number, preceded by the context if that is the start of a
/// number. Nothing if no context is given.
pub(super) fn read(text: &[char]) -> Result<Option<Text>, PhoneFault> {
    let Some(at) = position(text, PHONE_CONTEXT) else { return Ok(None) };
    let parameter = &text[at + PHONE_CONTEXT.len()..];
    let context = parameter.split(|character| *character == ';').next().unwrap_or_default();
    let number_start = context.strip_prefix(&['+']);
    if !number_start.map_or_else(|| is_domain(context), is_number_start) {
        return Err(PhoneFault::NotANumber);
    }
    let start = position(text, SCHEME).map_or(0, |at| at + SCHEME.len());
    let mut number = Text::new();
    if number_start.is_some() {
        number.push(context);
    }
    number.push(text.get(start..at).unwrap_or_default());
    Ok(Some(number))
}

/// The text up to the parameter that addresses a device behind the number.
pub(super) fn without_subaddress(text: &[char]) -> &[char] {
    match position(text, ISDN_SUBADDRESS) {
        Some(at) if at > 0 => &text[..at],
        _ => text,
    }
}

fn position(text: &[char], part: &str) -> Option<usize> {
    text.windows(part.len()).position(|window| window.iter().copied().eq(part.chars()))
}

/// Digits with the visual separators of RFC 3966.
fn is_number_start(text: &[char]) -> bool {
    let is_separator = |character: &char| matches!(character, '-' | '.' | '(' | ')');
    text.iter().any(|character| digit(*character).is_some())
        && text.iter().all(|character| digit(*character).is_some() || is_separator(character))
}

/// Labels separated by dots; the last one starts with a letter, and a dot may end it.
fn is_domain(text: &[char]) -> bool {
    let text = text.strip_suffix(&['.']).unwrap_or(text);
    let mut labels = text.rsplit(|character| *character == '.');
    labels.next().is_some_and(|top| is_label(top) && top[0].is_ascii_alphabetic())
        && labels.all(is_label)
}

/// Letters, digits and, within, hyphens.
fn is_label(label: &[char]) -> bool {
    let is_alphanumeric =
        |character: &char| character.is_ascii_alphabetic() || digit(*character).is_some();
    label.first().is_some_and(is_alphanumeric)
        && label.last().is_some_and(is_alphanumeric)
        && label.iter().all(|character| *character == '-' || is_alphanumeric(character))
}
