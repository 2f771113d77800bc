//! The change log: the changes of one batch become one segment, in the same commit.

use std::collections::HashMap;

use prost::encoding::message;
use rustc_hash::FxHashSet;

use crate::json;
use crate::member::View;
use crate::store::{StoreResult, Table, keys, records};
use crate::wire::storage::{ChangeList, ChangeRecord, ChangeSegment, DatakeyDelta};

/// The field `changes` of a `ChangeList`.
const CHANGES_TAG: u32 = 1;

/// The changes of a batch, encoded as they come: a batch changes as much as it holds.
#[derive(Debug, Default)]
pub struct Changes {
    /// An encoded `ChangeList`.
    encoded: Vec<u8>,
    count: u32,
    /// Who was changed, where somebody asks.
    members: Option<FxHashSet<u64>>,
}

impl Changes {
    /// Changes that know whom they have changed.
    pub fn with_members() -> Self {
        Self { members: Some(FxHashSet::default()), ..Self::default() }
    }

    /// Whether a member was changed; of changes that know it.
    pub fn has_changed(&self, dataset_id: u64) -> bool {
        self.members.as_ref().is_some_and(|members| members.contains(&dataset_id))
    }

    /// Adds a change.
    pub fn push(&mut self, change: &ChangeRecord) {
        if let Some(members) = &mut self.members {
            members.insert(change.dataset_id);
        }
        message::encode(CHANGES_TAG, change, &mut self.encoded);
        self.count += 1;
    }

    /// What was added.
    pub fn list(self) -> StoreResult<Vec<ChangeRecord>> {
        Ok(records::decode::<ChangeList>(Table::Changes, &self.encoded)?.changes)
    }

    /// How much there is, for `rewind`.
    pub fn mark(&self) -> (usize, u32) {
        (self.encoded.len(), self.count)
    }

    /// Takes back what came after a mark.
    pub fn rewind(&mut self, (bytes, count): (usize, u32)) {
        self.encoded.truncate(bytes);
        self.count = count;
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

/// What stays of a change whose member is erased: everything that is not listed here goes, also
/// what later versions add.
pub fn erased(change: &ChangeRecord) -> ChangeRecord {
    ChangeRecord {
        dataset_id: change.dataset_id,
        version: change.version,
        origin: change.origin,
        successor_dataset_id: change.successor_dataset_id,
        merge_id: change.merge_id,
        erased: true,
        ..Default::default()
    }
}

/// The top-level datakeys that differ between two canonical objects: those of the first in its
/// order, then those that only the second has.
pub fn deltas(before: &str, after: &str) -> Vec<DatakeyDelta> {
    let later: HashMap<&str, &str> = json::members(after).collect();
    let earlier: HashMap<&str, &str> = json::members(before).collect();
    let delta = |name: &str, before: &str, after: &str| DatakeyDelta {
        key: json::unescape(name).into_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let changed = json::members(before).filter_map(|(name, before)| {
        let after = later.get(name).copied().unwrap_or_default();
        (before != after).then(|| delta(name, before, after))
    });
    let added = json::members(after).filter(|(name, _)| !earlier.contains_key(name));
    changed.chain(added.map(|(name, after)| delta(name, "", after))).collect()
}
