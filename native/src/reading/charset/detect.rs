//! Which charset a file has, and how sure that is.

use std::collections::BTreeSet;
use std::path::Path;

use crate::fault::Result;
use crate::reading::text::Text;
use crate::wire::v1::{Charset, Confidence};

use super::choice::choose;
use super::survey::Survey;

/// One zero byte in so many is enough for UTF-16: it has one in every separator, digit and line
/// end, and no other text has any.
const ZERO_SHARE: u64 = 20;

/// Zero bytes at the wrong position for one at the right one.
const ZERO_NOISE: u64 = 50;

/// Characters of UTF-8 that are no accident: in no other charset do capital letters and signs
/// alternate.
const UTF8_CERTAIN_MIN: u64 = 4;

/// Different ones that are no accident, whatever they are.
const UTF8_DISTINCT_MIN: usize = 4;

/// Characters of UTF-8 for one sequence that is none, where the file has it for the most part.
const UTF8_LIKELY_SHARE: u64 = 10;

/// A charset with what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reading) struct Detected {
    pub charset: Charset,
    pub confidence: Confidence,
    /// Places that are not in the charset, as far as they were counted.
    pub misfits: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Line ends of the file.
    pub lines: u64,
}

impl Detected {
    fn new(charset: Charset, confidence: Confidence) -> Self {
        Self { charset, confidence, misfits: 0, bytes: 0, lines: 0 }
    }
}

/// Tells the charset of a file from all of it.
pub(in crate::reading) fn detect(path: &Path) -> Result<Detected> {
    let survey = Survey::of(path)?;
    let (bytes, lines) = (survey.bytes, survey.feeds.max(survey.returns));
    Ok(Detected { bytes, lines, ..detect_in(path, &survey)? })
}

fn detect_in(path: &Path, survey: &Survey) -> Result<Detected> {
    if survey.head.starts_with(b"\xff\xfe") || survey.head.starts_with(b"\xfe\xff") {
        return Ok(Detected::new(Charset::Utf16, Confidence::Certain));
    }
    if is_utf16(survey) {
        return Ok(Detected::new(Charset::Utf16, Confidence::Likely));
    }
    if survey.vocabulary.is_empty() {
        if survey.has_plus && is_utf7(path)? {
            return Ok(Detected::new(Charset::Utf7, Confidence::Likely));
        }
        return Ok(Detected::new(Charset::Utf8, Confidence::Certain));
    }
    let has_mark = survey.head.starts_with(b"\xef\xbb\xbf");
    if let Some(detected) = utf8(survey, has_mark) {
        return Ok(detected);
    }
    let (charset, confidence) = choose(&survey.vocabulary);
    Ok(Detected::new(charset, confidence))
}

/// Whether the first block of UTF-16 has its high bytes first.
pub(in crate::reading) fn is_big_endian(block: &[u8]) -> bool {
    if let [first, second, ..] = block
        && matches!((first, second), (0xff, 0xfe) | (0xfe, 0xff))
    {
        return *first == 0xfe;
    }
    let count = |offset: usize, byte: u8| {
        block.iter().skip(offset).step_by(2).filter(|found| **found == byte).count()
    };
    // ASCII first: there is hardly a file without; then Cyrillic.
    (count(0, 0), count(0, 4)) > (count(1, 0), count(1, 4))
}

fn is_utf16(survey: &Survey) -> bool {
    let [even, odd] = survey.zeros;
    let (more, less) = (even.max(odd), even.min(odd));
    survey.bytes.is_multiple_of(2) && more * ZERO_SHARE >= survey.bytes && less * ZERO_NOISE <= more
}

/// Whether everything within `+…-` is good, and Cyrillic for the most part.
fn is_utf7(path: &Path) -> Result<bool> {
    let mut text = Text::open(path, Charset::Utf7)?;
    let (mut cyrillic, mut others) = (0_u64, 0_u64);
    let mut block = Vec::new();
    while !text.is_ended() {
        text.read_more(&mut block)?;
        for byte in &block {
            match byte {
                0xff => return Ok(false),
                0xd0..=0xd2 => cyrillic += 1,
                0xc0.. => others += 1,
                _ => {}
            }
        }
        block.clear();
    }
    Ok(cyrillic > others)
}

fn utf8(survey: &Survey, has_mark: bool) -> Option<Detected> {
    let (valid, invalid) = (survey.utf8_valid, survey.utf8_invalid);
    let is_text = has_mark || is_utf8_text(survey);
    let confidence = match invalid {
        0 if has_mark || (is_text && valid >= UTF8_CERTAIN_MIN) => Confidence::Certain,
        0 if is_text => Confidence::Likely,
        0 => Confidence::Guess,
        _ if !is_text => return None,
        _ if has_mark || valid >= invalid.saturating_mul(UTF8_LIKELY_SHARE) => Confidence::Likely,
        _ if valid >= invalid => Confidence::Guess,
        _ => return None,
    };
    Some(Detected { misfits: invalid, ..Detected::new(Charset::Utf8, confidence) })
}

/// Whether what is valid UTF-8 is no accident: `НІ` in cp1251 is one rare character of UTF-8, as
/// often as it is repeated.
fn is_utf8_text(survey: &Survey) -> bool {
    let mut characters = BTreeSet::new();
    let mut is_usual = true;
    for word in survey.vocabulary.words() {
        let Some(chunk) = word.bytes.utf8_chunks().next() else { continue };
        characters.extend(chunk.valid().chars());
        is_usual &= word.is_in_latin || chunk.valid().chars().all(is_usual_in_utf8);
    }
    is_usual || characters.len() >= UTF8_DISTINCT_MIN
}

/// Whether a character is so frequent, or its bytes so many, that one is enough: Latin, Cyrillic,
/// and everything of three bytes and more.
fn is_usual_in_utf8(character: char) -> bool {
    matches!(character, '\u{a0}'..='\u{ff}' | '\u{400}'..='\u{45f}' | '\u{800}'..)
}
