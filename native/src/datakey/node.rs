//! One value of a document: text until a change steps into it, then one level of a tree.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::json::{self, Kind};

use super::object::Object;
use super::path::{Element, Index};
use super::problem::{Problem, Result};

/// Writing behind the end of an array pads it with null up to this many elements. An element
/// beyond can be addressed where it exists, but is not created: a typing error in an index must
/// not cost a body of nulls.
pub const ARRAY_ELEMENTS_MAX: usize = 10_000;

const NULL: &str = "null";

/// One value.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// Untouched canonical text.
    Raw(Cow<'a, str>),
    /// An opened object; boxed to keep the nodes of large arrays small.
    Object(Box<Object<'a>>),
    /// An opened array; values are put at both ends.
    Array(VecDeque<Node<'a>>),
}

impl<'a> Node<'a> {
    pub(super) fn null() -> Self {
        Self::Raw(Cow::Borrowed(NULL))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Raw(text) if text == NULL)
    }

    /// The members of an object; `None` for other values.
    pub(super) fn object(&mut self) -> Option<&mut Object<'a>> {
        self.open();
        match self {
            Self::Object(object) => Some(object),
            Self::Raw(_) | Self::Array(_) => None,
        }
    }

    /// The elements of an array; `None` for other values.
    pub(super) fn array(&mut self) -> Option<&mut VecDeque<Node<'a>>> {
        self.open();
        match self {
            Self::Array(elements) => Some(elements),
            Self::Raw(_) | Self::Object(_) => None,
        }
    }

    /// Opens one level of the text of an object or array.
    fn open(&mut self) {
        let Self::Raw(text) = self else { return };
        match json::kind(text) {
            Kind::Object => *self = Self::Object(Box::new(Object::open(text))),
            Kind::Array => *self = Self::Array(open_array(text)),
            Kind::String | Kind::Number | Kind::Boolean | Kind::Null => {}
        }
    }

    /// What exists at a path from here. Inside of null nothing exists.
    pub(super) fn locate(&mut self, elements: &[Element]) -> Result<Option<&mut Self>> {
        let mut node = self;
        for (depth, element) in elements.iter().enumerate() {
            node = match node.child(element)? {
                Some(child) => child,
                None if elements[depth + 1..].iter().any(is_back) => {
                    return Err(Problem::IndexInvalid);
                }
                None => return Ok(None),
            };
        }
        Ok(Some(node))
    }

    fn child(&mut self, element: &Element) -> Result<Option<&mut Self>> {
        if self.is_null() {
            return if is_back(element) { Err(Problem::IndexInvalid) } else { Ok(None) };
        }
        match element {
            Element::Name(name) => Ok(self.object().ok_or(Problem::NotAnObject)?.get(name)),
            Element::Index(index) => {
                let elements = self.array().ok_or(Problem::NotAnArray)?;
                let position = index.position(elements.len()).ok_or(Problem::IndexInvalid)?;
                Ok(elements.get_mut(position))
            }
        }
    }

    /// The place of an element; what is missing or null on the way is created. Adds the number of
    /// nulls that fill an array to `padding`.
    pub(super) fn create(
        &mut self,
        element: &'a Element,
        padding: &mut usize,
    ) -> Result<&mut Self> {
        let was_null = self.is_null();
        match element {
            Element::Name(name) => {
                if was_null {
                    *self = Self::Object(Box::default());
                }
                let object = self.object().ok_or(Problem::NotAnObject)?;
                Ok(object.get_or_append(Cow::Borrowed(name)))
            }
            Element::Index(index) => {
                if was_null {
                    *self = Self::Array(VecDeque::new());
                }
                element_created(self.array().ok_or(Problem::NotAnArray)?, *index, padding)
            }
        }
    }

    /// Removes a child; says whether there was one. The last element of an array is cut off,
    /// another becomes null.
    pub(super) fn remove(&mut self, element: &Element) -> Result<bool> {
        let Some(child) = self.child(element)? else { return Ok(false) };
        *child = Self::null();
        match (self, element) {
            (Self::Object(object), Element::Name(name)) => Ok(object.remove(name)),
            (Self::Array(elements), Element::Index(index)) => {
                if index.position(elements.len()) == elements.len().checked_sub(1) {
                    elements.pop_back();
                }
                Ok(true)
            }
            // `child` answers children of matching kinds only.
            _ => Ok(false),
        }
    }

    /// The canonical text; untouched text of the document is not copied.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Object(_) | Self::Array(_) => {
                let mut text = String::new();
                self.write(&mut text);
                Cow::Owned(text)
            }
        }
    }

    /// The canonical text, where the node is needed no longer.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Raw(text) => text,
            opened => opened.text(),
        }
    }

    /// Appends the canonical text.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Object(object) => object.write(out),
            Self::Array(elements) => {
                out.push('[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    element.write(out);
                }
                out.push(']');
            }
        }
    }
}

fn is_back(element: &Element) -> bool {
    matches!(element, Element::Index(Index::Back(_)))
}

fn open_array<'a>(text: &Cow<'a, str>) -> VecDeque<Node<'a>> {
    match text {
        Cow::Borrowed(text) => {
            json::elements(text).map(|element| Node::Raw(Cow::Borrowed(element))).collect()
        }
        Cow::Owned(text) => {
            json::elements(text).map(|element| Node::Raw(Cow::Owned(element.to_owned()))).collect()
        }
    }
}

fn element_created<'n, 'a>(
    elements: &'n mut VecDeque<Node<'a>>,
    index: Index,
    padding: &mut usize,
) -> Result<&'n mut Node<'a>> {
    let position = index.position(elements.len()).ok_or(Problem::IndexInvalid)?;
    if position >= elements.len() {
        if position >= ARRAY_ELEMENTS_MAX {
            return Err(Problem::IndexInvalid);
        }
        *padding += position - elements.len();
        elements.resize_with(position + 1, Node::null);
    }
    Ok(&mut elements[position])
}
