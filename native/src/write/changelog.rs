//! The change log: the changes of one batch become one segment, in the same commit.

use prost::encoding::message;

use crate::member::View;
use crate::store::{Table, keys, records};
use crate::wire::storage::{ChangeRecord, ChangeSegment};

/// The field `changes` of a `ChangeList`.
const CHANGES_TAG: u32 = 1;

/// The changes of a batch, encoded as they come: a batch changes as much as it holds.
#[derive(Debug, Default)]
pub struct Changes {
    /// An encoded `ChangeList`.
    encoded: Vec<u8>,
    count: u32,
}

impl Changes {
    /// Adds a change.
    pub fn push(&mut self, change: &ChangeRecord) {
        message::encode(CHANGES_TAG, change, &mut self.encoded);
        self.count += 1;
    }

    /// Writes the segment; `first_revision` is that of the first change.
    pub fn write(
        self,
        view: &mut View<'_>,
        space_number: u32,
        time_seconds: i64,
        first_revision: u64,
    ) {
        if self.count == 0 {
            return;
        }
        let (content, content_bytes) = records::pack(self.encoded);
        let segment =
            ChangeSegment { time_seconds, space_number, count: self.count, content, content_bytes };
        let key = keys::owned(|key| keys::change(key, first_revision));
        view.put_record(Table::Changes, &key, &segment);
    }
}
