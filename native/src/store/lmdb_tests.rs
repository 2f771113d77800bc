//! What only the LMDB engine has: growth, owners, reopening.

use std::path::Path;

use super::*;
use crate::store::conformance::{MIB, delete, everything, get, options, put};
use crate::store::records;
use crate::wire::storage::StoreHeader;

fn bounded(path: &Path, map_bytes_max: u64) -> Lmdb {
    let options = Options { map_bytes_initial: 0, map_bytes_max, ..options(path) };
    Lmdb::open(&options).unwrap()
}

fn number(index: u32) -> [u8; 4] {
    index.to_be_bytes()
}

/// Puts `count` values of 1,000 bytes in one batch.
fn put_many(engine: &Lmdb, first: u32, count: u32) -> StoreResult<()> {
    engine.write(&mut |_| {
        let mut mutations = Mutations::default();
        for index in first..first + count {
            mutations.put(Table::Bodies, &number(index), &[7; 1_000]);
        }
        Ok(mutations)
    })
}

#[test]
fn the_map_grows_within_a_batch() {
    let directory = tempfile::tempdir().unwrap();
    let engine = bounded(directory.path(), 64 * MIB);
    let before = engine.stats().map_bytes;
    let mut plans = 0;
    engine
        .write(&mut |snapshot| {
            plans += 1;
            snapshot.get_many(Table::Bodies, &[&number(1)], &mut |_, value| {
                assert_eq!(value, None, "the attempt before left something");
            })?;
            let mut mutations = Mutations::default();
            for index in 0..10_000 {
                mutations.put(Table::Bodies, &number(index), &[7; 1_000]);
            }
            Ok(mutations)
        })
        .unwrap();
    assert!(plans > 1 && engine.stats().map_bytes > before);
    assert!(engine.stats().used_bytes <= engine.stats().map_bytes);
    assert_eq!(everything(&engine)[&Table::Bodies].len(), 10_000);
}

#[test]
fn growth_waits_for_readers() {
    let directory = tempfile::tempdir().unwrap();
    let engine = bounded(directory.path(), 64 * MIB);
    put(&engine, Table::Heads, &[(b"a", b"old")]).unwrap();
    let engine = &engine;
    std::thread::scope(|scope| {
        let mut writer = None;
        let read = &mut |snapshot: &dyn Snapshot| {
            writer = Some(scope.spawn(move || put_many(engine, 0, 5_000)));
            std::thread::sleep(std::time::Duration::from_millis(50));
            snapshot.get_many(Table::Heads, &[b"a"], &mut |_, value| {
                assert_eq!(value, Some(b"old".as_slice()));
            })
        };
        engine.read(read).unwrap();
        writer.unwrap().join().unwrap().unwrap();
    });
    assert_eq!(everything(engine)[&Table::Bodies].len(), 5_000);
}

#[test]
fn a_full_store_can_be_emptied_and_filled_again() {
    let directory = tempfile::tempdir().unwrap();
    let map_bytes_max = 4 * MIB;
    let engine = bounded(directory.path(), map_bytes_max);
    let full = StoreError::Full { map_bytes_max };
    for _ in 0..3 {
        let mut count = 0;
        while put_many(&engine, count, 100).is_ok() {
            count += 100;
        }
        assert!(count > 1_000, "{count}");
        for _ in 0..3 {
            assert_eq!(put_many(&engine, count, 100), Err(full.clone()));
            assert_eq!(put_many(&engine, 9_000_000, 100_000), Err(full.clone()));
        }
        assert_eq!(everything(&engine)[&Table::Bodies].len(), count as usize);
        for first in (0..count).step_by(50) {
            let keys: Vec<_> = (first..first + 50).map(number).collect();
            let keys: Vec<_> = keys.iter().map(<[u8; 4]>::as_slice).collect();
            delete(&engine, Table::Bodies, &keys).unwrap();
        }
        assert!(everything(&engine)[&Table::Bodies].is_empty());
        assert!(engine.stats().used_bytes <= map_bytes_max);
    }
    drop(engine);
    let file = std::fs::metadata(directory.path().join(DATA_FILE)).unwrap();
    assert!(file.len() <= map_bytes_max);
    let engine = bounded(directory.path(), map_bytes_max);
    put_many(&engine, 0, 1_000).unwrap();
}

#[test]
fn a_lower_bound_refuses_puts_only() {
    let directory = tempfile::tempdir().unwrap();
    let engine = bounded(directory.path(), 64 * MIB);
    put_many(&engine, 0, 10_000).unwrap();
    drop(engine);
    let engine = bounded(directory.path(), 2 * MIB);
    let full = StoreError::Full { map_bytes_max: 2 * MIB };
    assert_eq!(put_many(&engine, 10_000, 10), Err(full));
    assert_eq!(get(&engine, Table::Bodies, &number(9_999)).unwrap(), [7; 1_000]);
}

#[test]
fn reopening_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(&options(directory.path())).unwrap();
    put_many(&engine, 0, 3_000).unwrap();
    let before = everything(&engine);
    drop(engine);
    // The initial map is smaller than the file.
    let engine = bounded(directory.path(), 64 * MIB);
    assert!(everything(&engine) == before);
}

#[test]
fn one_owner_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let engine = Lmdb::open(&options).unwrap();
    let error = Lmdb::open(&options).unwrap_err();
    let owner = format!("owned by process {} since", std::process::id());
    assert!(error.to_string().contains(&owner), "{error}");
    put(&engine, Table::Heads, &[(b"a", b"1")]).unwrap();
    drop(engine);
    assert_eq!(get(&Lmdb::open(&options).unwrap(), Table::Heads, b"a").unwrap(), b"1");
}

/// What opening says of a directory that `prepare` filled.
fn check_refusal(prepare: fn(&Path), expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    let error = Lmdb::open(&options(directory.path())).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

fn foreign(path: &Path, name: Option<&str>) {
    // SAFETY: nobody else knows the directory.
    let env = unsafe { EnvOpenOptions::new().max_dbs(2).open(path) }.unwrap();
    let txn = env.write_txn().unwrap();
    env.create_databases_and_commit(txn, |opener, txn| {
        let table = opener.create_database::<Bytes, Bytes>(txn, name)?;
        table.put(txn, b"meta", b"a value")?;
        heed::Result::Ok(CommitOrAbort::<_, ()>::Commit(table))
    })
    .unwrap()
    .unwrap_commit();
}

#[test]
fn what_is_no_store_is_refused() {
    check_refusal(
        |path| {
            let engine = Lmdb::open(&options(path)).unwrap();
            let header = StoreHeader { format_version: 2, ..header::fresh() };
            put(&engine, Table::Meta, &[(keys::HEADER, &records::encode(&header))]).unwrap();
        },
        "format version 2; this zmey knows 1",
    );
    check_refusal(
        |path| {
            let engine = Lmdb::open(&options(path)).unwrap();
            put(&engine, Table::Heads, &[(b"a", b"1")]).unwrap();
            delete(&engine, Table::Meta, &[keys::HEADER]).unwrap();
        },
        "this is not a store of zmey",
    );
    check_refusal(|path| foreign(path, Some("theirs")), "this is not a store of zmey");
    check_refusal(|path| foreign(path, Some("heads")), "this is not a store of zmey");
    check_refusal(|path| foreign(path, None), "this is not a store of zmey");
    check_refusal(|path| std::fs::write(path.join(DATA_FILE), "text").unwrap(), DATA_FILE);
    check_refusal(|path| std::fs::write(path.join(DATA_FILE), [1; 9_000]).unwrap(), DATA_FILE);
    check_refusal(|path| std::fs::create_dir(path.join(DATA_FILE)).unwrap(), "directory");
}

#[test]
fn only_a_store_is_existing() {
    let directory = tempfile::tempdir().unwrap();
    let missing = options(&directory.path().join("missing"));
    let error = Lmdb::open_existing(&missing).unwrap_err();
    assert!(error.to_string().ends_with("holds no store"), "{error}");
    assert!(!missing.path.exists());
    drop(Lmdb::open(&missing).unwrap());
    Lmdb::open_existing(&missing).unwrap();
}

#[test]
fn a_store_that_was_never_begun_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    // Power was lost after LMDB made its file and before the tables were made.
    // SAFETY: nobody else knows the directory.
    drop(unsafe { EnvOpenOptions::new().open(directory.path()) }.unwrap());
    let engine = Lmdb::open(&options(directory.path())).unwrap();
    assert!(get(&engine, Table::Meta, keys::HEADER).is_some());
}

#[test]
fn a_store_that_is_not_mapped_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Lmdb::open(&options(directory.path())).unwrap();
    *engine.mapped.write().unwrap() = false;
    assert!(matches!(engine.read(&mut |_| Ok(())), Err(StoreError::Io(_))));
    assert!(matches!(put_many(&engine, 0, 1), Err(StoreError::Io(_))));
    engine.remap(0).unwrap_err();
    assert_eq!(engine.stats(), EngineStats::default());
}
