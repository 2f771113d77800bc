//! Moves a store through a file that knows no engine.
//!
//! The file, integers big-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 12 | `zmey dump 1` and a line feed: magic and version of this format |
//! | any number of entries, ascending by table and key: | |
//! | 1 | number of the table, `Table::tag` |
//! | 2 | length of the key, 1 to 511 |
//! | 4 | length of the value |
//! | | key, value: exactly as in the store |
//! | then the end: | |
//! | 1 | 255 |
//! | 8 | number of entries |
//! | 32 | SHA-256 of everything before it |
//!
//! The first entry is the header of the store, which says the version of keys and values.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Engine, Mutations, Snapshot, StoreError, StoreResult, Table, header, keys};

const MAGIC: &[u8] = b"zmey dump 1\n";

/// In place of a table: the end.
const END: u8 = 255;

/// A larger value is refused, so that a corrupted length costs no more memory: values are bounded
/// by the batches that make them, which are far smaller.
const VALUE_BYTES_MAX: u64 = 256 << 20;

/// What `load` commits at a time: few commits, little memory.
const BATCH_BYTES: usize = 32 << 20;

/// How many entries pass between two calls of the progress callback.
const PROGRESS_ENTRIES: u64 = 10_000;

/// The directory in which `load_directory` works carries this behind its name.
const LOADING_SUFFIX: &str = ".loading";

/// Called with a table and how many of its entries have passed.
pub type Progress<'a> = dyn FnMut(Table, u64) + 'a;

/// Writes all entries of one snapshot; answers their number.
pub fn dump(
    engine: &dyn Engine,
    output: &mut dyn Write,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let mut entries = 0;
    engine.read(&mut |snapshot| {
        let mut writer = Hashing { inner: &mut *output, hash: Sha256::new() };
        writer.write_all(MAGIC).map_err(write_failure)?;
        entries = 0;
        for table in Table::ALL {
            entries += dump_table(snapshot, table, &mut writer, progress)?;
        }
        writer.write_all(&[END]).map_err(write_failure)?;
        writer.write_all(&entries.to_be_bytes()).map_err(write_failure)?;
        let hash = writer.hash.clone().finalize();
        writer.inner.write_all(&hash).and_then(|()| writer.inner.flush()).map_err(write_failure)
    })?;
    Ok(entries)
}

/// Writes a dump into a new file, whole and synced or not at all.
pub fn dump_file(
    engine: &dyn Engine,
    path: &Path,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let file = File::create_new(path).map_err(|error| path_failure(path, &error))?;
    let mut output = BufWriter::new(&file);
    let outcome = dump(engine, &mut output, progress).and_then(|entries| {
        file.sync_all().map_err(|error| path_failure(path, &error))?;
        Ok(entries)
    });
    if outcome.is_err() {
        fs::remove_file(path).map_err(|error| path_failure(path, &error))?;
    }
    outcome
}

/// Fills an engine that holds nothing but its header; answers the number of entries. Where it
/// fails, part of the entries may be in the engine: `load_directory` leaves nothing behind.
pub fn load(
    input: &mut dyn Read,
    engine: &dyn Engine,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    refuse_filled(engine)?;
    let mut reader = Reader { inner: input, hash: Sha256::new() };
    if reader.bytes(MAGIC.len() as u64)? != MAGIC {
        return Err(corrupt("it does not begin like a dump of this version"));
    }
    let mut order = Order::default();
    let mut batch = Mutations::default();
    loop {
        let tag = reader.array::<1>()?[0];
        if tag == END {
            break;
        }
        let (table, key, value) = reader.entry(tag)?;
        order.check(table, &key, &value)?;
        batch.put(table, &key, &value);
        if batch.bytes() >= BATCH_BYTES {
            commit(engine, &mut batch)?;
        }
        if order.table_entries.is_multiple_of(PROGRESS_ENTRIES) {
            progress(table, order.table_entries);
        }
    }
    reader.check_end(order.entries)?;
    commit(engine, &mut batch)?;
    if let Some((table, _)) = order.last {
        progress(table, order.table_entries);
    }
    Ok(order.entries)
}

/// Makes the directory of a new store from a dump. `open` makes an engine in a directory. The
/// directory appears when everything is in it; nothing stays where that fails.
pub fn load_directory<E: Engine>(
    file: &Path,
    directory: &Path,
    open: impl FnOnce(&Path) -> StoreResult<E>,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let input = File::open(file).map_err(|error| path_failure(file, &error))?;
    if directory.exists() && !is_empty_directory(directory)? {
        return Err(StoreError::Io(format!(
            "{} exists and is not empty; a dump is loaded into a new store only",
            directory.display()
        )));
    }
    let mut loading = directory.as_os_str().to_owned();
    loading.push(LOADING_SUFFIX);
    let loading = PathBuf::from(loading);
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|error| path_failure(parent, &error))?;
    }
    fs::create_dir(&loading).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Io(format!(
            "{} exists: another load is running, or one was killed; then remove it",
            loading.display()
        )),
        _ => path_failure(&loading, &error),
    })?;
    // The engine is closed when the closure ends, before its directory moves.
    let outcome = open(&loading)
        .and_then(|engine| load(&mut BufReader::new(input), &engine, progress))
        .and_then(|entries| move_directory(&loading, directory).map(|()| entries));
    if outcome.is_err() && loading.exists() {
        fs::remove_dir_all(&loading).map_err(|error| path_failure(&loading, &error))?;
    }
    outcome
}

fn dump_table(
    snapshot: &dyn Snapshot,
    table: Table,
    writer: &mut Hashing<'_>,
    progress: &mut Progress<'_>,
) -> StoreResult<u64> {
    let mut entries = 0;
    let mut written = Ok(());
    snapshot.scan(table, &[], usize::MAX, &mut |key, value| {
        written = dump_entry(table, key, value, writer);
        if written.is_err() {
            return ControlFlow::Break(());
        }
        entries += 1;
        if entries % PROGRESS_ENTRIES == 0 {
            progress(table, entries);
        }
        ControlFlow::Continue(())
    })?;
    written?;
    progress(table, entries);
    Ok(entries)
}

fn dump_entry(table: Table, key: &[u8], value: &[u8], writer: &mut Hashing<'_>) -> StoreResult<()> {
    if value.len() as u64 > VALUE_BYTES_MAX {
        let problem = format!("a value has {} bytes; a dump takes {VALUE_BYTES_MAX}", value.len());
        return Err(StoreError::Corrupt { table: table.name(), problem });
    }
    let key_bytes = u16::try_from(key.len()).expect("keys have at most 511 bytes");
    let value_bytes = u32::try_from(value.len()).expect("checked before");
    let mut head = [table.tag(); 7];
    head[1..3].copy_from_slice(&key_bytes.to_be_bytes());
    head[3..].copy_from_slice(&value_bytes.to_be_bytes());
    let mut write = || {
        writer.write_all(&head)?;
        writer.write_all(key)?;
        writer.write_all(value)
    };
    write().map_err(write_failure)
}

fn commit(engine: &dyn Engine, batch: &mut Mutations) -> StoreResult<()> {
    // A copy for each attempt: an engine may plan again.
    engine.write(&mut |_| Ok(batch.clone()))?;
    *batch = Mutations::default();
    Ok(())
}

fn refuse_filled(engine: &dyn Engine) -> StoreResult<()> {
    let mut filled = false;
    engine.read(&mut |snapshot| {
        for table in Table::ALL {
            snapshot.scan(table, &[], 2, &mut |key, _| {
                filled |= table != Table::Meta || key != keys::HEADER;
                ControlFlow::Continue(())
            })?;
        }
        Ok(())
    })?;
    if filled {
        return Err(StoreError::Io("the store is not empty; a dump needs a new one".to_owned()));
    }
    Ok(())
}

/// What must hold from one entry to the next.
#[derive(Debug, Default)]
struct Order {
    entries: u64,
    table_entries: u64,
    last: Option<(Table, Vec<u8>)>,
}

impl Order {
    fn check(&mut self, table: Table, key: &[u8], value: &[u8]) -> StoreResult<()> {
        match &mut self.last {
            None => {
                if table != Table::Meta || key != keys::HEADER {
                    return Err(corrupt("its first entry is not the header of a store"));
                }
                header::parse(value)?;
                self.last = Some((table, key.to_vec()));
            }
            Some((last_table, last_key)) => {
                if (*last_table, last_key.as_slice()) >= (table, key) {
                    return Err(corrupt("its entries are not in order"));
                }
                if *last_table != table {
                    self.table_entries = 0;
                }
                *last_table = table;
                last_key.clear();
                last_key.extend_from_slice(key);
            }
        }
        self.entries += 1;
        self.table_entries += 1;
        Ok(())
    }
}

/// Hashes what it writes.
struct Hashing<'a> {
    inner: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hashes what it reads.
struct Reader<'a> {
    inner: &'a mut dyn Read,
    hash: Sha256,
}

impl Reader<'_> {
    fn entry(&mut self, tag: u8) -> StoreResult<(Table, Vec<u8>, Vec<u8>)> {
        let table = Table::from_tag(tag).ok_or_else(|| corrupt("it has an unknown table"))?;
        let key_bytes = u64::from(u16::from_be_bytes(self.array()?));
        let value_bytes = u64::from(u32::from_be_bytes(self.array()?));
        if !(1..=keys::KEY_BYTES_MAX as u64).contains(&key_bytes) || value_bytes > VALUE_BYTES_MAX {
            return Err(corrupt("it has an entry of impossible length"));
        }
        Ok((table, self.bytes(key_bytes)?, self.bytes(value_bytes)?))
    }

    fn check_end(&mut self, entries: u64) -> StoreResult<()> {
        let count = u64::from_be_bytes(self.array()?);
        let expected = self.hash.clone().finalize();
        if self.bytes(expected.len() as u64)?.as_slice() != expected.as_slice() {
            return Err(corrupt("its checksum is wrong"));
        }
        if entries == 0 || count != entries {
            return Err(corrupt("its number of entries is wrong"));
        }
        match self.inner.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(corrupt("something follows its end")),
            Err(error) => Err(read_failure(&error)),
        }
    }

    fn array<const N: usize>(&mut self) -> StoreResult<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).map_err(|error| read_failure(&error))?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    /// Memory grows with what is there, not with what a length claims.
    fn bytes(&mut self, length: u64) -> StoreResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&mut *self.inner).take(length).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == length => {
                self.hash.update(&bytes);
                Ok(bytes)
            }
            Ok(_) => Err(read_failure(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(read_failure(&error)),
        }
    }
}

fn is_empty_directory(path: &Path) -> StoreResult<bool> {
    let mut entries = fs::read_dir(path).map_err(|error| path_failure(path, &error))?;
    Ok(entries.next().is_none())
}

/// Renames over a directory that is missing or empty, and makes that survive power loss.
fn move_directory(from: &Path, to: &Path) -> StoreResult<()> {
    let moved = fs::rename(from, to).and_then(|()| {
        let parent = to.canonicalize()?.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
        File::open(parent)?.sync_all()
    });
    moved.map_err(|error| path_failure(to, &error))
}

fn corrupt(problem: &str) -> StoreError {
    StoreError::Io(format!("the dump is not usable: {problem}"))
}

fn read_failure(error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return corrupt("it is cut short");
    }
    StoreError::Io(format!("the dump cannot be read: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn write_failure(error: io::Error) -> StoreError {
    StoreError::Io(format!("the dump cannot be written: {error}"))
}

fn path_failure(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io(format!("{}: {error}", path.display()))
}

#[cfg(test)]
#[path = "dump_tests.rs"]
mod tests;
