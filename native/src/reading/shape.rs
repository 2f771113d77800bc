//! How a file holds its rows: its shape, its separator.

use crate::json::{self, Kind};
use crate::wire::v1::{Confidence, FileShape, Separator};

use super::csv_record::{Cell, Record, Splitter};
use super::looks::is_address;
use super::reader::separator_byte;
use super::separator_line::SeparatorLine;

/// The separators, the one that stands for itself most often first.
pub(super) const SEPARATORS: [Separator; 4] =
    [Separator::Tab, Separator::Semicolon, Separator::Comma, Separator::Pipe];

/// Records that a separator is tried on.
const RECORDS_MAX: usize = 200;

/// Of a hundred rows, so many must have the same number of cells.
const LIKELY_PERCENT: usize = 90;

/// Tells the shape from the beginning of the text. `is_whole` says that nothing follows.
pub(super) fn shape(head: &[u8], is_whole: bool) -> (FileShape, Confidence) {
    let head = head.trim_ascii_start();
    if !matches!(head.first(), Some(b'{' | b'[')) {
        return (FileShape::Csv, Confidence::Certain);
    }
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.next().unwrap_or_default();
    let next = lines.find(|line| !line.is_empty());
    let is_alone = is_whole && next.is_none();
    match document(first) {
        Some(text) if is_of_rows(&text, is_alone) => (FileShape::Json, Confidence::Certain),
        Some(_) if next.is_none_or(|line| document(line).is_some()) => {
            (FileShape::JsonLines, Confidence::Certain)
        }
        Some(_) => (FileShape::JsonLines, Confidence::Likely),
        None if begins_document(head) => (FileShape::Json, Confidence::Likely),
        // One line is broken, which is reported as a row when it is read.
        None if next.is_some_and(|line| document(line).is_some()) => {
            (FileShape::JsonLines, Confidence::Likely)
        }
        None => (FileShape::Csv, Confidence::Guess),
    }
}

/// The canonical text of an array or object.
fn document(line: &[u8]) -> Option<String> {
    let mut text = String::new();
    json::canonicalize(line, &mut text).ok()?;
    matches!(json::kind(&text), Kind::Array | Kind::Object).then_some(text)
}

/// Whether a whole document holds rows, and is not one of them.
fn is_of_rows(text: &str, is_alone: bool) -> bool {
    let is_row = |value: &str| matches!(json::kind(value), Kind::Array | Kind::Object);
    let mut elements = json::elements(text).peekable();
    match json::kind(text) {
        Kind::Object => json::members(text)
            .any(|(name, value)| name == "rows" && json::kind(value) == Kind::Array),
        _ => is_alone && elements.peek().is_some() && elements.all(is_row),
    }
}

/// Whether the text of a document that goes on begins like one of rows.
fn begins_document(head: &[u8]) -> bool {
    let inside = head[1..].trim_ascii_start();
    if head[0] == b'[' {
        return matches!(inside.first(), Some(b'[' | b'{'));
    }
    let has = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    has(b"\"rows\"") || has(b"\"caption\"")
}

/// What a separator makes of the text.
struct Trial {
    separator: Separator,
    /// How many cells most rows have.
    cells: usize,
    /// Of a hundred rows, how many have so many.
    percent: usize,
    /// How many cells are addresses.
    addresses: usize,
}

/// Tells the separator from the beginning of the text; `columns` is how many there are, 0 where
/// that is not known. A file may say it itself.
pub(super) fn separator(head: &[u8], is_whole: bool, columns: usize) -> (Separator, Confidence) {
    if let Some(line) = SeparatorLine::of(head, is_whole) {
        return (line.separator, Confidence::Certain);
    }
    let trials = SEPARATORS.map(|separator| try_out(head, is_whole, separator));
    let rank = |trial: &Trial| {
        let is_regular = trial.percent >= LIKELY_PERCENT;
        (trial.cells == columns, is_regular, trial.addresses, trial.percent, trial.cells)
    };
    let mut splitting: Vec<&Trial> = trials.iter().filter(|trial| trial.cells > 1).collect();
    // Stable, so that the order of `SEPARATORS` decides where all else is equal.
    splitting.sort_by_key(|trial| std::cmp::Reverse(rank(trial)));
    let Some(best) = splitting.first() else {
        return (Separator::Comma, Confidence::Likely);
    };
    let others = splitting[1..].iter().filter(|trial| trial.percent >= LIKELY_PERCENT).count();
    let confidence = match best.percent {
        100 if others == 0 => Confidence::Certain,
        // Ragged rows are no doubt about the one separator that there is.
        _ if splitting.len() == 1 => Confidence::Likely,
        LIKELY_PERCENT.. if others == 0 || best.addresses > splitting[1].addresses => {
            Confidence::Likely
        }
        _ => Confidence::Guess,
    };
    (best.separator, confidence)
}

fn try_out(head: &[u8], is_whole: bool, separator: Separator) -> Trial {
    let splitter = Splitter::new(separator_byte(separator).unwrap_or(b','));
    let (mut at, mut cells, mut counts, mut addresses) = (0, Vec::new(), Vec::new(), 0);
    while at < head.len() && counts.len() < RECORDS_MAX {
        if head[at] == b'#' {
            at += next_line(&head[at..]);
            continue;
        }
        match splitter.record(head, at, is_whole, &mut cells) {
            Record::Row { text_end, end, .. } => {
                if !head[at..text_end].trim_ascii().is_empty() {
                    counts.push(cells.len());
                    addresses += cells.iter().filter(|cell| is_address_cell(head, cell)).count();
                }
                at = end;
            }
            Record::Unfinished => break,
            Record::Quote(quote) => {
                counts.push(0);
                at = quote.at + next_line(&head[quote.at..]);
            }
        }
    }
    let frequency = |count: usize| counts.iter().filter(|other| **other == count).count();
    let most = counts.iter().copied().max_by_key(|count| (frequency(*count), *count)).unwrap_or(0);
    let percent = (frequency(most) * 100).checked_div(counts.len()).unwrap_or(0);
    Trial { separator, cells: most, percent, addresses }
}

fn is_address_cell(text: &[u8], cell: &Cell) -> bool {
    std::str::from_utf8(&text[cell.range.clone()]).is_ok_and(is_address)
}

fn next_line(text: &[u8]) -> usize {
    memchr::memchr2(b'\n', b'\r', text).map_or(text.len(), |found| found + 1)
}
