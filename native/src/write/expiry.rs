//! What is kept for a while only: entries of Expiries name what to forget when.

use std::ops::ControlFlow;

use crate::express;
use crate::member::View;
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{ExpressListRecord, RejectSegment};

/// Entries forgotten in one commit: enough to keep up with any rate of requests, few enough not
/// to delay the commit.
const FORGOTTEN_PER_COMMIT_MAX: usize = 10_000;

/// Segments of rejected rows that are forgotten in one commit: each may have a megabyte.
pub const REJECTS_PER_COMMIT_MAX: usize = 1_000;

/// Notes that an entry is to be forgotten.
pub fn remember(view: &mut View<'_>, table: Table, key: &[u8], expires_seconds: i64) {
    view.put(Table::Expiries, &expiry_key(table, key, expires_seconds), &[]);
}

/// Takes back such a note, because the entry got another term.
pub fn forget(view: &mut View<'_>, table: Table, key: &[u8], expires_seconds: i64) {
    view.delete(Table::Expiries, &expiry_key(table, key, expires_seconds));
}

/// Deletes what has expired. To be called before the steps of a commit, which may give entries a
/// new term.
pub fn purge(view: &mut View<'_>, now_seconds: i64) -> StoreResult<()> {
    let mut expired = Vec::new();
    let snapshot = view.snapshot();
    snapshot.scan(Table::Expiries, &[], FORGOTTEN_PER_COMMIT_MAX, &mut |key, _| {
        match keys::parse_expiry(key) {
            Ok(entry) if entry.time_seconds > unsigned(now_seconds) => ControlFlow::Break(()),
            Ok(entry) => {
                expired.push((key.to_vec(), entry.table, entry.key.to_vec()));
                ControlFlow::Continue(())
            }
            // fsck names malformed keys; expiring goes on behind them.
            Err(_) => ControlFlow::Continue(()),
        }
    })?;
    let mut room = REJECTS_PER_COMMIT_MAX;
    for (expiry, table, key) in expired {
        // A job that leaves more rejects than there is room for is gone on with in later commits.
        if table == Table::Jobs && !forget_rejects(view, keys::parse_job(&key)?, &mut room)? {
            continue;
        }
        if table == Table::ExpressLists {
            forget_list(view, (&expiry, key), &mut room)?;
            continue;
        }
        view.delete(Table::Expiries, &expiry);
        view.delete(table, &key);
    }
    Ok(())
}

/// Removes an express list with its rows; where there are more than there is room for, later
/// commits go on.
fn forget_list(
    view: &mut View<'_>,
    (expiry, key): (&[u8], Vec<u8>),
    room: &mut usize,
) -> StoreResult<()> {
    if let Some(mut record) = view.record::<ExpressListRecord>(Table::ExpressLists, &key)?
        && !express::drop_rows(view, &key, &mut record, room)?
    {
        return Ok(());
    }
    view.delete(Table::Expiries, expiry);
    // Later steps of the commit must not find it.
    view.set_record::<ExpressListRecord>(Table::ExpressLists, key, None);
    Ok(())
}

/// Removes rejects of a job while there is room for it in the commit; whether none are left.
pub fn forget_rejects(
    view: &mut View<'_>,
    (space, job_id): (u32, u64),
    room: &mut usize,
) -> StoreResult<bool> {
    let prefix = keys::owned(|key| keys::rejects_of(key, space, job_id));
    let (found, none_left) = take_keys(view, Table::Rejects, &prefix, room)?;
    for key in found {
        view.set_record::<RejectSegment>(Table::Rejects, key, None);
    }
    Ok(none_left)
}

/// The first keys with a prefix for which there is room in the commit, which they take up; and
/// whether none are left behind them.
pub fn take_keys(
    view: &View<'_>,
    table: Table,
    prefix: &[u8],
    room: &mut usize,
) -> StoreResult<(Vec<Vec<u8>>, bool)> {
    let mut found = Vec::new();
    view.snapshot().scan(table, prefix, *room + 1, &mut |key, _| {
        if !key.starts_with(prefix) {
            return ControlFlow::Break(());
        }
        found.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    let none_left = found.len() <= *room;
    found.truncate(*room);
    *room -= found.len();
    Ok((found, none_left))
}

fn expiry_key(table: Table, key: &[u8], expires_seconds: i64) -> Vec<u8> {
    keys::owned(|out| keys::expiry(out, unsigned(expires_seconds), table, key))
}

/// Unix time as keys have it; the clock of a server is past 1970.
fn unsigned(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}
