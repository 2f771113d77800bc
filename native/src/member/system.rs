//! The few changes that a caller may make through the system keys `member` and `-group` of seed
//! 002.

use std::borrow::Cow;

use crate::datakey::Reserved;
use crate::fault::{Failure, Fault};
use crate::json;
use crate::member::View;
use crate::member::events;
use crate::member::origins::OriginName;
use crate::wire::storage::HeadRecord;
use crate::wire::v1::{DatakeyChange, DatakeyMode, ErrorReason};

/// Bytes of a group id; ids are short codes.
const GROUP_ID_BYTES_MAX: usize = 128;
/// List groups of one head.
const GROUPS_PER_HEAD_MAX: usize = 1_000;

/// Refuses what is no code of a list group.
pub fn check_group_id(id: &str) -> Result<(), Fault> {
    if id.is_empty() {
        return Err(Fault::required("group_id"));
    }
    if id.len() > GROUP_ID_BYTES_MAX {
        return Err(Fault::limit("group_id", GROUP_ID_BYTES_MAX, id.len()));
    }
    Ok(())
}

/// A change of a head that a caller makes through a system key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadChange {
    /// `-group.ID` set "1".
    JoinGroup(String),
    /// `-group.ID` delete.
    LeaveGroup(String),
    /// `member.error.error` delete.
    ClearErrors,
    /// `member.lockconfirm` set "1".
    RequireConfirmation,
    /// `member.origin` set to a number or a label.
    Origin(OriginName),
    /// Whether the subscriber takes messages: the column `/status` of an import.
    Subscribed(bool),
}

impl HeadChange {
    /// What a change of a system key asks for: `None` where it is ignored, a fault where seed 002
    /// says that it fails.
    /// `index` is its place among the changes of the step.
    pub fn compile(
        index: usize,
        change: &DatakeyChange,
        reserved: &Reserved<'_>,
    ) -> Result<Option<Self>, Fault> {
        let sets_one = change.mode() == DatakeyMode::Set && is_one(&change.value);
        let deletes = change.mode() == DatakeyMode::Delete;
        let refused = |message: &str| {
            Err(Fault::new(ErrorReason::DatakeyReserved, message).with("path", &change.path))
        };
        match reserved {
            Reserved::Group(Some(id)) => {
                check_group_id(id)?;
                match (sets_one, deletes) {
                    (true, _) => Ok(Some(Self::JoinGroup(id.to_string()))),
                    (_, true) => Ok(Some(Self::LeaveGroup(id.to_string()))),
                    _ => refused("-group.ID takes mode set with \"1\", or mode delete."),
                }
            }
            Reserved::Group(None) => Ok(None),
            Reserved::Member(path) => match *path {
                "error.error" if deletes => Ok(Some(Self::ClearErrors)),
                "error.error" => refused("member.error.error takes mode delete only."),
                "lockconfirm" if sets_one => Ok(Some(Self::RequireConfirmation)),
                "lockconfirm" => refused("member.lockconfirm takes mode set with \"1\" only."),
                "origin" => match origin_name(index, change) {
                    Some(name) => Ok(Some(Self::Origin(name))),
                    None => refused("member.origin takes mode set with a number or a label."),
                },
                _ => Ok(None),
            },
        }
    }

    /// Refuses a head that has too much after its changes.
    pub fn check(head: &HeadRecord) -> Result<(), Fault> {
        if head.groups.len() > GROUPS_PER_HEAD_MAX {
            return Err(Fault::limit("groups", GROUPS_PER_HEAD_MAX, head.groups.len()));
        }
        events::check_stops(head)
    }

    /// The same change with the number of an origin that is named by its label.
    pub fn resolved(&self, view: &mut View<'_>, space: u32) -> Result<Cow<'_, Self>, Failure> {
        match self {
            Self::Origin(name) if name.is_label() => {
                let number = name.resolve(view, space)?;
                Ok(Cow::Owned(Self::Origin(OriginName::Number(number))))
            }
            _ => Ok(Cow::Borrowed(self)),
        }
    }

    /// Makes the change, which is resolved.
    pub fn apply(&self, head: &mut HeadRecord, now_seconds: i64) {
        match self {
            Self::JoinGroup(id) => {
                head.groups.entry(id.clone()).or_insert(now_seconds);
            }
            Self::LeaveGroup(id) => {
                head.groups.remove(id);
            }
            Self::ClearErrors => events::clear_errors(head, now_seconds),
            Self::RequireConfirmation if head.confirm_lock => {}
            Self::RequireConfirmation => {
                head.confirm_lock = true;
                head.confirm_lock_seconds = now_seconds;
            }
            Self::Origin(name) => head.origin = name.number(),
            Self::Subscribed(takes) => events::set_subscribed(head, *takes, now_seconds),
        }
    }
}

/// "1" as a JSON string, or the number 1.
fn is_one(value: &[u8]) -> bool {
    matches!(value.trim_ascii(), b"1" | b"\"1\"")
}

/// Digits, as a JSON number or string, are a number; another string is a label.
fn origin_name(index: usize, change: &DatakeyChange) -> Option<OriginName> {
    if change.mode() != DatakeyMode::Set {
        return None;
    }
    let mut canonical = String::new();
    json::canonicalize(&change.value, &mut canonical).ok()?;
    let text = json::string(&canonical);
    let is_text = text.is_some();
    let text = text.unwrap_or_else(|| canonical.as_str().into());
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(OriginName::Number);
    }
    let label = text.trim();
    let place = [("index", index.to_string()), ("path", change.path.clone())];
    (is_text && !label.is_empty()).then(|| OriginName::of_label(label, &place))
}
