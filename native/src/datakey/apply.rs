//! The modes: what a change does to a document (seed 002, member.set).

use std::borrow::Cow;

use crate::fault::{Fault, Result as Checked};
use crate::json::{self, Kind};
use crate::wire::v1::ErrorReason;

use super::change::{Change, Operand, canonical, check_levels, quoted};
use super::document::{Document, Outcome};
use super::mode::Mode;
use super::moment::Moment;
use super::node::Node;
use super::path::Path;
use super::problem::{Problem, Result};

/// How large the data of a member may be: every change reads and writes all of it.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Where copy modes read.
#[derive(Debug)]
pub enum CopySource<'a> {
    /// The member that is changed, as the earlier changes left it.
    Itself,
    /// Another member, or data of the call.
    Other(Document<'a>),
    /// A member that does not exist, where that counts as null.
    MissingWritesNull,
    /// A member that does not exist, where copies are left out.
    MissingSkips,
}

/// What one change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The value was written or removed, be it equal to the former one.
    Written,
    /// The mode leaves this document as it is.
    Ignored,
}

/// Applies the changes in order, each seeing the earlier ones, all or none.
pub fn apply_all<'a>(
    text: &'a str,
    changes: &'a [Change],
    mut source: CopySource<'a>,
    moment: &Moment,
) -> Checked<Outcome<'a>> {
    let mut document = Document::new(text);
    for change in changes {
        document.apply(change, &mut source, moment)?;
    }
    document.finish()
}

/// The canonical text of the data that a call gives to copy from.
pub fn copy_data(data: &[u8]) -> Checked<String> {
    const FIELD: &str = "copy_source.data";
    let text = canonical(data).map_err(|problem| problem.fault_of_call().with("field", FIELD))?;
    if json::kind(&text) == Kind::Object {
        return Ok(text);
    }
    Err(Fault::new(ErrorReason::FieldInvalid, "The data to copy from must be a JSON object.")
        .with("field", FIELD))
}

impl<'a> Document<'a> {
    /// Applies one change.
    pub fn apply(
        &mut self,
        change: &'a Change,
        source: &mut CopySource<'a>,
        moment: &Moment,
    ) -> Checked<Applied> {
        self.apply_change(change, source, moment)
            .map_err(|problem| problem.fault(change.index(), change.path().text()))
    }

    fn apply_change(
        &mut self,
        change: &'a Change,
        source: &mut CopySource<'a>,
        moment: &Moment,
    ) -> Result<Applied> {
        let value = match change.operand() {
            Operand::Nothing => return self.delete(change.path()),
            Operand::Json(value) => Cow::Borrowed(value.as_str()),
            Operand::Current(date_type, current) => {
                Cow::Owned(quoted(&date_type.evaluate(current, moment)?))
            }
            Operand::Copy(from, date_type) => {
                let found = match source {
                    CopySource::Itself => self.peek(from),
                    CopySource::Other(document) => document.peek(from),
                    // The caller has asked for this null: no type stands against it.
                    CopySource::MissingWritesNull => {
                        return self.write_value(change.path(), change.mode(), "null".into());
                    }
                    CopySource::MissingSkips => return Ok(Applied::Ignored),
                };
                let value = found.unwrap_or(Cow::Borrowed("null"));
                match date_type {
                    None => value,
                    Some(date_type) => {
                        let text = json::string(&value).ok_or_else(|| date_type.refuse(&value))?;
                        Cow::Owned(quoted(&date_type.resolve(&text, moment)?))
                    }
                }
            }
        };
        check_levels(change.path(), change.mode(), &value)?;
        self.write_value(change.path(), change.mode(), value)
    }

    /// Does what `mode` says with a value that fits into the levels of JSON.
    pub(super) fn write_value(
        &mut self,
        path: &'a Path,
        mode: Mode,
        value: Cow<'a, str>,
    ) -> Result<Applied> {
        let value_bytes = value.len();
        let value = Node::Raw(value);
        let applied = match mode {
            Mode::Set => self.set(path, value)?,
            Mode::Update => self.update(path, value)?,
            Mode::Insert => self.insert(path, value)?,
            Mode::Merge | Mode::MergeUpdate | Mode::MergeInsert => self.merge(path, mode, value)?,
            Mode::Push | Mode::Unshift => self.extend(path, mode, value)?,
            Mode::Delete => self.delete(path)?,
        };
        self.grow(value_bytes + "[],".len())?;
        Ok(applied)
    }

    fn set(&mut self, path: &'a Path, value: Node<'a>) -> Result<Applied> {
        *self.create(path)? = value;
        Ok(Applied::Written)
    }

    fn update(&mut self, path: &Path, value: Node<'a>) -> Result<Applied> {
        let Some(node) = self.root.locate(path.elements())? else { return Ok(Applied::Ignored) };
        *node = value;
        Ok(Applied::Written)
    }

    fn insert(&mut self, path: &'a Path, value: Node<'a>) -> Result<Applied> {
        if self.root.locate(path.elements())?.is_some() {
            return Ok(Applied::Ignored);
        }
        self.set(path, value)
    }

    fn merge(&mut self, path: &'a Path, mode: Mode, mut value: Node<'a>) -> Result<Applied> {
        let members = std::mem::take(value.object().ok_or(Problem::NotAnObject)?).into_entries();
        let node = match self.root.locate(path.elements())? {
            Some(node) if !node.is_null() => node,
            _ if mode == Mode::MergeUpdate => return Ok(Applied::Ignored),
            // seed 002: where parts of a path are created, null does not exist.
            _ => {
                let node = self.create(path)?;
                *node = Node::Object(Box::default());
                node
            }
        };
        let object = node.object().ok_or(Problem::NotAnObject)?;
        for member in members {
            let Some(value) = member.node else { continue };
            let is_wanted = match mode {
                Mode::MergeUpdate => object.get(&member.name).is_some(),
                Mode::MergeInsert => object.get(&member.name).is_none(),
                _ => true,
            };
            if is_wanted {
                *object.get_or_append(member.name) = value;
            }
        }
        Ok(Applied::Written)
    }

    /// Puts the elements of an array, or one other value, at an end of the array at the path.
    fn extend(&mut self, path: &'a Path, mode: Mode, mut value: Node<'a>) -> Result<Applied> {
        let added = match value.array() {
            Some(elements) => std::mem::take(elements),
            None => [value].into(),
        };
        let node = match self.root.locate(path.elements())? {
            Some(node) if !node.is_null() => node,
            // seed 002: where parts of a path are created, null does not exist.
            _ => return self.set(path, Node::Array(added)),
        };
        let elements = node.array().ok_or(Problem::NotAnArray)?;
        if mode == Mode::Push {
            elements.extend(added);
        } else {
            added.into_iter().rev().for_each(|element| elements.push_front(element));
        }
        Ok(Applied::Written)
    }

    pub(super) fn delete(&mut self, path: &Path) -> Result<Applied> {
        let Some((last, parents)) = path.elements().split_last() else {
            return Ok(Applied::Ignored);
        };
        let removed = match self.root.locate(parents)? {
            Some(parent) => parent.remove(last)?,
            // A negative index in a missing array is an error in every mode.
            None => self.root.locate(path.elements())?.is_some(),
        };
        Ok(if removed { Applied::Written } else { Applied::Ignored })
    }
}
