//! The caption of a JSON document: what its columns are (seed 002, caption).

use crate::fault::{Fault, Result};
use crate::json::{self, Kind};
use crate::reading::caption::Others;
use crate::reading::limits::CAPTION_BYTES_MAX;
use crate::reading::text::Text;

use crate::wire::v1::ErrorReason;

use super::document::members;
use super::stream::{Stream, Value};

/// One column of a caption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::reading) struct Entry {
    /// `datakey`, or `anketa` and `quest` joined by a dot.
    pub name: String,
    /// `mode`.
    pub mode: Option<String>,
    /// `type`.
    pub kind: Option<String>,
    /// `autodetect` with anything but 0.
    pub autodetect: bool,
    /// `ignore` with anything but 0.
    pub ignore: bool,
    /// `calc` with anything but 0.
    pub calc: bool,
    /// What the name is, unless it is a key: that of an object is a datakey as in `SetMember`.
    pub others: Others,
    /// Attributes that should be text and are something else.
    pub no_text: Vec<&'static str>,
    /// Attributes that mean nothing.
    pub unknown: Vec<String>,
}

/// Attributes that are text.
const TEXTS: [&str; 5] = ["datakey", "anketa", "quest", "mode", "type"];

/// The caption of the document that a text is, wherever in it; none without one.
pub(in crate::reading) fn caption(text: Text) -> Result<Option<Vec<Entry>>> {
    let mut stream = Stream::new(text);
    let mut entries = None;
    members(&mut stream, &mut |stream, name| {
        if name != b"\"caption\"" {
            return Ok(false);
        }
        entries = Some(match stream.value(CAPTION_BYTES_MAX)? {
            Value::Whole(range) => read(stream.bytes(range)).ok_or_else(unreadable)?,
            Value::TooLong(length) => {
                return Err(Fault::limit("caption_bytes", CAPTION_BYTES_MAX, length));
            }
            Value::Cut(_) => return Err(unreadable()),
        });
        Ok(true)
    })?;
    Ok(entries)
}

fn read(document: &[u8]) -> Option<Vec<Entry>> {
    let mut text = String::new();
    json::canonicalize(document, &mut text).ok()?;
    (json::kind(&text) == Kind::Array).then(|| json::elements(&text).map(entry).collect())
}

fn entry(value: &str) -> Entry {
    if let Some(name) = json::string(value) {
        return Entry { name: name.into_owned(), ..Entry::default() };
    }
    let mut entry = Entry { others: Others::Datakey, ..Entry::default() };
    let (mut form, mut question) = (None, None);
    for (name, value) in json::members(value) {
        let text = json::string(value).map(std::borrow::Cow::into_owned);
        let name = json::unescape(name);
        if let Some(known) = TEXTS.into_iter().find(|known| *known == name)
            && !matches!(json::kind(value), Kind::String | Kind::Null)
        {
            entry.no_text.push(known);
        }
        match &*name {
            "datakey" => entry.name = text.unwrap_or_default(),
            "/status" => "/status".clone_into(&mut entry.name),
            "anketa" => form = text,
            "quest" => question = text,
            "mode" => entry.mode = text,
            "type" => entry.kind = text,
            "autodetect" => entry.autodetect = is_on(value),
            "ignore" => entry.ignore = is_on(value),
            "calc" => entry.calc = is_on(value),
            other => entry.unknown.push(other.to_owned()),
        }
    }
    if let (Some(form), Some(question)) = (form, question) {
        entry.name = format!("{form}.{question}");
    }
    entry
}

/// The seed writes 1 and "1"; nothing, 0 and false are off.
fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "\"0\"" | "\"\"" | "false" | "null")
}

fn unreadable() -> Fault {
    Fault::new(
        ErrorReason::ImportShapeUnknown,
        "The caption of the document is no JSON array of columns.",
    )
    .with("kind", "json")
}
