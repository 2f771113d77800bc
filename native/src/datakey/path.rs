//! The grammar of datakeys: elements joined by dots, `[n]` for elements of arrays.
//!
//! Inside a name `\.` `\[` `\]` `\\` stand for the characters themselves. Names are kept in the
//! canonical spelling of JSON strings, so that they compare with names of documents byte by byte.

use std::borrow::Cow;

use crate::fault::Result as Checked;
use crate::json;

use super::problem::{Problem, Result};

/// How many elements a path may have: deeper than any real record, below the levels of JSON.
pub const PATH_ELEMENTS_MAX: usize = 32;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Element {
    /// The member of an object; the name in the canonical spelling of JSON strings.
    Name(String),
    /// The element of an array.
    Index(Index),
}

/// Which element of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// From the front, 0 is the first.
    Front(usize),
    /// From the back, 1 is the last existing.
    Back(usize),
}

impl Index {
    /// The position in an array of `length` elements; `None` where it lies before the first.
    pub fn position(self, length: usize) -> Option<usize> {
        match self {
            Self::Front(position) => Some(position),
            Self::Back(distance) => length.checked_sub(distance),
        }
    }
}

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One place.
    Element(Element),
    /// `*`: every member of an object.
    EveryMember,
    /// `[*]`: every element of an array.
    EveryElement,
}

/// A datakey that addresses one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
    elements: Vec<Element>,
}

impl Path {
    /// Parses the path of the change number `index`.
    pub fn parse(index: usize, text: &str) -> Checked<Self> {
        Self::new(text).map_err(|problem| problem.fault(index, text))
    }

    pub(super) fn new(text: &str) -> Result<Self> {
        let single = |step| match step {
            Step::Element(element) => Ok(element),
            Step::EveryMember | Step::EveryElement => Err(Problem::Wildcard),
        };
        let elements = steps(text)?.into_iter().map(single).collect::<Result<_>>()?;
        Ok(Self { text: text.to_owned(), elements })
    }

    /// The path of these steps, which may have names that no caller could write.
    pub fn of_elements(elements: Vec<Element>) -> Self {
        let mut text = String::new();
        for element in &elements {
            match element {
                Element::Name(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    for char in json::unescape(name).chars() {
                        if ".[]\\".contains(char) {
                            text.push('\\');
                        }
                        text.push(char);
                    }
                }
                Element::Index(Index::Front(position)) => {
                    text.extend(["[", &position.to_string(), "]"]);
                }
                Element::Index(Index::Back(distance)) => {
                    text.extend(["[-", &distance.to_string(), "]"]);
                }
            }
        }
        Self { text, elements }
    }

    /// The same path under another text, for faults: what rows fill in is nobody else's business.
    pub(super) fn renamed(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The path as the caller wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The steps from the root object; at least one, the first is a name.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// Whether the path belongs to a pseudo-key of the system instead of the member's data.
    pub fn reserved(&self) -> Option<Reserved<'_>> {
        let (first, rest) = self.elements.split_first()?;
        Reserved::of(&self.text, first, rest)
    }
}

/// A datakey for reading, which may address many places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    steps: Vec<Step>,
}

impl Pattern {
    /// Parses the datakey number `index` of those to read.
    pub fn parse(index: usize, text: &str) -> Checked<Self> {
        let steps = steps(text).map_err(|problem| problem.fault(index, text))?;
        Ok(Self { text: text.to_owned(), steps })
    }

    /// The pattern as the caller wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The steps from the root object; at least one, the first is a name or `*`.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the pattern may find more than one value.
    pub fn has_wildcard(&self) -> bool {
        self.steps.iter().any(|step| !matches!(step, Step::Element(_)))
    }

    /// Whether the pattern is `*`, everything.
    pub fn is_everything(&self) -> bool {
        self.steps == [Step::EveryMember]
    }

    /// Whether the pattern belongs to a pseudo-key of the system instead of the member's data.
    pub fn reserved(&self) -> Option<Reserved<'_>> {
        let Some(Step::Element(first)) = self.steps.first() else { return None };
        let rest: Vec<Element> = self.steps[1..].iter().map_while(Step::element).collect();
        let whole = rest.len() + 1 == self.steps.len();
        match Reserved::of(&self.text, first, &rest)? {
            Reserved::Group(_) if !whole => Some(Reserved::Group(None)),
            reserved => Some(reserved),
        }
    }
}

impl Step {
    fn element(&self) -> Option<Element> {
        match self {
            Self::Element(element) => Some(element.clone()),
            Self::EveryMember | Self::EveryElement => None,
        }
    }
}

/// The pseudo-keys of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved<'p> {
    /// `member`, with the text behind `member.`; empty for `member` alone.
    Member(&'p str),
    /// `-group`, with the group id where exactly one name follows.
    Group(Option<Cow<'p, str>>),
}

impl<'p> Reserved<'p> {
    const MEMBER: &'static str = "member";
    const GROUP: &'static str = "-group";

    fn of(text: &'p str, first: &Element, rest: &[Element]) -> Option<Self> {
        match first {
            // Both names are spelled in one way only, so the text begins with them.
            Element::Name(name) if name == Self::MEMBER => {
                let behind = &text[Self::MEMBER.len()..];
                Some(Self::Member(behind.strip_prefix('.').unwrap_or(behind)))
            }
            Element::Name(name) if name == Self::GROUP => Some(Self::Group(match rest {
                [Element::Name(id)] => Some(Cow::Owned(json::unescape(id).into_owned())),
                _ => None,
            })),
            _ => None,
        }
    }
}

fn steps(text: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (step, behind) = name(rest)?;
        steps.push(step);
        rest = behind;
        while let Some(behind) = rest.strip_prefix('[') {
            let (inside, behind) = behind.split_once(']').ok_or(Problem::PathInvalid)?;
            steps.push(index(inside)?);
            rest = behind;
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None if rest.is_empty() => break,
            None => return Err(Problem::PathInvalid),
        }
    }
    if steps.len() > PATH_ELEMENTS_MAX {
        return Err(Problem::PathTooLong(steps.len()));
    }
    Ok(steps)
}

/// Reads a name up to a dot, a bracket or the end.
fn name(text: &str) -> Result<(Step, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(['.', '[', ']', '\\']).unwrap_or(rest.len());
        json::escape(&rest[..end], &mut name);
        rest = &rest[end..];
        let Some(escaped) = rest.strip_prefix('\\') else { break };
        let char = escaped.chars().next().filter(|char| ".[]\\".contains(*char));
        let char = char.ok_or(Problem::PathInvalid)?;
        json::escape(char.encode_utf8(&mut [0; 4]), &mut name);
        rest = &escaped[1..];
    }
    match name.as_str() {
        "" => Err(Problem::PathInvalid),
        "*" => Ok((Step::EveryMember, rest)),
        _ => Ok((Step::Element(Element::Name(name)), rest)),
    }
}

/// Reads what is inside of brackets: `*` or a whole number in its shortest spelling.
fn index(inside: &str) -> Result<Step> {
    if inside == "*" {
        return Ok(Step::EveryElement);
    }
    let (digits, is_back) = match inside.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (inside, false),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = !digits.starts_with('0') || inside == "0";
    if !is_number || !is_shortest {
        return Err(Problem::PathInvalid);
    }
    // A number beyond `usize` is beyond every array, like the largest one.
    let number = digits.parse().unwrap_or(usize::MAX);
    let index = if is_back { Index::Back(number) } else { Index::Front(number) };
    Ok(Step::Element(Element::Index(index)))
}
