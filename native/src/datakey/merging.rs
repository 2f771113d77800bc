//! Merging the data of two members by the rule of a call (seed 002, member.merge, `data_rule`).
//!
//! The data are compared at a level: `a.b` are the keys of level 2. A value that is no object ends
//! a key before the level, and so does one that only one side has as an object. Level 0 compares
//! the data as a whole. Keys with a mode of their own are treated by it alone.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::fault::Result as Checked;
use crate::json::{self, Kind};

use super::apply::BODY_BYTES_MAX;
use super::document::Document;
use super::mode::Mode;
use super::path::Path;
use super::problem::{Problem, Result};
use super::read::Reader;

/// What happens to a key that only the source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HasMiss {
    /// Copied to the receiver.
    #[default]
    Set,
    /// Left.
    None,
    /// Copied, then removed from the source.
    Move,
}

/// What happens to a key that both have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HasHas {
    /// Left.
    #[default]
    None,
    /// Removed from the receiver.
    Delete,
    /// Copied over that of the receiver.
    Set,
    /// Copied, then removed from the source.
    Move,
    /// Joined: the members of an object over those of the receiver, as mode merge does; the
    /// elements of an array behind those of the receiver, as mode push does; otherwise as Set.
    Merge,
}

/// What happens to a key that only the receiver has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissHas {
    /// Left.
    #[default]
    None,
    /// Removed from the receiver.
    Delete,
}

/// How the data of two members are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRule {
    /// The level at which keys are compared.
    pub level: usize,
    /// For keys that only the source has.
    pub has_miss: HasMiss,
    /// For keys that both have.
    pub has_has: HasHas,
    /// For keys that only the receiver has.
    pub miss_has: MissHas,
    /// Keys that are treated by a mode of their own, whoever has them.
    pub keys: Vec<(Path, HasHas)>,
}

/// The level of the seed: a questionnaire and its question.
const LEVEL_DEFAULT: usize = 2;

impl Default for DataRule {
    fn default() -> Self {
        Self {
            level: LEVEL_DEFAULT,
            has_miss: HasMiss::default(),
            has_has: HasHas::default(),
            miss_has: MissHas::default(),
            keys: Vec::new(),
        }
    }
}

/// The data of both after a merge, canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The data of the receiver.
    pub receiver: String,
    /// The data of the source.
    pub source: String,
}

/// Merges canonical objects.
pub fn merge(receiver: &str, source: &str, rule: &DataRule) -> Checked<Merged> {
    let mut merged = Merged { receiver: String::new(), source: String::new() };
    let mut sides = Sides { receiver: &mut merged.receiver, source: &mut merged.source };
    if rule.level == 0 {
        let (kept, left) = unit(rule.has_has, receiver, source);
        sides.receiver.push_str(kept.as_deref().unwrap_or("{}"));
        sides.source.push_str(left.unwrap_or("{}"));
    } else {
        level(rule, rule.level, receiver, source, &mut sides);
    }
    if !rule.keys.is_empty() {
        merged = own_modes(&merged, receiver, source, &rule.keys)?;
    }
    let bytes = merged.receiver.len();
    if bytes > BODY_BYTES_MAX {
        return Err(Problem::BodyTooLarge(bytes).fault_of_call());
    }
    Ok(merged)
}

/// Where the texts of both sides are written.
struct Sides<'o> {
    receiver: &'o mut String,
    source: &'o mut String,
}

/// Merges two objects whose keys are `left` levels below, at least one.
fn level(rule: &DataRule, left: usize, receiver: &str, source: &str, out: &mut Sides<'_>) {
    let theirs: HashMap<&str, &str> = json::members(source).collect();
    let mut kept = Members::open(out.receiver);
    // What becomes of the members of the source that both have, by name.
    let mut source_left: HashMap<&str, Option<Cow<'_, str>>> = HashMap::new();
    for (name, value) in json::members(receiver) {
        let Some(&other) = theirs.get(name) else {
            match (rule.miss_has, descends(left, value)) {
                (MissHas::None, _) => kept.put(name, value),
                (MissHas::Delete, true) => kept.put(name, &without_keys(value, left - 1)),
                (MissHas::Delete, false) => {}
            }
            continue;
        };
        if descends(left, value) && descends(left, other) {
            let (mut inner, mut inner_source) = (String::new(), String::new());
            let mut sides = Sides { receiver: &mut inner, source: &mut inner_source };
            level(rule, left - 1, value, other, &mut sides);
            kept.put(name, &inner);
            source_left.insert(name, Some(inner_source.into()));
            continue;
        }
        let (value, other) = unit(rule.has_has, value, other);
        if let Some(value) = value {
            kept.put(name, &value);
        }
        source_left.insert(name, other.map(Cow::Borrowed));
    }
    let mut rest = Members::open(out.source);
    for (name, value) in json::members(source) {
        if let Some(left) = source_left.remove(name) {
            if let Some(value) = left {
                rest.put(name, &value);
            }
            continue;
        }
        if rule.has_miss != HasMiss::None {
            kept.put(name, value);
        }
        match (rule.has_miss, descends(left, value)) {
            (HasMiss::Move, true) => rest.put(name, &without_keys(value, left - 1)),
            (HasMiss::Move, false) => {}
            _ => rest.put(name, value),
        }
    }
    kept.close();
    rest.close();
}

/// Whether the keys to compare are inside of a value that is `left` levels above them, itself
/// included.
fn descends(left: usize, value: &str) -> bool {
    left > 1 && json::kind(value) == Kind::Object
}

/// One key that both have: what the receiver has then, and what the source has.
fn unit<'a>(
    mode: HasHas,
    receiver: &'a str,
    source: &'a str,
) -> (Option<Cow<'a, str>>, Option<&'a str>) {
    match mode {
        HasHas::None => (Some(receiver.into()), Some(source)),
        HasHas::Delete => (None, Some(source)),
        HasHas::Set => (Some(source.into()), Some(source)),
        HasHas::Move => (Some(source.into()), None),
        HasHas::Merge => (Some(joined(receiver, source)), Some(source)),
    }
}

fn joined<'a>(receiver: &'a str, source: &'a str) -> Cow<'a, str> {
    match (json::kind(receiver), json::kind(source)) {
        (Kind::Object, Kind::Object) => {
            let theirs: HashMap<&str, &str> = json::members(source).collect();
            let ours: HashMap<&str, &str> = json::members(receiver).collect();
            let mut text = String::new();
            let mut members = Members::open(&mut text);
            for (name, value) in json::members(receiver) {
                members.put(name, theirs.get(name).copied().unwrap_or(value));
            }
            for (name, value) in json::members(source).filter(|(name, _)| !ours.contains_key(name))
            {
                members.put(name, value);
            }
            members.close();
            text.into()
        }
        (Kind::Array, Kind::Array) => match (&receiver[1..receiver.len() - 1], &source[1..]) {
            ("", _) => source.into(),
            (_, "]") => receiver.into(),
            (elements, more) => format!("[{elements},{more}").into(),
        },
        _ => source.into(),
    }
}

/// An object without its keys `left` levels below; what is above them stays.
fn without_keys(value: &str, left: usize) -> String {
    let mut text = String::new();
    let mut members = Members::open(&mut text);
    for (name, value) in json::members(value).filter(|(_, value)| descends(left, value)) {
        members.put(name, &without_keys(value, left - 1));
    }
    members.close();
    text
}

/// Treats keys by their own modes, from what both had before the merge.
fn own_modes<'a>(
    merged: &'a Merged,
    receiver: &'a str,
    source: &'a str,
    keys: &'a [(Path, HasHas)],
) -> Checked<Merged> {
    let (mut ours, mut theirs) = (Reader::new(receiver), Reader::new(source));
    let mut documents = (Document::new(&merged.receiver), Document::new(&merged.source));
    for (path, mode) in keys {
        let (kept, left) = own_mode(*mode, ours.at(path), theirs.at(path));
        put(&mut documents.0, path, kept)
            .and_then(|()| put(&mut documents.1, path, left.map(Cow::Borrowed)))
            .map_err(|problem| problem.fault_of_call().with("path", path.text()))?;
    }
    let mut merged = Merged { receiver: String::new(), source: String::new() };
    documents.0.write(&mut merged.receiver);
    documents.1.write(&mut merged.source);
    Ok(merged)
}

/// What both have of a key with a mode of its own.
fn own_mode<'a>(
    mode: HasHas,
    ours: Option<&'a str>,
    theirs: Option<&'a str>,
) -> (Option<Cow<'a, str>>, Option<&'a str>) {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => unit(mode, ours, theirs),
        (Some(_), None) if mode == HasHas::Delete => (None, None),
        (Some(ours), None) => (Some(ours.into()), None),
        (None, Some(theirs)) => match mode {
            HasHas::None | HasHas::Delete => (None, Some(theirs)),
            HasHas::Set | HasHas::Merge => (Some(theirs.into()), Some(theirs)),
            HasHas::Move => (Some(theirs.into()), None),
        },
        (None, None) => (None, None),
    }
}

/// Gives a place a value, or none.
fn put<'a>(document: &mut Document<'a>, path: &'a Path, value: Option<Cow<'a, str>>) -> Result<()> {
    match value {
        Some(value) => document.write_value(path, Mode::Set, value)?,
        None if document.peek(path).is_some() => document.delete(path)?,
        None => return Ok(()),
    };
    Ok(())
}

/// Writes the members of an object.
struct Members<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> Members<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// `name` is the inside of a JSON string.
    fn put(&mut self, name: &str, value: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out.push_str(value);
    }

    fn close(self) {
        self.out.push('}');
    }
}
