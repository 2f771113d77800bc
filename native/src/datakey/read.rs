//! Reading at a datakey: one value, or all that a pattern finds.

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
    let mut out = String::new();
    find(text, pattern.steps(), &mut out).then_some(out)
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
