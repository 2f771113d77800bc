//! The engine in memory: the oracle of the tests. It is durable only as long as the process lives.
//!
//! A snapshot holds the maps as they were; a writer changes a map in place while nobody holds it
//! and copies it otherwise.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::readers::Readers;
use super::{
    Engine, EngineStats, Plan, Snapshot, SortedMutations, StoreError, StoreResult, Table, header,
    keys, records,
};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The maps by `Table::tag`.
type Tables = [Arc<Map>; Table::ALL.len()];

/// An engine that keeps everything in memory.
#[derive(Debug)]
pub struct Memory {
    tables: RwLock<Tables>,
    writer: Mutex<()>,
    readers: Readers,
}

impl Memory {
    /// A new store with at most `readers_max` open snapshots.
    pub fn new(readers_max: u32) -> Self {
        let mut tables = Tables::default();
        let header = records::encode(&header::fresh());
        map_mut(&mut tables, Table::Meta).insert(keys::HEADER.to_vec(), header);
        Self {
            tables: RwLock::new(tables),
            writer: Mutex::default(),
            readers: Readers::new(readers_max),
        }
    }

    fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot(self.tables.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn apply(&self, mutations: &SortedMutations) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        for (table, key, value) in mutations.entries() {
            let map = map_mut(&mut tables, table);
            match value {
                Some(value) => drop(map.insert(key.to_vec(), value.to_vec())),
                None => drop(map.remove(key)),
            }
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(u32::MAX)
    }
}

impl Engine for Memory {
    fn read(&self, read: &mut dyn FnMut(&dyn Snapshot) -> StoreResult<()>) -> StoreResult<()> {
        let _reader = self.readers.enter()?;
        read(&self.snapshot())
    }

    fn write_sorted(&self, plan: &mut Plan<'_>) -> StoreResult<()> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mutations = plan(&self.snapshot())?;
        check_keys(&mutations)?;
        self.apply(&mutations);
        Ok(())
    }

    fn stats(&self) -> EngineStats {
        let (readers, reader_age_ms) = self.readers.stats();
        let snapshot = self.snapshot();
        let entries = snapshot.0.iter().flat_map(|map| map.iter());
        let used_bytes = entries.map(|(key, value)| (key.len() + value.len()) as u64).sum();
        EngineStats { used_bytes, map_bytes: used_bytes, readers, reader_age_ms }
    }
}

/// The maps as they were.
struct MemorySnapshot(Tables);

impl Snapshot for MemorySnapshot {
    fn get_many(
        &self,
        table: Table,
        keys: &[&[u8]],
        visit: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> StoreResult<()> {
        debug_assert!(keys.is_sorted(), "keys of {} are not sorted", table.name());
        let map = &self.0[usize::from(table.tag())];
        for (index, key) in keys.iter().enumerate() {
            visit(index, map.get(*key).map(Vec::as_slice));
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
        let map = &self.0[usize::from(table.tag())];
        let range = map.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        for (key, value) in range.take(limit) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn map_mut(tables: &mut Tables, table: Table) -> &mut Map {
    Arc::make_mut(&mut tables[usize::from(table.tag())])
}

/// Refuses what LMDB refuses.
fn check_keys(mutations: &SortedMutations) -> StoreResult<()> {
    for (table, key, _) in mutations.entries() {
        if key.is_empty() || key.len() > keys::KEY_BYTES_MAX {
            let problem = format!("a key of {} for table {}", key.len(), table.name());
            return Err(StoreError::Io(format!("{problem}; 1 to 511 bytes are allowed")));
        }
    }
    Ok(())
}
