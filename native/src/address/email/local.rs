//! The local part: what stands before '@'.
//!
//! RFC 5321 allows a dot-string and a quoted string; RFC 6531 adds characters over ASCII to both.
//! Comments, folding white space and quoted words between dots are obsolete forms of RFC 5322 and
//! refused. Quotes that are not needed are dropped and only `"` and `\` stay escaped, so that one
//! mailbox has one key. Of the characters over ASCII only letters, marks, numbers, punctuation and
//! symbols are accepted: spaces, invisible and unassigned characters come from copying by accident
//! and make two keys that nobody can tell apart.

use icu_properties::props::{ChangesWhenLowercased, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

use crate::address::email::address::fault;
use crate::address::limits::{LOCAL_BYTES_MAX, LOCAL_SPELLING_BYTES_MAX};
use crate::fault::{Fault, Result};
use crate::wire::v1::ErrorReason;

/// A local part as it is spelled.
#[derive(Debug, Clone, Copy)]
pub enum Local<'a> {
    /// Atoms between dots.
    Atoms(&'a str),
    /// What stands between the quotes, still escaped.
    Quoted(&'a str),
}

/// The general categories that characters over ASCII may have.
const ACCEPTED_GROUPS: [GeneralCategoryGroup; 5] = [
    GeneralCategoryGroup::Letter,
    GeneralCategoryGroup::Mark,
    GeneralCategoryGroup::Number,
    GeneralCategoryGroup::Punctuation,
    GeneralCategoryGroup::Symbol,
];

/// What a byte means outside quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Atom,
    Dot,
    Quote,
    National,
    Refused,
}

fn class(byte: u8) -> Class {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Class::Atom,
        _ if b"!#$%&'*+-/=?^_`{|}~".contains(&byte) => Class::Atom,
        b'.' => Class::Dot,
        b'"' => Class::Quote,
        128.. => Class::National,
        _ => Class::Refused,
    }
}

impl Local<'_> {
    /// Appends the canonical form.
    pub fn append(self, out: &mut String) -> Result<()> {
        let (Self::Atoms(spelling) | Self::Quoted(spelling)) = self;
        if spelling.is_empty() {
            let message = "The e-mail has nothing before '@'.";
            return Err(fault(ErrorReason::EmailLocalEmpty, message));
        }
        if spelling.len() > LOCAL_SPELLING_BYTES_MAX {
            return Err(too_long());
        }
        let start = out.len();
        match self {
            Self::Atoms(atoms) if atoms.is_ascii() => {
                check_atoms(atoms)?;
                out.push_str(atoms);
                out[start..].make_ascii_lowercase();
            }
            Self::Atoms(atoms) => {
                let folded = fold(atoms);
                check_atoms(&folded)?;
                check_national(&folded)?;
                out.push_str(&folded);
            }
            Self::Quoted(quoted) => append_quoted(quoted, out)?,
        }
        if out.len() - start > LOCAL_BYTES_MAX {
            return Err(too_long());
        }
        Ok(())
    }
}

fn append_quoted(quoted: &str, out: &mut String) -> Result<()> {
    let content = fold(&unescape(quoted)?);
    check_national(&content)?;
    if check_atoms(&content).is_ok() {
        out.push_str(&content);
        return Ok(());
    }
    out.push('"');
    for character in content.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    Ok(())
}

/// A backslash escapes one printable ASCII character (RFC 5321, quoted-pairSMTP).
fn unescape(quoted: &str) -> Result<String> {
    let mut content = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            content.push(character);
            continue;
        }
        match characters.next() {
            Some(escaped @ ' '..='~') => content.push(escaped),
            _ => {
                return Err(fault(
                    ErrorReason::EmailLocalQuote,
                    "A backslash before '@' must stand before a printable ASCII character.",
                ));
            }
        }
    }
    Ok(content)
}

fn check_atoms(text: &str) -> Result<()> {
    let mut after_dot = true;
    for byte in text.bytes() {
        let class = class(byte);
        match class {
            Class::Dot if after_dot => return Err(misplaced_dot()),
            Class::Atom | Class::National | Class::Dot => after_dot = class == Class::Dot,
            Class::Quote => {
                return Err(fault(
                    ErrorReason::EmailLocalQuote,
                    "The part before '@' has a quote inside; quote the whole part or nothing.",
                ));
            }
            Class::Refused => return Err(bad_character()),
        }
    }
    if after_dot { Err(misplaced_dot()) } else { Ok(()) }
}

/// Checks the characters over ASCII; a mark at the beginning would join whatever stands before it.
fn check_national(folded: &str) -> Result<()> {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_mark = |character| GeneralCategoryGroup::Mark.contains(categories.get(character));
    if folded.chars().next().is_some_and(is_mark) {
        return Err(bad_character());
    }
    let capitals = CodePointSetData::new::<ChangesWhenLowercased>();
    for character in folded.chars().filter(|character| !character.is_ascii()) {
        let category = categories.get(character);
        let accepted = ACCEPTED_GROUPS.into_iter().any(|group| group.contains(category));
        // The replacement character is what is left of text in a wrong charset. A capital that is
        // still here is younger than the standard library: its key would change with the next one.
        let refused = character == char::REPLACEMENT_CHARACTER || capitals.contains(character);
        if refused || !accepted {
            return Err(bad_character());
        }
    }
    Ok(())
}

/// Lower-cases and composes.
///
/// Composing comes first so that equivalent spellings meet the same rules of case, and last because
/// lower-casing may decompose. Atoms are words of their own, so that a sigma at the end of each is
/// the final one; Unicode would look past the dot.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed: String = text.nfc().collect();
    let atoms: Vec<_> = composed.split('.').map(str::to_lowercase).collect();
    atoms.join(".").nfc().collect()
}

fn too_long() -> Fault {
    let message = format!("The part before '@' has over {LOCAL_BYTES_MAX} octets.");
    fault(ErrorReason::EmailLocalTooLong, &message)
}

fn misplaced_dot() -> Fault {
    let message = "The part before '@' begins or ends with a dot or has two in a row.";
    fault(ErrorReason::EmailLocalDot, message)
}

fn bad_character() -> Fault {
    let message = "The part before '@' has a character that e-mails may not have.";
    fault(ErrorReason::EmailLocalCharacter, message)
}
