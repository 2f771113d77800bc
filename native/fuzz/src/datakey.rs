//! Paths, patterns, changes and columns with any bytes on any document: the result is canonical,
//! within its bounds, and what changed is told.

use _native::datakey::{
    BODY_BYTES_MAX, Change, ColumnChange, CopySource, Document, Moment, Pattern, apply_all, read,
};
use _native::json::{Kind, LEVELS_MAX, canonicalize, kind, levels};
use _native::wire::v1::{CellFormat, DatakeyChange, DatakeyColumn, DatakeyMode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prost::Message;

use super::fixture::datakey;
use super::frames;

const DOCUMENT: u8 = 0;
const CHANGE: u8 = 1;
const PATTERN: u8 = 2;
const COLUMN: u8 = 3;
const TAGS: u8 = 4;

/// Messages are a document to begin with, changes of it, patterns to read it by, and columns whose
/// cell is what follows a line feed in the path.
pub fn run(data: &[u8]) {
    let mut text = "{}".to_owned();
    for (tag, message) in frames::split(data) {
        match tag % TAGS {
            DOCUMENT => text = object(message).unwrap_or(text),
            CHANGE => text = changed(&text, message),
            PATTERN => read_by(&text, message),
            _ => text = with_cell(&text, message),
        }
    }
}

fn moment() -> Moment {
    let now = Timestamp::from_second(1_780_000_000).expect("a time of this century");
    Moment { now, zone: TimeZone::UTC }
}

/// The canonical text of a JSON object.
fn object(message: &[u8]) -> Option<String> {
    let mut text = String::new();
    canonicalize(message, &mut text).ok()?;
    (kind(&text) == Kind::Object).then_some(text)
}

fn changed(text: &str, message: &[u8]) -> String {
    let Ok(wire) = DatakeyChange::decode(message) else { return text.to_owned() };
    let Ok(change) = Change::compile(0, &wire) else { return text.to_owned() };
    let sources = [
        CopySource::Other(Document::new("{\"b\":[1,{\"c\":null}]}")),
        CopySource::MissingWritesNull,
        CopySource::MissingSkips,
        CopySource::Itself,
    ];
    let mut after = text.to_owned();
    for source in sources {
        let changes = std::slice::from_ref(&change);
        let Ok(outcome) = apply_all(text, changes, source, &moment()) else { continue };
        assert_eq!(outcome.text.is_none(), outcome.deltas.is_empty());
        for delta in &outcome.deltas {
            assert_ne!(delta.before, delta.after.as_deref(), "a delta that changes nothing");
        }
        if let Some(changed) = outcome.text {
            assert_canonical(&changed);
            after = changed;
        }
    }
    after
}

fn read_by(text: &str, message: &[u8]) {
    let Ok(path) = std::str::from_utf8(message) else { return };
    let Ok(pattern) = Pattern::parse(0, path) else { return };
    let Some(value) = read(text, &pattern) else { return };
    let mut canonical = String::new();
    assert_eq!(canonicalize(value.as_bytes(), &mut canonical), Ok(()), "{value}");
    assert_eq!(canonical, value);
}

fn with_cell(text: &str, message: &[u8]) -> String {
    let unchanged = || text.to_owned();
    let Ok(wire) = DatakeyColumn::decode(message) else { return unchanged() };
    let (path, cell) = wire.path.split_once('\n').unwrap_or((&wire.path, "1"));
    let column = DatakeyColumn { path: path.to_owned(), ..wire.clone() };
    let Ok(column) = ColumnChange::compile(0, &column) else { return unchanged() };
    let mut value = String::new();
    let Ok(true) = column.prepare(cell, &moment(), &mut value) else { return unchanged() };
    let mut document = Document::new(text);
    if column.apply(&mut document, &value).is_err() {
        return unchanged();
    }
    let Ok(outcome) = document.finish() else { return unchanged() };
    let after = outcome.text.unwrap_or_else(unchanged);
    assert_canonical(&after);
    after
}

fn assert_canonical(text: &str) {
    assert!(text.len() <= BODY_BYTES_MAX);
    assert!(levels(text) <= LEVELS_MAX);
    assert_eq!(object(text.as_bytes()).as_deref(), Some(text));
}

/// Changes of every mode, dates, patterns and columns.
pub fn seeds() -> Vec<Vec<u8>> {
    const START: &str = r#"{"a":{"b":[1,null,{"c":"d"}]},"e":"f","g":[]}"#;
    let start = (DOCUMENT, START.as_bytes().to_vec());
    let paths = ["a", "a.b[1]", "a.b[-1].c", "a.b[5].x", "e", "g", "d\\.e\\[0\\]"];
    let mut seeds = Vec::new();
    for (mode, path) in
        (1..).map_while(|mode| DatakeyMode::try_from(mode).ok()).zip(paths.iter().cycle())
    {
        let is_copy = mode as i32 >= DatakeyMode::SetCopy as i32;
        let is_empty = is_copy || mode == DatakeyMode::Delete;
        let change = DatakeyChange {
            copy_path: if is_copy { "b".to_owned() } else { String::new() },
            ..datakey(path, mode, if is_empty { "" } else { "{\"c\":[1]}" })
        };
        let pattern = (PATTERN, b"a.b[*].*".to_vec());
        seeds.push(frames::join(&[start.clone(), (CHANGE, change.encode_to_vec()), pattern]));
    }
    for value in ["\"2026-02-29\"", "\"current - 1 month\"", "\"current:YM + 3 day\""] {
        let date = DatakeyChange {
            r#type: "dt:YD".to_owned(),
            ..datakey("born", DatakeyMode::Set, value)
        };
        seeds.push(frames::join(&[(CHANGE, date.encode_to_vec())]));
    }
    let column = DatakeyColumn {
        path: "a.b[0]\n{\"x\":1}".to_owned(),
        mode: DatakeyMode::Merge.into(),
        format: CellFormat::Json.into(),
        ..DatakeyColumn::default()
    };
    seeds.push(frames::join(&[start, (COLUMN, column.encode_to_vec())]));
    seeds
}
