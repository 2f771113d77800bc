//! The change log: the changes of one batch become one segment, in the same commit.

use prost::Message;

use crate::member::View;
use crate::store::{Table, keys, records};
use crate::wire::storage::{ChangeList, ChangeRecord, ChangeSegment};

/// Writes the changes of a batch; `first_revision` is that of the first of them.
pub fn append(
    view: &mut View<'_>,
    space_number: u32,
    time_seconds: i64,
    first_revision: u64,
    changes: Vec<ChangeRecord>,
) {
    if changes.is_empty() {
        return;
    }
    let count = u32::try_from(changes.len()).expect("a batch holds fewer than 2^32 steps");
    let (content, content_bytes) = records::pack_changes(&ChangeList { changes });
    let segment = ChangeSegment { time_seconds, space_number, count, content, content_bytes };
    let key = keys::owned(|key| keys::change(key, first_revision));
    view.put(Table::Changes, &key, &segment.encode_to_vec());
}
