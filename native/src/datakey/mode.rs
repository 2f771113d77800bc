//! The modes of changes, apart from where their value comes from.

use crate::wire::v1::DatakeyMode;

/// What a change does with its datakey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Replaces whatever is there.
    Set,
    /// Replaces only what exists.
    Update,
    /// Writes only where nothing exists.
    Insert,
    /// Sets each member of an object value.
    Merge,
    /// Updates only the members that exist.
    MergeUpdate,
    /// Adds only the members that are missing.
    MergeInsert,
    /// Appends to an array.
    Push,
    /// Puts in front of an array.
    Unshift,
    /// Removes.
    Delete,
}

impl Mode {
    /// The mode of the contract, and whether it takes its value from another datakey.
    pub(super) fn of_wire(mode: DatakeyMode) -> Option<(Self, bool)> {
        use DatakeyMode as W;
        Some(match mode {
            W::Unspecified => return None,
            W::Set => (Self::Set, false),
            W::Update => (Self::Update, false),
            W::Insert => (Self::Insert, false),
            W::Merge => (Self::Merge, false),
            W::MergeUpdate => (Self::MergeUpdate, false),
            W::MergeInsert => (Self::MergeInsert, false),
            W::Push => (Self::Push, false),
            W::Unshift => (Self::Unshift, false),
            W::Delete => (Self::Delete, false),
            W::SetCopy => (Self::Set, true),
            W::UpdateCopy => (Self::Update, true),
            W::InsertCopy => (Self::Insert, true),
            W::MergeCopy => (Self::Merge, true),
            W::MergeUpdateCopy => (Self::MergeUpdate, true),
            W::MergeInsertCopy => (Self::MergeInsert, true),
            W::PushCopy => (Self::Push, true),
            W::UnshiftCopy => (Self::Unshift, true),
        })
    }

    /// Whether a value that is no array lies one level deeper than the datakey.
    pub(super) fn wraps(self) -> bool {
        matches!(self, Self::Push | Self::Unshift)
    }
}
