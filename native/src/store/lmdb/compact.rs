//! Rewrites a store without what was removed from it. LMDB leaves the bytes of removed entries in
//! pages that it has not taken up again, and copies pages with the room between entries when it
//! compacts by itself: here every entry is written anew into a fresh file.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::{DATA_FILE, Lmdb, Options, path_failure};
use crate::store::dump::Progress;
use crate::store::{Engine, Mutations, Snapshot, StoreResult, Table};

/// Where the new file is until it is whole, in the directory of the store.
const COMPACTING: &str = "compacting";

/// What is committed at a time: few commits, little memory.
const BATCH_BYTES: usize = 32 << 20;

/// How many entries pass between two calls of the progress callback.
const PROGRESS_ENTRIES: u64 = 10_000;

/// What compacting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// The number of entries.
    pub entries: u64,
    /// The length of the file before.
    pub bytes_before: u64,
    /// Its length now.
    pub bytes_after: u64,
}

/// Compacts a store that nobody has open. Ended anywhere, also by a power cut, it leaves the old
/// file or the new one, each whole; a new one that is not whole is removed at the next start.
pub fn compact(options: &Options, progress: &mut Progress<'_>) -> StoreResult<Compacted> {
    let old = Lmdb::open_existing(options)?;
    let outcome = replace(old, options, progress);
    if outcome.is_err() {
        // The disk may be full: what is not whole must not keep it so. The first failure is told.
        let _not_removed = remove_unfinished(&options.path);
    }
    outcome
}

/// Removes what an earlier attempt has left. The caller owns the directory.
pub(super) fn remove_unfinished(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory.join(COMPACTING)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn replace(old: Lmdb, options: &Options, progress: &mut Progress<'_>) -> StoreResult<Compacted> {
    let failed = |error| path_failure(options, &error);
    let place = options.path.join(DATA_FILE);
    let unfinished = Options { path: options.path.join(COMPACTING), ..options.clone() };
    let copied = unfinished.path.join(DATA_FILE);
    let bytes_before = fs::metadata(&place).map_err(failed)?.len();
    let new = Lmdb::open(&unfinished)?;
    let entries = copy(&old, &new, progress)?;
    new.env.prepare_for_closing().wait();
    File::open(&copied).and_then(|file| file.sync_all()).map_err(failed)?;
    let bytes_after = fs::metadata(&copied).map_err(failed)?.len();
    // The store stays owned until the new file is in its place for good.
    let Lmdb { env, _owner, .. } = old;
    env.prepare_for_closing().wait();
    fs::rename(&copied, &place).map_err(failed)?;
    File::open(&options.path).and_then(|directory| directory.sync_all()).map_err(failed)?;
    remove_unfinished(&options.path).map_err(failed)?;
    Ok(Compacted { entries, bytes_before, bytes_after })
}

/// Writes all entries of one snapshot into an engine that holds nothing but its header, in the
/// order of tables and keys; answers their number.
fn copy(from: &dyn Engine, to: &dyn Engine, progress: &mut Progress<'_>) -> StoreResult<u64> {
    let mut entries = 0;
    from.read(&mut |snapshot| {
        entries = 0;
        for table in Table::ALL {
            entries += copy_table(snapshot, table, to, progress)?;
        }
        Ok(())
    })?;
    Ok(entries)
}

fn copy_table(
    snapshot: &dyn Snapshot,
    table: Table,
    to: &dyn Engine,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let (mut entries, mut batch, mut written) = (0, Mutations::default(), Ok(()));
    snapshot.scan(table, &[], usize::MAX, &mut |key, value| {
        batch.put(table, key, value);
        entries += 1;
        if entries % PROGRESS_ENTRIES == 0 {
            progress(table, entries);
        }
        if batch.bytes() >= BATCH_BYTES {
            written = commit(to, &mut batch);
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written.and_then(|()| commit(to, &mut batch))?;
    progress(table, entries);
    Ok(entries)
}

fn commit(engine: &dyn Engine, batch: &mut Mutations) -> StoreResult<()> {
    let sorted = Arc::new(std::mem::take(batch).sorted());
    engine.write_sorted(&mut |_| Ok(Arc::clone(&sorted)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::conformance::{everything, options, put};
    use crate::store::{StoreError, keys};

    type Entries = BTreeMap<Table, Vec<(Vec<u8>, Vec<u8>)>>;

    const SECRET: &[u8] = b"a distinctive secret";

    fn bytes_of(directory: &Path) -> Vec<u8> {
        fs::read(directory.join(DATA_FILE)).unwrap()
    }

    fn has(bytes: &[u8], wanted: &[u8]) -> bool {
        bytes.windows(wanted.len()).any(|window| window == wanted)
    }

    /// A store in which a secret was and is no more, in small and in large values.
    fn forgetful(directory: &Path) -> Entries {
        let engine = Lmdb::open(&options(directory)).unwrap();
        let large = SECRET.repeat(10_000);
        let key = |number| keys::owned(|key| keys::body(key, 1, number));
        for number in 0..200 {
            let value = if number % 20 == 0 { large.as_slice() } else { SECRET };
            put(&engine, Table::Bodies, &[(&key(number), value)]).unwrap();
        }
        for number in 0..200 {
            put(&engine, Table::Bodies, &[(&key(number), b"kept")]).unwrap();
        }
        everything(&engine)
    }

    #[test]
    fn what_was_removed_is_gone_and_the_rest_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let before = forgetful(directory.path());
        assert!(has(&bytes_of(directory.path()), SECRET), "LMDB left it");
        let compacted = compact(&options(directory.path()), &mut |_, _| {}).unwrap();
        assert!(!has(&bytes_of(directory.path()), SECRET));
        assert_eq!(compacted.entries, before.values().flatten().count() as u64);
        assert!(compacted.bytes_after < compacted.bytes_before);
        assert_eq!(compacted.bytes_after, bytes_of(directory.path()).len() as u64);
        assert_eq!(everything(&Lmdb::open(&options(directory.path())).unwrap()), before);
        let again = compact(&options(directory.path()), &mut |_, _| {}).unwrap();
        assert_eq!(again.bytes_after, compacted.bytes_after);
    }

    #[test]
    fn what_was_killed_half_way_leaves_the_old_store() {
        let directory = tempfile::tempdir().unwrap();
        let before = forgetful(directory.path());
        let unfinished = directory.path().join(COMPACTING);
        drop(Lmdb::open(&options(&unfinished)).unwrap());
        assert_eq!(everything(&Lmdb::open(&options(directory.path())).unwrap()), before);
        assert!(!unfinished.exists(), "the next start removes it");
        fs::create_dir(&unfinished).unwrap();
        fs::write(unfinished.join(DATA_FILE), b"torn").unwrap();
        compact(&options(directory.path()), &mut |_, _| {}).unwrap();
        assert!(!unfinished.exists());
        assert_eq!(everything(&Lmdb::open(&options(directory.path())).unwrap()), before);
    }

    #[test]
    fn a_store_that_is_open_or_none_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refused = compact(&options(directory.path()), &mut |_, _| {});
        assert!(matches!(refused, Err(StoreError::Io(_))), "{refused:?}");
        let _open = Lmdb::open(&options(directory.path())).unwrap();
        let refused = compact(&options(directory.path()), &mut |_, _| {});
        assert!(matches!(refused, Err(StoreError::Owned { .. })), "{refused:?}");
    }
}
