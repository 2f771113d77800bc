//! Merges and where their members find them.

use super::page::{Entry, fetch};
use super::{Problems, Store, is_given};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::MergeRecord;

/// Every merge is of numbers that were given out, and both members find it.
pub fn merges(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Merges;
    let mut entries = Vec::new();
    for entry in page {
        let parsed = keys::parse_numbered(TABLE, &entry.key);
        let Some((space, merge_id)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<MergeRecord>(TABLE, &entry.value);
        let Some(merge) = problems.accept(TABLE, decoded) else { continue };
        let Some(counters) = store.space(problems, TABLE, space) else { continue };
        if !is_given(merge_id, store.header.revision + 1) {
            problems.in_space(TABLE, space, &format!("merge {merge_id} is of the future"));
        }
        for member in [merge.receiver_dataset_id, merge.source_dataset_id] {
            if !is_given(member, counters.next_dataset_id) {
                let problem = format!("merge {merge_id} has member {member}, never given out");
                problems.in_space(TABLE, space, &problem);
            }
            let key = keys::owned(|key| keys::member_merge(key, space, member, merge_id));
            entries.push((key, (space, member, merge_id)));
        }
    }
    fetch(store.snapshot, Table::MemberMerges, entries, &mut |&(space, member, id), value| {
        if value.is_none() {
            problems.in_space(TABLE, space, &format!("member {member} does not find merge {id}"));
        }
    })
}

/// Every entry of a member leads to a merge of it.
pub fn members(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::MemberMerges;
    let mut merges = Vec::new();
    for entry in page {
        let parsed = keys::parse_member_merge(&entry.key);
        let Some((space, member, merge_id)) = problems.accept(TABLE, parsed) else { continue };
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        let key = keys::owned(|key| keys::merge(key, space, merge_id));
        merges.push((key, (space, member, merge_id)));
    }
    fetch(store.snapshot, Table::Merges, merges, &mut |&(space, member, merge_id), value| {
        let merge = value.and_then(|value| decode::<MergeRecord>(Table::Merges, value).ok());
        let is_theirs = merge.is_some_and(|merge| {
            [merge.receiver_dataset_id, merge.source_dataset_id].contains(&member)
        });
        if !is_theirs {
            let problem = format!("member {member} has merge {merge_id}, which is not of it");
            problems.in_space(TABLE, space, &problem);
        }
    })
}
