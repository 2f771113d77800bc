//! The engine on disk. This file alone knows LMDB, through heed.
//!
//! Commits are durable: LMDB writes the new pages, syncs them, then writes and syncs the page that
//! makes them valid. The map is remapped only while no transaction is open: whoever has one holds
//! `mapped` shared. A `read` or `write` within a `read` of the same thread could wait for itself.

mod compact;
mod create;

pub use compact::{Compacted, compact};

use std::fs;
use std::io;
use std::iter;
use std::ops::{Bound, ControlFlow};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use heed::types::{Bytes, DecodeIgnore};
use heed::{
    AnyTls, CommitOrAbort, Database, DatabaseOpener, Env, EnvFlags, EnvInfo, EnvOpenOptions,
    MdbError, PutFlags, RoTxn, RwTxn, WithoutTls,
};

use super::owner::Owner;
use super::readers::Readers;
use super::{
    Engine, EngineStats, Mutations, Plan, Snapshot, SortedMutations, StoreError, StoreResult,
    Table, header, keys,
};

/// The file that LMDB keeps the data in.
const DATA_FILE: &str = "data.mdb";

/// Map sizes are multiples of this, because it is one of every page size in use.
const MAP_STEP_BYTES: u64 = 65_536;

/// A smaller bound would have no room for the tables, a first batch and the reserve.
const MAP_BYTES_MAX_MIN: u64 = 16 * MAP_STEP_BYTES;

/// This part of the largest map is for batches that only delete: LMDB copies pages to delete, so
/// that a completely full store could not be emptied any more.
const RESERVE_DIVISOR: u64 = 16;

/// More than this would only be lost: 10,000 deletes copy some 100 MiB of pages at most.
const RESERVE_BYTES_MAX: u64 = 256 << 20;

type TableOnDisk = Database<'static, Bytes, Bytes>;

/// The named databases by `Table::tag`.
type Tables = [TableOnDisk; Table::ALL.len()];

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of the store.
    pub path: PathBuf,
    /// Bytes of the map at the start. The map takes address space only, no memory and no disk.
    pub map_bytes_initial: u64,
    /// Bytes that the file never exceeds.
    pub map_bytes_max: u64,
    /// How many snapshots may be open at a time.
    pub readers_max: u32,
}

/// An open store in a directory of its own.
#[derive(Debug)]
pub struct Lmdb {
    env: Env<WithoutTls>,
    tables: Tables,
    /// Whether the file is mapped. Held shared by whoever has a transaction or asks LMDB about
    /// itself; exclusive for remapping.
    mapped: RwLock<bool>,
    writer: Mutex<Writer>,
    readers: Readers,
    map_bytes_max: u64,
    /// The part of `map_bytes_max` that is not the reserve.
    put_bytes_max: u64,
    /// Dropped last, when LMDB is closed.
    _owner: Owner,
}

/// What a writer remembers for the next one.
#[derive(Debug, Default)]
struct Writer {
    /// The last LMDB transaction when `Lmdb::release` ran.
    released_transaction: usize,
}

/// Why a write did not happen.
enum Obstacle {
    /// The map is too small; whether the batch only deletes.
    MapFull { only_deletes: bool },
    /// The file is larger than the map.
    MapResized,
    /// Another try would not help.
    Failed(StoreError),
}

impl Lmdb {
    /// Opens a store; makes it where there is none.
    pub fn open(options: &Options) -> StoreResult<Self> {
        fs::create_dir_all(&options.path).map_err(|error| path_failure(options, &error))?;
        let owner = Owner::take(&options.path)?;
        let map_bytes_max = round(options.map_bytes_max.max(MAP_BYTES_MAX_MIN));
        let reserve_bytes = (map_bytes_max / RESERVE_DIVISOR).min(RESERVE_BYTES_MAX);
        let put_bytes_max = round(map_bytes_max - reserve_bytes);
        let map_bytes = options.map_bytes_initial.clamp(MAP_STEP_BYTES, put_bytes_max);
        let map_bytes = to_usize(round(map_bytes));
        compact::remove_unfinished(&options.path).map_err(|error| path_failure(options, &error))?;
        if !options.path.join(DATA_FILE).exists() {
            create::create(options, map_bytes)?;
        }
        let env = open_env(options, map_bytes)?;
        env.clear_stale_readers().map_err(failure)?;
        let tables = open_tables(&env)?;
        Ok(Self {
            env,
            tables,
            mapped: RwLock::new(true),
            writer: Mutex::default(),
            readers: Readers::new(options.readers_max),
            map_bytes_max,
            put_bytes_max,
            _owner: owner,
        })
    }

    /// Opens a store only where there is one.
    pub fn open_existing(options: &Options) -> StoreResult<Self> {
        if options.path.join(DATA_FILE).is_file() {
            return Self::open(options);
        }
        Err(StoreError::Io(format!("{} holds no store", options.path.display())))
    }

    /// Keeps the file mapped. Refused for ever once a remapping failed, because LMDB would then
    /// read memory that is not there.
    fn shared(&self) -> StoreResult<RwLockReadGuard<'_, bool>> {
        let mapped = self.mapped.read().unwrap_or_else(PoisonError::into_inner);
        if *mapped {
            return Ok(mapped);
        }
        Err(unmapped())
    }

    /// Plans and commits once.
    fn attempt(&self, plan: &mut Plan<'_>) -> Result<(), Obstacle> {
        let _shared = self.shared().map_err(Obstacle::Failed)?;
        let mut txn = self.env.write_txn().map_err(|error| self.obstacle(error, false))?;
        let view = View { txn: &txn, tables: &self.tables };
        let mutations = plan(&view).map_err(Obstacle::Failed)?;
        if mutations.is_empty() {
            return Ok(());
        }
        let only_deletes = mutations.only_deletes();
        apply(&self.tables, &mut txn, &mutations)
            .and_then(|()| txn.commit())
            .map_err(|error| self.obstacle(error, only_deletes))
    }

    /// Doubles the map up to the bound for puts; whether it grew.
    fn grow(&self) -> StoreResult<bool> {
        let map_bytes = self.info()?.map_size as u64;
        if map_bytes >= self.put_bytes_max {
            return Ok(false);
        }
        self.remap((map_bytes * 2).min(self.put_bytes_max))?;
        Ok(true)
    }

    /// Runs one attempt with the reserve mapped.
    fn with_reserve(&self, plan: &mut Plan<'_>) -> StoreResult<()> {
        self.remap(self.map_bytes_max)?;
        let outcome = self.attempt(plan);
        // LMDB keeps the map at least as large as the file, so that nothing gets lost here.
        self.remap(self.put_bytes_max)?;
        outcome.map_err(|obstacle| match obstacle {
            Obstacle::MapFull { .. } | Obstacle::MapResized => self.full(),
            Obstacle::Failed(error) => error,
        })
    }

    /// LMDB takes up the pages that a commit freed only two commits later. Makes one that changes
    /// nothing, once after every other commit; whether it did.
    fn release(&self, writer: &mut Writer) -> StoreResult<bool> {
        if self.info()?.last_txn_id == writer.released_transaction {
            return Ok(false);
        }
        self.with_reserve(&mut |snapshot| {
            let mut mutations = Mutations::default();
            snapshot.get_many(Table::Meta, &[keys::HEADER], &mut |_, header| {
                if let Some(header) = header {
                    mutations.put(Table::Meta, keys::HEADER, header);
                }
            })?;
            Ok(Arc::new(mutations.sorted()))
        })?;
        writer.released_transaction = self.info()?.last_txn_id;
        Ok(true)
    }

    /// Maps `bytes`, or what the file says where `bytes` is 0. Waits for all readers.
    fn remap(&self, bytes: u64) -> StoreResult<()> {
        let mut mapped = self.mapped.write().unwrap_or_else(PoisonError::into_inner);
        if !*mapped {
            return Err(unmapped());
        }
        // SAFETY: whoever has a transaction holds the lock shared, so that none is open.
        let outcome = unsafe { self.env.resize(to_usize(bytes)) };
        *mapped = outcome.is_ok();
        outcome.map_err(failure)
    }

    fn info(&self) -> StoreResult<EnvInfo> {
        let _shared = self.shared()?;
        Ok(self.env.info())
    }

    fn obstacle(&self, error: heed::Error, only_deletes: bool) -> Obstacle {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => Obstacle::MapFull { only_deletes },
            heed::Error::Mdb(MdbError::MapResized) => Obstacle::MapResized,
            heed::Error::Io(error) if is_disk_full(&error) => {
                Obstacle::Failed(StoreError::Full { map_bytes_max: self.used_bytes() })
            }
            error => Obstacle::Failed(failure(error)),
        }
    }

    fn full(&self) -> StoreError {
        StoreError::Full { map_bytes_max: self.map_bytes_max }
    }

    /// The caller holds `mapped`.
    fn used_bytes(&self) -> u64 {
        let pages = self.env.info().last_page_number as u64 + 1;
        pages * u64::from(self.env.unnamed_database_stat().page_size)
    }
}

impl Engine for Lmdb {
    fn read(&self, read: &mut dyn FnMut(&dyn Snapshot) -> StoreResult<()>) -> StoreResult<()> {
        let _reader = self.readers.enter()?;
        loop {
            let shared = self.shared()?;
            match self.env.read_txn() {
                Ok(txn) => return read(&View { txn: &txn, tables: &self.tables }),
                Err(heed::Error::Mdb(MdbError::MapResized)) => {
                    drop(shared);
                    self.remap(0)?;
                }
                Err(error) => return Err(failure(error)),
            }
        }
    }

    fn write_sorted(&self, plan: &mut Plan<'_>) -> StoreResult<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match self.attempt(plan) {
                Ok(()) => return Ok(()),
                Err(Obstacle::Failed(error)) => return Err(error),
                Err(Obstacle::MapResized) => self.remap(0)?,
                Err(Obstacle::MapFull { only_deletes }) => {
                    if self.grow()? {
                        continue;
                    }
                    if only_deletes {
                        return self.with_reserve(plan);
                    }
                    if !self.release(&mut writer)? {
                        return Err(self.full());
                    }
                }
            }
        }
    }

    fn stats(&self) -> EngineStats {
        let (readers, reader_age_ms) = self.readers.stats();
        let mut stats = EngineStats { readers, reader_age_ms, ..Default::default() };
        if let Ok(_shared) = self.shared() {
            stats.used_bytes = self.used_bytes();
            stats.map_bytes = self.env.info().map_size as u64;
        }
        stats
    }
}

/// A transaction as the domain sees it.
struct View<'a> {
    txn: &'a RoTxn<'a, AnyTls>,
    tables: &'a Tables,
}

impl Snapshot for View<'_> {
    fn get_many(
        &self,
        table: Table,
        keys: &[&[u8]],
        visit: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> StoreResult<()> {
        debug_assert!(keys.is_sorted(), "keys of {} are not sorted", table.name());
        let table = &self.tables[usize::from(table.tag())];
        let mut value = None;
        for (index, &key) in keys.iter().enumerate() {
            if index == 0 || keys[index - 1] != key {
                // LMDB refuses an empty key even where it only reads.
                value = if key.is_empty() {
                    None
                } else {
                    table.get(self.txn, key).map_err(failure)?
                };
            }
            visit(index, value);
        }
        Ok(())
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> StoreResult<()> {
        let table = &self.tables[usize::from(table.tag())];
        // Every key is greater than the empty one, which LMDB refuses even where it only reads.
        let start = if from.is_empty() { Bound::Unbounded } else { Bound::Included(from) };
        let range = table.range(self.txn, &(start, Bound::Unbounded)).map_err(failure)?;
        for entry in range.take(limit) {
            let (key, value) = entry.map_err(failure)?;
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Writes a batch into a transaction, in runs of puts and of deletes of one table each.
fn apply(tables: &Tables, txn: &mut RwTxn, mutations: &SortedMutations) -> heed::Result<()> {
    let mut entries = mutations.entries().peekable();
    while let Some(&(table, _, value)) = entries.peek() {
        let on_disk = &tables[usize::from(table.tag())];
        if value.is_some() {
            let puts = iter::from_fn(|| {
                let (_, key, value) =
                    entries.next_if(|entry| entry.0 == table && entry.2.is_some())?;
                Some((key, value?))
            });
            put_all(on_disk, txn, puts)?;
        } else {
            while let Some((_, key, _)) =
                entries.next_if(|entry| entry.0 == table && entry.2.is_none())
            {
                on_disk.delete(txn, key)?;
            }
        }
    }
    Ok(())
}

/// Puts ascending keys through one cursor: it stays on its page where the next key belongs there.
/// Keys behind the last one of the table are appended, which fills pages instead of halving them.
fn put_all<'a>(
    table: &TableOnDisk,
    txn: &mut RwTxn,
    puts: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> heed::Result<()> {
    let last = table.last(txn)?.map(|(key, _)| key.to_vec());
    let mut cursor = table.iter_mut(txn)?;
    for (key, value) in puts {
        let behind = last.as_deref().is_none_or(|last| key > last);
        let flags = if behind { PutFlags::APPEND } else { PutFlags::empty() };
        // SAFETY: key and value are in the arena of the batch, not in the pages that this changes.
        unsafe { cursor.put_current_with_options::<Bytes>(flags, key, value)? };
    }
    Ok(())
}

fn open_env(options: &Options, map_bytes: usize) -> StoreResult<Env<WithoutTls>> {
    let mut env = EnvOpenOptions::new().read_txn_without_tls();
    env.map_size(map_bytes);
    env.max_readers(options.readers_max);
    env.max_dbs(u32::try_from(Table::ALL.len()).expect("tables are few"));
    // Addresses are looked up at random: where the store is larger than the memory, reading ahead
    // would push out what is needed.
    // SAFETY: this flag changes nothing about what is written.
    unsafe { env.flags(EnvFlags::NO_READ_AHEAD) };
    // SAFETY: the directory is owned by this engine, so that nobody else changes the file.
    unsafe { env.open(&options.path) }.map_err(|error| match error {
        heed::Error::Io(error) => path_failure(options, &error),
        error => failure(error),
    })
}

/// Opens the tables; in a new store makes them and the header in one transaction.
fn open_tables(env: &Env<WithoutTls>) -> StoreResult<Tables> {
    let txn = env.write_txn().map_err(failure)?;
    env.create_databases_and_commit(txn, |opener, txn| {
        check_foreign(opener, txn)?;
        let mut tables = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            tables.push(opener.create_database::<Bytes, Bytes>(txn, Some(table.name()))?);
        }
        let meta = tables[usize::from(Table::Meta.tag())];
        let mut empty = true;
        for table in &tables {
            empty &= table.is_empty(txn)?;
        }
        let header = header::judge(meta.get(txn, keys::HEADER)?, empty).map_err(OpenError)?;
        if let Some(header) = header {
            meta.put(txn, keys::HEADER, &header)?;
        }
        let tables: [_; Table::ALL.len()] = tables.try_into().expect("one for each table");
        Ok(CommitOrAbort::<_, ()>::Commit(tables))
    })
    .map_err(|OpenError(error)| error)
    .map(CommitOrAbort::unwrap_commit)
}

/// Refuses a file of LMDB that was made by something else.
fn check_foreign(opener: &DatabaseOpener<'_, WithoutTls>, txn: &RwTxn) -> Result<(), OpenError> {
    let Some(names) = opener.open_database::<Bytes, DecodeIgnore>(txn, None)? else {
        return Ok(());
    };
    for entry in names.iter(txn)? {
        let (name, ()) = entry?;
        if !Table::ALL.iter().any(|table| table.name().as_bytes() == name) {
            return Err(OpenError(header::missing()));
        }
    }
    Ok(())
}

/// heed asks for an error type that takes its own.
struct OpenError(StoreError);

impl From<heed::Error> for OpenError {
    fn from(error: heed::Error) -> Self {
        Self(match error {
            heed::Error::Mdb(MdbError::Incompatible) => header::missing(),
            error => failure(error),
        })
    }
}

fn unmapped() -> StoreError {
    StoreError::Io("the store could not be remapped and must be reopened".to_owned())
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn path_failure(options: &Options, error: &io::Error) -> StoreError {
    StoreError::Io(format!("{}: {error}", options.path.display()))
}

fn failure(error: heed::Error) -> StoreError {
    use MdbError::{Corrupted, Invalid, PageNotFound, VersionMismatch};
    match error {
        heed::Error::Mdb(error @ (Corrupted | Invalid | PageNotFound | VersionMismatch)) => {
            StoreError::Corrupt { table: DATA_FILE, problem: error.to_string() }
        }
        error => StoreError::Io(format!("the store failed: {error}")),
    }
}

/// To a size that can be mapped, not above `bytes`.
fn round(bytes: u64) -> u64 {
    bytes / MAP_STEP_BYTES * MAP_STEP_BYTES
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a map fits the address space")
}

#[cfg(test)]
#[path = "lmdb_tests.rs"]
mod tests;
