//! What an operator does with a closed store: check, dump, load, compact, list.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use crate::config::FieldConfig;
use crate::fault::{Fault, Result};
use crate::json;
use crate::matching::fields::{Field, FieldKind};
use crate::store::check::{self, Report, Rules};
use crate::store::dump::Progress;
use crate::store::lmdb::{self, Compacted};
use crate::store::{Engine, Lmdb, Options, StoreError, StoreResult, Table, dump, keys, records};
use crate::wire::storage::{BodyRecord, FieldRecord, SpaceRecord};

/// Entries counted in one read.
const COUNT_PAGE_ENTRIES: usize = 100_000;

/// Checks every index of a closed store in both directions.
pub fn fsck(store: &Path, progress: &mut Progress<'_>) -> Result<Report> {
    check(&open(store)?, progress)
}

/// Checks the store of an engine that nobody else writes to.
pub fn check(engine: &dyn Engine, progress: &mut Progress<'_>) -> Result<Report> {
    let rules = Rules { field_values: &field_values, data_is_canonical: &is_canonical_object };
    check::check(engine, rules, progress).map_err(|error| for_operator(&error))
}

/// Writes a closed store into a new file; answers the number of entries.
pub fn dump(store: &Path, file: &Path, progress: &mut Progress<'_>) -> Result<u64> {
    let engine = open(store)?;
    dump::dump_file(&engine, file, progress).map_err(|error| for_operator(&error))
}

/// Fills a new store from a dump; answers the number of entries.
pub fn load(file: &Path, store: &Path, progress: &mut Progress<'_>) -> Result<u64> {
    let create = |directory: &Path| Lmdb::open(&options(directory));
    dump::load_directory(file, store, create, progress).map_err(|error| for_operator(&error))
}

/// Rewrites a closed store without what was removed from it.
pub fn compact(store: &Path, progress: &mut Progress<'_>) -> Result<Compacted> {
    lmdb::compact(&options(store), progress).map_err(|error| for_operator(&error))
}

/// One space of a store.
#[derive(Debug, Clone)]
pub struct SpaceSummary {
    /// The number of the account.
    pub account_id: u32,
    /// The number of the database.
    pub db_id: u32,
    /// How many members live.
    pub members: u64,
    /// How many addresses were ever seen.
    pub addresses: u64,
    /// The indexed custom fields.
    pub fields: Vec<FieldConfig>,
}

/// Lists the spaces of a closed store.
pub fn spaces(store: &Path) -> Result<Vec<SpaceSummary>> {
    let engine = open(store)?;
    list(&engine).map_err(|error| for_operator(&error))
}

fn list(engine: &dyn Engine) -> StoreResult<Vec<SpaceSummary>> {
    let mut spaces = Vec::new();
    engine.read(&mut |snapshot| {
        spaces.clear();
        let mut failed = Ok(());
        snapshot.scan(Table::Spaces, &[], usize::MAX, &mut |key, value| {
            match keys::parse_space(key)
                .and_then(|name| Ok((name, records::decode(Table::Spaces, value)?)))
            {
                Ok(space) => spaces.push(space),
                Err(error) => failed = Err(error),
            }
            ControlFlow::Continue(())
        })?;
        failed
    })?;
    let members = count(engine, Table::Bodies)?;
    let addresses = count(engine, Table::Addresses)?;
    let summary = |((account_id, db_id), record): ((u32, u32), SpaceRecord)| SpaceSummary {
        account_id,
        db_id,
        members: members.get(&record.number).copied().unwrap_or(0),
        addresses: addresses.get(&record.number).copied().unwrap_or(0),
        fields: record.fields.iter().map(field_config).collect(),
    };
    Ok(spaces.into_iter().map(summary).collect())
}

/// How many entries of a table each space has; read in pages so that no snapshot stays open long.
fn count(engine: &dyn Engine, table: Table) -> StoreResult<BTreeMap<u32, u64>> {
    let mut counts = BTreeMap::new();
    let mut from = Vec::new();
    loop {
        let mut last: Option<Vec<u8>> = None;
        engine.read(&mut |snapshot| {
            snapshot.scan(table, &from, COUNT_PAGE_ENTRIES, &mut |key, _| {
                let space = keys::space_of(key).unwrap_or_default();
                *counts.entry(space).or_insert(0) += 1;
                last = Some(key.to_vec());
                ControlFlow::Continue(())
            })
        })?;
        let Some(mut last) = last else {
            return Ok(counts);
        };
        last.push(0);
        from = last;
    }
}

fn open(store: &Path) -> Result<Lmdb> {
    Lmdb::open_existing(&options(store)).map_err(|error| for_operator(&error))
}

/// An operator on the machine of the store may see everything.
pub fn for_operator(error: &StoreError) -> Fault {
    let fault = Fault::from(error.clone());
    Fault { message: format!("{error}."), ..fault }
}

fn field_config(record: &FieldRecord) -> FieldConfig {
    FieldConfig {
        path: record.path.clone(),
        kind: FieldKind::from_number(record.kind).map_or("", FieldKind::name).to_owned(),
        unique: record.unique,
    }
}

fn field_values(body: &BodyRecord, record: &FieldRecord) -> Vec<Vec<u8>> {
    // Reading trusts its text; what is wrong with the data is reported as such.
    if !is_canonical_object(&body.data) {
        return Vec::new();
    }
    Field::new(record)
        .map_or_else(|_| Vec::new(), |field| field.values(&body.data))
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

fn is_canonical_object(data: &str) -> bool {
    let mut canonical = String::new();
    json::kind(data) == json::Kind::Object
        && json::canonicalize(data.as_bytes(), &mut canonical).is_ok()
        && canonical == data
}

/// The map of a store that a tool opens: it is as large as it is, or grows while loading.
fn options(store: &Path) -> Options {
    Options {
        path: store.to_owned(),
        map_bytes_initial: 1 << 30,
        map_bytes_max: 1 << 42,
        readers_max: 16,
    }
}
