//! Finds an extension at the end of a text: `ext. 12`, `доб. 12`, `;ext=12`, `,,12`, `- 12#`.
//!
//! libphonenumber searches for the leftmost match of one regular expression. All its branches end
//! with the digits of the extension, so each is read backwards from there, in one pass.

use super::characters::{digit, folded};

/// The most digits behind a label that says extension.
const DIGITS_MAX_EXPLICIT: usize = 20;
/// The most digits behind `;` or `,,`, which mobile phones dial.
const DIGITS_MAX_DIALLED: usize = 15;
/// The most digits behind a label that may mean something else.
const DIGITS_MAX_AMBIGUOUS: usize = 9;
/// The most digits of an extension that only a hash behind it marks.
const DIGITS_MAX_HASH: usize = 6;

/// The label of RFC 3966.
const RFC3966_LABEL: &str = ";ext=";

/// The labels that say extension, in folded case.
const EXPLICIT_LABELS: [&str; 22] = [
    "ext",
    "extn",
    "extensio",
    "extension",
    "extensi\u{F3}",
    "extensi\u{F3}n",
    "extensio\u{301}",
    "extensio\u{301}n",
    "xt",
    "xtn",
    "xtensio",
    "xtension",
    "xtensi\u{F3}",
    "xtensi\u{F3}n",
    "xtensio\u{301}",
    "xtensio\u{301}n",
    "ｅｘｔ",
    "ｅｘｔｎ",
    "ｘｔ",
    "ｘｔｎ",
    "доб",
    "anexo",
];

/// The labels that may mean something else, in folded case.
const AMBIGUOUS_LABELS: [&str; 8] = ["x", "ｘ", "#", "＃", "~", "～", "int", "ｉｎｔ"];

/// The place where an extension starts, with the separators in front of it.
pub(super) fn extension_start(text: &[char]) -> Option<usize> {
    let (body, has_hash) = match text {
        [body @ .., '#'] => (body, true),
        _ => (text, false),
    };
    let label_and_gap = before(body, |character| digit(character).is_some());
    let digits = body.len() - label_and_gap.len();
    if digits == 0 {
        return None;
    }
    let starts = [
        labelled(label_and_gap, digits),
        commas_in_gap(label_and_gap, digits),
        if has_hash { hash(label_and_gap, digits) } else { rfc3966(label_and_gap, digits) },
    ];
    starts.into_iter().flatten().min()
}

/// A label, an optional colon, a gap.
fn labelled(text: &[char], digits: usize) -> Option<usize> {
    let head = before(text, is_gap);
    let behind_colon = match head {
        [head @ .., ':' | '.' | '\u{FF0E}'] => Some(head),
        _ => None,
    };
    let words = [Some(head), behind_colon].into_iter().flatten();
    let starts = words.map(|head| [word(head, digits), dialled(head, digits)]);
    let commas = behind_colon.and_then(|head| commas_at_end(head, digits));
    starts.flatten().flatten().chain(commas).min()
}

/// A label of letters or a symbol at the end of the text, with the separators in front of it.
fn word(text: &[char], digits: usize) -> Option<usize> {
    let explicit = EXPLICIT_LABELS.iter().filter(|_| digits <= DIGITS_MAX_EXPLICIT);
    let ambiguous = AMBIGUOUS_LABELS.iter().filter(|_| digits <= DIGITS_MAX_AMBIGUOUS);
    let label = explicit.chain(ambiguous).filter_map(|label| without_suffix(text, label));
    label.min_by_key(|head| head.len()).map(|head| before(head, is_separator).len())
}

/// A semicolon at the end of the text, with the spaces in front of it.
fn dialled(text: &[char], digits: usize) -> Option<usize> {
    match text {
        [head @ .., ';'] if digits <= DIGITS_MAX_DIALLED => Some(before(head, is_space).len()),
        _ => None,
    }
}

/// Commas at the end of the text: any number before few digits, two before more.
fn commas_at_end(text: &[char], digits: usize) -> Option<usize> {
    let head = if digits <= DIGITS_MAX_AMBIGUOUS {
        before(text, |character| character == ',')
    } else if digits <= DIGITS_MAX_DIALLED {
        without_suffix(text, ",,")?
    } else {
        return None;
    };
    (head.len() < text.len()).then(|| before(head, is_space).len())
}

/// The first commas of the gap at the end of the text; what follows them is still gap.
fn commas_in_gap(text: &[char], digits: usize) -> Option<usize> {
    let gap_start = before(text, is_gap).len();
    let gap = &text[gap_start..];
    let first = if digits <= DIGITS_MAX_AMBIGUOUS {
        gap.iter().position(|character| *character == ',')?
    } else if digits <= DIGITS_MAX_DIALLED {
        gap.windows(2).position(|pair| pair == [',', ','])?
    } else {
        return None;
    };
    Some(before(&text[..gap_start + first], is_space).len())
}

/// Hyphens and spaces in front of digits with a hash behind them.
fn hash(text: &[char], digits: usize) -> Option<usize> {
    let head = before(text, |character| matches!(character, '-' | ' '));
    (head.len() < text.len() && digits <= DIGITS_MAX_HASH).then_some(head.len())
}

fn rfc3966(text: &[char], digits: usize) -> Option<usize> {
    let head = without_suffix(text, RFC3966_LABEL)?;
    (digits <= DIGITS_MAX_EXPLICIT).then_some(head.len())
}

/// The text without the characters of a class at its end.
fn before(text: &[char], is_in_class: impl Fn(char) -> bool) -> &[char] {
    let end = text.iter().rposition(|character| !is_in_class(*character)).map_or(0, |at| at + 1);
    &text[..end]
}

/// The text without a label at its end, in either case.
fn without_suffix<'text>(text: &'text [char], label: &str) -> Option<&'text [char]> {
    label.chars().rev().try_fold(text, |text, expected| match text {
        [head @ .., last] if folded(*last) == expected => Some(head),
        _ => None,
    })
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\u{A0}' | '\t')
}

fn is_separator(character: char) -> bool {
    is_space(character) || character == ','
}

fn is_gap(character: char) -> bool {
    is_separator(character) || character == '-'
}
