//! Reading at a datakey: one value, or all that a pattern finds.

use rustc_hash::FxHashMap;

use crate::json::{self, Kind};

use super::path::{Element, Index, Path, Pattern, Step};

/// The value at one path of a canonical document.
pub fn read_path<'t>(text: &'t str, path: &Path) -> Option<&'t str> {
    path.elements().iter().try_fold(text, child)
}

/// The value at a pattern of a canonical document; `None` where there is none.
///
/// `*` answers an object and `[*]` an array of what is found behind it; members and elements
/// without the rest of the path are left out.
pub fn read(text: &str, pattern: &Pattern) -> Option<String> {
    find_from(text, pattern.steps(), &mut child)
}

/// Reads many patterns of one document: a container is scanned once and indexed when a second
/// pattern leads through it, so that a thousand paths into a large object cost a thousand look-ups.
/// What is behind a wildcard is scanned for each pattern.
#[derive(Debug)]
pub struct Reader<'t> {
    text: &'t str,
    /// By the address of the container's text.
    opened: FxHashMap<*const u8, Opened<'t>>,
}

#[derive(Debug)]
enum Opened<'t> {
    Once,
    Members(FxHashMap<&'t str, &'t str>),
    Elements(Vec<&'t str>),
}

impl<'t> Reader<'t> {
    /// A reader of a canonical document.
    pub fn new(text: &'t str) -> Self {
        Self { text, opened: FxHashMap::default() }
    }

    /// Like `read`.
    pub fn read(&mut self, pattern: &Pattern) -> Option<String> {
        find_from(self.text, pattern.steps(), &mut |value, element| self.child(value, element))
    }

    /// Like `read_path`.
    pub fn at(&mut self, path: &Path) -> Option<&'t str> {
        path.elements().iter().try_fold(self.text, |value, element| self.child(value, element))
    }

    fn child(&mut self, value: &'t str, element: &Element) -> Option<&'t str> {
        let Some(opened) = self.opened.get_mut(&value.as_ptr()) else {
            self.opened.insert(value.as_ptr(), Opened::Once);
            return child(value, element);
        };
        if matches!(opened, Opened::Once) {
            *opened = match json::kind(value) {
                Kind::Object => Opened::Members(json::members(value).collect()),
                _ => Opened::Elements(json::elements(value).collect()),
            };
        }
        match (opened, element) {
            (Opened::Members(members), Element::Name(name)) => members.get(name.as_str()).copied(),
            (Opened::Elements(elements), Element::Index(index)) => {
                elements.get(index.position(elements.len())?).copied()
            }
            _ => None,
        }
    }
}

/// Goes one step down from a value.
type Child<'c, 't> = &'c mut dyn FnMut(&'t str, &Element) -> Option<&'t str>;

/// What is at `steps` from the root; places before the first wildcard are found by `child`.
fn find_from<'t>(text: &'t str, steps: &[Step], child: Child<'_, 't>) -> Option<String> {
    let places = steps.iter().map_while(|step| match step {
        Step::Element(element) => Some(element),
        Step::EveryMember | Step::EveryElement => None,
    });
    let (mut value, mut rest) = (text, steps);
    for element in places {
        value = child(value, element)?;
        rest = &rest[1..];
    }
    let mut out = String::new();
    find(value, rest, &mut out).then_some(out)
}

/// Appends what is at `steps` from a value; says whether there was something.
fn find(value: &str, steps: &[Step], out: &mut String) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        out.push_str(value);
        return true;
    };
    match (step, json::kind(value)) {
        (Step::Element(element), _) => {
            child(value, element).is_some_and(|child| find(child, rest, out))
        }
        (Step::EveryMember, Kind::Object) => {
            find_each('{', json::members(value), '}', rest, out);
            true
        }
        (Step::EveryElement, Kind::Array) => {
            find_each('[', json::elements(value).map(|element| ("", element)), ']', rest, out);
            true
        }
        (Step::EveryMember | Step::EveryElement, _) => false,
    }
}

fn find_each<'t>(
    open: char,
    children: impl Iterator<Item = (&'t str, &'t str)>,
    close: char,
    rest: &[Step],
    out: &mut String,
) {
    out.push(open);
    let first_bytes = out.len();
    for (name, value) in children {
        let former_bytes = out.len();
        if former_bytes > first_bytes {
            out.push(',');
        }
        if open == '{' {
            out.push('"');
            out.push_str(name);
            out.push_str("\":");
        }
        if !find(value, rest, out) {
            out.truncate(former_bytes);
        }
    }
    out.push(close);
}

fn child<'t>(value: &'t str, element: &Element) -> Option<&'t str> {
    match element {
        Element::Name(name) => {
            json::members(value).find(|(member, _)| member == name).map(|(_, value)| value)
        }
        Element::Index(Index::Front(position)) => json::elements(value).nth(*position),
        Element::Index(index @ Index::Back(_)) => {
            let position = index.position(json::elements(value).count())?;
            json::elements(value).nth(position)
        }
    }
}
