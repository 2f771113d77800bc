//! What differs between two states of a member's data, as small as objects allow, and taking it
//! back later while keeping what was changed since.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::fault::Result as Checked;
use crate::json::{self, Kind};

use super::document::Document;
use super::mode::Mode;
use super::path::{Element, PATH_ELEMENTS_MAX, Path};
use super::read::Reader;

/// One place that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: Path,
    /// The canonical text before; `None` where there was nothing.
    pub before: Option<String>,
    /// The canonical text after; `None` where there is nothing.
    pub after: Option<String>,
    /// The names that the object around it had, in their order, where that lost some or has them in
    /// another order: so that what comes back comes to its place. The first difference has them.
    pub siblings: Vec<String>,
}

impl Difference {
    /// Whether only the order around it differs, which no caller sees as a change.
    pub fn is_of_order(&self) -> bool {
        self.before == self.after
    }
}

/// The differences of two canonical objects, in the order of the first, then of the second.
/// Objects that both have are compared inside; everything else is one value.
pub fn differences(before: &str, after: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), before, after, &mut found);
    found
}

fn compare(above: &mut Vec<Element>, before: &str, after: &str, found: &mut Vec<Difference>) {
    let later: HashMap<&str, &str> = json::members(after).collect();
    let places: HashMap<&str, usize> =
        json::members(before).enumerate().map(|(place, (name, _))| (name, place)).collect();
    let pairs = json::members(before).map(|(name, value)| (name, Some(value), later.get(name)));
    let added = json::members(after).filter(|(name, _)| !places.contains_key(name));
    let added = added.map(|(name, _)| (name, None, later.get(name)));
    let kept = json::members(after).filter_map(|(name, _)| places.get(name));
    let lost = json::members(before).any(|(name, _)| !later.contains_key(name));
    let names = json::members(before).map(|(name, _)| name.to_owned());
    let keeps_order = !lost && kept.is_sorted();
    let mut siblings = if keeps_order { Vec::new() } else { names.collect() };
    for (name, before, after) in pairs.chain(added) {
        let after = after.copied();
        if before == after {
            continue;
        }
        above.push(Element::Name(name.to_owned()));
        match (before, after) {
            (Some(before), Some(after))
                if above.len() < PATH_ELEMENTS_MAX
                    && json::kind(before) == Kind::Object
                    && json::kind(after) == Kind::Object =>
            {
                compare(above, before, after, found);
            }
            _ => {
                found.push(Difference {
                    path: Path::of_elements(above.clone()),
                    before: before.map(str::to_owned),
                    after: after.map(str::to_owned),
                    siblings: std::mem::take(&mut siblings),
                });
            }
        }
        above.pop();
    }
    if let Some(first) = siblings.first() {
        above.push(Element::Name(first.clone()));
        let path = Path::of_elements(above.clone());
        found.push(Difference { path, before: None, after: None, siblings });
        above.pop();
    }
}

/// What taking differences back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The data, canonical.
    pub data: String,
    /// The positions of the differences that stay, because the place was changed since.
    pub kept: Vec<usize>,
}

/// Takes differences back where the data are still as they left them.
pub fn take_back(data: &str, differences: &[Difference]) -> Checked<TakenBack> {
    let mut kept = Vec::new();
    let mut document = Document::new(data);
    let mut reader = Reader::new(data);
    let changed =
        differences.iter().enumerate().filter(|(_, difference)| !difference.is_of_order());
    for (position, difference) in changed {
        let path = &difference.path;
        let now = reader.at(path);
        if now != difference.after.as_deref() {
            if now != difference.before.as_deref() {
                kept.push(position);
            }
            continue;
        }
        if !has_room(&mut reader, path) {
            kept.push(position);
            continue;
        }
        match &difference.before {
            Some(value) => document.write_value(path, Mode::Set, Cow::Borrowed(value)),
            None => document.delete(path),
        }
        .map_err(|problem| problem.fault_of_call().with("path", path.text()))?;
    }
    let mut text = String::new();
    document.write(&mut text);
    let orders: HashMap<&[Element], &[String]> = differences
        .iter()
        .filter(|difference| !difference.siblings.is_empty())
        .filter_map(|difference| {
            let (_, above) = difference.path.elements().split_last()?;
            Some((above, difference.siblings.as_slice()))
        })
        .collect();
    if orders.is_empty() {
        return Ok(TakenBack { data: text, kept });
    }
    let mut data = String::with_capacity(text.len());
    arrange(&text, &mut Vec::new(), &orders, &mut data);
    Ok(TakenBack { data, kept })
}

/// Writes an object with the members of some in a former order; new ones follow.
fn arrange(
    text: &str,
    above: &mut Vec<Element>,
    orders: &HashMap<&[Element], &[String]>,
    out: &mut String,
) {
    let mut members: Vec<(&str, &str)> = json::members(text).collect();
    if let Some(order) = orders.get(above.as_slice()) {
        let places: HashMap<&str, usize> =
            order.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        members.sort_by_key(|(name, _)| places.get(name).copied().unwrap_or(usize::MAX));
    }
    let mut separator = '{';
    for (name, value) in members {
        out.push(separator);
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        separator = ',';
        if json::kind(value) == Kind::Object && value != "{}" {
            above.push(Element::Name(name.to_owned()));
            arrange(value, above, orders, out);
            above.pop();
        } else {
            out.push_str(value);
        }
    }
    if separator == '{' {
        out.push('{');
    }
    out.push('}');
}

/// Whether a value can be put at a path: nothing above it is an array or a scalar by now.
fn has_room(reader: &mut Reader<'_>, path: &Path) -> bool {
    let names = path.elements();
    (1..names.len()).all(|length| {
        let above = reader.at(&Path::of_elements(names[..length].to_vec()));
        above.is_none_or(|value| matches!(json::kind(value), Kind::Object | Kind::Null))
    })
}
