//! Makes a new store. A power cut leaves a whole one or none: LMDB writes the first pages of a file
//! without a sync, and would refuse what is left of them at every later start.

use std::fs::{self, File};
use std::io;
use std::iter;
use std::path::PathBuf;

use super::{DATA_FILE, Options, open_env, open_tables, path_failure};
use crate::store::StoreResult;

/// Where the file is until it is whole, in the directory of the store.
const UNFINISHED: &str = "unfinished";

/// Makes the file with its tables and its header, and only then puts it in its place. The caller
/// owns the directory.
pub(super) fn create(options: &Options, map_bytes: usize) -> StoreResult<()> {
    let unfinished = Options { path: options.path.join(UNFINISHED), ..options.clone() };
    let failed = |error| path_failure(options, &error);
    remove(&unfinished).map_err(failed)?;
    fs::create_dir(&unfinished.path).map_err(failed)?;
    let env = open_env(&unfinished, map_bytes)?;
    // Commits, hence syncs everything that was written.
    open_tables(&env)?;
    env.prepare_for_closing().wait();
    fs::rename(unfinished.path.join(DATA_FILE), options.path.join(DATA_FILE)).map_err(failed)?;
    remove(&unfinished).map_err(failed)?;
    sync_directories(options).map_err(failed)
}

/// Removes what an earlier attempt has left.
fn remove(unfinished: &Options) -> io::Result<()> {
    match fs::remove_dir_all(&unfinished.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A new file survives power loss only when its directory is synced too.
fn sync_directories(options: &Options) -> io::Result<()> {
    let parent = options.path.canonicalize()?.parent().map(PathBuf::from);
    iter::once(options.path.clone())
        .chain(parent)
        .try_for_each(|directory| File::open(&directory)?.sync_all())
}
