//! List groups, and the index of the heads in them.

use super::page::{Entry, fetch};
use super::{Problems, Store};
use crate::store::records::decode;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{GroupRecord, HeadRecord};

/// Every group is of a space that is known, and has a code that somebody can name.
#[expect(clippy::unnecessary_wraps, reason = "the form of every check")]
pub fn groups(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Groups;
    for entry in page {
        let parsed = keys::parse_named(TABLE, &entry.key);
        let Some((space, id)) = problems.accept(TABLE, parsed) else { continue };
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        if std::str::from_utf8(id).is_err() {
            problems.in_space(TABLE, space, "the code of a group is no text");
        }
        problems.accept(TABLE, decode::<GroupRecord>(TABLE, &entry.value));
    }
    Ok(())
}

/// Every entry of the index is of a head that is in the group.
pub fn heads(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::GroupHeads;
    let mut heads = Vec::new();
    for entry in page {
        let parsed = keys::parse_group_head(&entry.key);
        let Some((space, group, head_id)) = problems.accept(TABLE, parsed) else { continue };
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        if !entry.value.is_empty() {
            problems.in_space(TABLE, space, &format!("an entry of head {head_id} has a value"));
        }
        let key = keys::owned(|key| keys::head(key, space, head_id));
        heads.push((key, (space, group, head_id)));
    }
    fetch(store.snapshot, Table::Heads, heads, &mut |&(space, group, head_id), value| {
        let head = value.and_then(|value| decode::<HeadRecord>(Table::Heads, value).ok());
        if !head.is_some_and(|head| head.groups.contains_key(group)) {
            let problem = format!("a group has head {head_id}, which is not in it");
            problems.in_space(TABLE, space, &problem);
        }
    })
}

/// Every group of a head is in the index, once that is complete; `wanted` are the keys of it.
pub fn indexed(
    store: &Store<'_>,
    problems: &mut Problems,
    wanted: Vec<(Vec<u8>, (u32, u64))>,
) -> StoreResult<()> {
    fetch(store.snapshot, Table::GroupHeads, wanted, &mut |&(space, head_id), value| {
        if value.is_none() {
            let problem = format!("a group of head {head_id} does not have it");
            problems.in_space(Table::Heads, space, &problem);
        }
    })
}
