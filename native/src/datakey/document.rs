//! The data of a member while changes apply to it, and what they come to.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::fault::Result as Checked;
use crate::json::{self, Kind};

use super::apply::BODY_BYTES_MAX;
use super::decimal::Decimal;
use super::node::Node;
use super::object::{Member, Object};
use super::path::{Element, Path};
use super::problem::{Problem, Result};

/// While the changes of a call apply, the data may grow over the bound, because a later change may
/// shrink it. Beyond this factor it is refused at once: copies of copies double with each change.
const TRANSIENT_FACTOR: usize = 2;

/// A member's data, opened only where changes touch it. After a failed change it must be dropped.
#[derive(Debug)]
pub struct Document<'a> {
    pub(super) root: Node<'a>,
    original: &'a str,
    /// The texts of the members at the beginning, by position.
    originals: Vec<&'a str>,
    /// At least the bytes of the text: a cheap bound instead of counting after each change.
    bytes_bound: usize,
}

/// What changes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The new canonical text; `None` where nothing changed.
    pub text: Option<String>,
    /// The members of the root object that changed, in the order of the document; empty exactly
    /// where `text` is `None`. One that was deleted and written again has moved to the end and is
    /// listed there, even with the same value.
    pub deltas: Vec<Delta<'a>>,
}

/// One changed member of the root object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta<'a> {
    /// The name of the member, without escapes.
    pub key: Cow<'a, str>,
    /// The canonical text before; `None` where it did not exist.
    pub before: Option<&'a str>,
    /// The canonical text after; `None` where it exists no longer.
    pub after: Option<Cow<'a, str>>,
}

impl<'a> Document<'a> {
    /// Opens the canonical text of an object; the empty text is the empty object.
    pub fn new(text: &'a str) -> Self {
        let object = Object::open(&Cow::Borrowed(text));
        let original = |member: &Member<'a>| match member.node {
            Some(Node::Raw(Cow::Borrowed(text))) => text,
            // Opening borrowed text answers borrowed text.
            _ => "",
        };
        let originals = object.entries().iter().map(original).collect();
        Self {
            root: Node::Object(Box::new(object)),
            original: text,
            originals,
            bytes_bound: text.len(),
        }
    }

    /// Appends the canonical text.
    pub fn write(&self, out: &mut String) {
        self.root.write(out);
    }

    /// The text at a path; where the path leads nowhere there is none.
    pub(super) fn peek(&mut self, path: &Path) -> Option<Cow<'a, str>> {
        self.root.locate(path.elements()).ok()?.map(|node| node.text())
    }

    /// The place of a path, created where it is missing.
    pub(super) fn create(&mut self, path: &'a Path) -> Result<&mut Node<'a>> {
        let mut padding = 0;
        let mut names_bytes = 0;
        let mut node = &mut self.root;
        for element in path.elements() {
            node = node.create(element, &mut padding)?;
            names_bytes += match element {
                Element::Name(name) => name.len() + "\"\":,".len(),
                Element::Index(_) => "[],".len(),
            };
        }
        self.bytes_bound += names_bytes + padding * "null,".len();
        Ok(node)
    }

    /// Adds to the number at a path; what is no number there counts as 0.
    pub(super) fn add(&mut self, path: &'a Path, addend: Decimal) -> Result<()> {
        let node = self.create(path)?;
        let stored = node.text();
        // A number that nothing is added to stays as somebody wrote it.
        if addend.is_zero() && json::kind(&stored) == Kind::Number {
            return Ok(());
        }
        let sum = Decimal::of_json(&stored)?.plus(addend)?.text();
        let sum_bytes = sum.len();
        *node = Node::Raw(Cow::Owned(sum));
        self.grow(sum_bytes)
    }

    /// Notes that up to `bytes` were written.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<()> {
        self.bytes_bound += bytes;
        if self.bytes_bound <= 2 * TRANSIENT_FACTOR * BODY_BYTES_MAX {
            return Ok(());
        }
        // Counting is paid for by the growth since the last time.
        self.bytes_bound = self.root.text().len();
        if self.bytes_bound > TRANSIENT_FACTOR * BODY_BYTES_MAX {
            return Err(Problem::BodyTooLarge(self.bytes_bound));
        }
        Ok(())
    }

    /// Ends the changes: the new text and what differs from the beginning.
    pub fn finish(self) -> Checked<Outcome<'a>> {
        let mut text = String::with_capacity(self.bytes_bound.min(2 * BODY_BYTES_MAX));
        self.write(&mut text);
        if text == self.original || self.is_still_empty(&text) {
            return Ok(Outcome { text: None, deltas: Vec::new() });
        }
        if text.len() > BODY_BYTES_MAX {
            return Err(Problem::BodyTooLarge(text.len()).fault_of_call());
        }
        Ok(Outcome { text: Some(text), deltas: self.deltas() })
    }

    fn is_still_empty(&self, text: &str) -> bool {
        self.original.is_empty() && text == "{}"
    }

    fn deltas(self) -> Vec<Delta<'a>> {
        let Node::Object(root) = self.root else { return Vec::new() };
        let mut moved = rewritten(&root, &self.originals);
        let mut deltas = Vec::new();
        for (position, member) in root.into_entries().into_iter().enumerate() {
            let original = self.originals.get(position).copied();
            let after = member.node.map(Node::into_text);
            let (before, is_changed) = match (original, &after) {
                (Some(original), Some(after)) => (Some(original), original != after),
                (Some(original), None) => (Some(original), !moved.contains_key(&member.name)),
                (None, Some(_)) => (moved.remove(&member.name), true),
                (None, None) => (None, false),
            };
            if is_changed {
                deltas.push(Delta { key: unescaped(member.name), before, after });
            }
        }
        deltas
    }
}

/// The members of the beginning that were deleted and written again, with their former texts.
fn rewritten<'a>(root: &Object<'a>, originals: &[&'a str]) -> HashMap<Cow<'a, str>, &'a str> {
    let (former, added) = root.entries().split_at(originals.len());
    let deleted: HashMap<&str, &'a str> = former
        .iter()
        .zip(originals)
        .filter(|(member, _)| member.node.is_none())
        .map(|(member, original)| (&*member.name, *original))
        .collect();
    if deleted.is_empty() {
        return HashMap::new();
    }
    let living = added.iter().filter(|member| member.node.is_some());
    living.filter_map(|member| Some((member.name.clone(), *deleted.get(&*member.name)?))).collect()
}

fn unescaped(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => json::unescape(name),
        Cow::Owned(name) => Cow::Owned(json::unescape(&name).into_owned()),
    }
}
