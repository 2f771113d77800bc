//! An opened object: members in order, found by scanning while that is cheap, else by an index.
//!
//! A removed member leaves an empty entry behind, so that positions never move: the index stays
//! right and the members that a document began with stay recognisable.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::json;

use super::node::Node;

/// Objects with more members than this, looked into more often than `SCANS_MAX` times, get an
/// index: without it a merge of two large objects would take quadratic time.
const SCANNED_MEMBERS_MAX: usize = 32;

/// See `SCANNED_MEMBERS_MAX`; building an index costs as much as some tens of scans.
const SCANS_MAX: usize = 32;

/// A guess for the memory of an object that is being opened.
const TYPICAL_MEMBER_BYTES: usize = 24;

/// One member, or what is left of a removed one.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// The inside of the name's JSON string.
    pub(super) name: Cow<'a, str>,
    /// `None` where the member was removed.
    pub(super) node: Option<Node<'a>>,
}

/// The members of an object.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    members: Vec<Member<'a>>,
    index: Option<HashMap<Cow<'a, str>, usize>>,
    scans: usize,
}

impl<'a> Object<'a> {
    /// Opens one level of a canonical object.
    pub(super) fn open(text: &Cow<'a, str>) -> Self {
        // Most members are longer: most objects then need one allocation.
        let mut members = Vec::with_capacity(text.len() / TYPICAL_MEMBER_BYTES);
        match text {
            Cow::Borrowed(text) => members.extend(
                json::members(text)
                    .map(|(name, value)| Member::new(Cow::Borrowed(name), Cow::Borrowed(value))),
            ),
            Cow::Owned(text) => members.extend(json::members(text).map(|(name, value)| {
                Member::new(Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned()))
            })),
        }
        Self { members, ..Self::default() }
    }

    /// All entries in order, also those of removed members.
    pub(super) fn entries(&self) -> &[Member<'a>] {
        &self.members
    }

    /// All entries in order, given away.
    pub(super) fn into_entries(self) -> Vec<Member<'a>> {
        self.members
    }

    /// Where the member of this name is.
    fn position(&mut self, name: &str) -> Option<usize> {
        if self.index.is_none() && self.members.len() > SCANNED_MEMBERS_MAX {
            self.scans += 1;
            if self.scans > SCANS_MAX {
                self.build_index();
            }
        }
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => {
                self.members.iter().position(|member| member.name == name && member.node.is_some())
            }
        }
    }

    fn build_index(&mut self) {
        let living = self.members.iter().enumerate().filter(|(_, member)| member.node.is_some());
        let index = living.map(|(position, member)| (member.name.clone(), position)).collect();
        self.index = Some(index);
    }

    /// The member of this name.
    pub(super) fn get(&mut self, name: &str) -> Option<&mut Node<'a>> {
        let position = self.position(name)?;
        self.members[position].node.as_mut()
    }

    /// The member of this name; a missing one is appended as null.
    pub(super) fn get_or_append(&mut self, name: Cow<'a, str>) -> &mut Node<'a> {
        let position = self.position(&name).unwrap_or_else(|| {
            if let Some(index) = &mut self.index {
                index.insert(name.clone(), self.members.len());
            }
            self.members.push(Member { name, node: None });
            self.members.len() - 1
        });
        self.members[position].node.get_or_insert_with(Node::null)
    }

    /// Removes the member of this name; says whether there was one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(position) = self.position(name) else { return false };
        if let Some(index) = &mut self.index {
            index.remove(name);
        }
        self.members[position].node = None;
        true
    }

    /// Appends the canonical text.
    pub(super) fn write(&self, out: &mut String) {
        let mut separator = '{';
        for member in &self.members {
            let Some(node) = &member.node else { continue };
            out.push(separator);
            out.push('"');
            out.push_str(&member.name);
            out.push_str("\":");
            node.write(out);
            separator = ',';
        }
        if separator == '{' {
            out.push('{');
        }
        out.push('}');
    }
}

impl<'a> Member<'a> {
    fn new(name: Cow<'a, str>, value: Cow<'a, str>) -> Self {
        Self { name, node: Some(Node::Raw(value)) }
    }
}
