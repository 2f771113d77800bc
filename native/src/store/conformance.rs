//! What every engine must do: one table of cases, run on each; and random batches, after which the
//! engines must be equal. What only LMDB does is in `lmdb_tests`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc;

use proptest::prelude::*;

use super::*;

type Key = Vec<u8>;
type Value = Vec<u8>;

pub const MIB: u64 = 1 << 20;

pub fn options(path: &Path) -> Options {
    Options {
        path: path.to_owned(),
        map_bytes_initial: MIB,
        map_bytes_max: 512 * MIB,
        readers_max: 2,
    }
}

pub fn put(engine: &dyn Engine, table: Table, entries: &[(&[u8], &[u8])]) -> StoreResult<()> {
    engine.write(&mut |_| {
        let mut mutations = Mutations::default();
        for (key, value) in entries {
            mutations.put(table, key, value);
        }
        Ok(mutations)
    })
}

pub fn delete(engine: &dyn Engine, table: Table, keys: &[&[u8]]) -> StoreResult<()> {
    engine.write(&mut |_| {
        let mut mutations = Mutations::default();
        for key in keys {
            mutations.delete(table, key);
        }
        Ok(mutations)
    })
}

pub fn list(snapshot: &dyn Snapshot, table: Table) -> Vec<(Key, Value)> {
    let mut entries = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        entries.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    snapshot.scan(table, &[], usize::MAX, visit).unwrap();
    entries
}

pub fn get(engine: &dyn Engine, table: Table, key: &[u8]) -> Option<Value> {
    let mut found = None;
    let read = &mut |snapshot: &dyn Snapshot| {
        let visit = &mut |_, value: Option<&[u8]>| found = value.map(<[u8]>::to_vec);
        snapshot.get_many(table, &[key], visit)
    };
    engine.read(read).unwrap();
    found
}

pub fn everything(engine: &dyn Engine) -> BTreeMap<Table, Vec<(Key, Value)>> {
    let mut tables = BTreeMap::new();
    engine
        .read(&mut |snapshot| {
            tables.extend(Table::ALL.map(|table| (table, list(snapshot, table))));
            Ok(())
        })
        .unwrap();
    tables
}

/// What is checked, and the check.
type Case = (&'static str, fn(&dyn Engine));

const CASES: [Case; 12] = [
    ("a new store has its header only", new_store),
    ("get_many answers each key in its place", get_many),
    ("scan is bounded", scan),
    ("the last write of a batch counts", last_write),
    ("deleting what is not there is no error", delete_missing),
    ("a snapshot does not see later writes", snapshot_isolation),
    ("a plan sees the newest state and may fail", plan),
    ("a refused batch leaves no trace", atomicity),
    ("keys and values at their limits", limits),
    ("tables do not mix", tables),
    ("readers are bounded and counted", readers),
    ("writers take turns", writers),
];

#[test]
fn every_engine_conforms() {
    for (name, case) in CASES {
        println!("memory: {name}");
        case(&Memory::new(2));
        println!("lmdb: {name}");
        let directory = tempfile::tempdir().unwrap();
        case(&Lmdb::open(&options(directory.path())).unwrap());
    }
}

fn new_store(engine: &dyn Engine) {
    for (table, entries) in everything(engine) {
        assert_eq!(entries.len(), usize::from(table == Table::Meta), "{table:?}");
    }
    let header = get(engine, Table::Meta, keys::HEADER).unwrap();
    assert_eq!(header::parse(&header), Ok(header::fresh()));
}

fn get_many(engine: &dyn Engine) {
    put(engine, Table::Heads, &[(b"b", b"2"), (b"d", b"4"), (b"e", b"")]).unwrap();
    let wanted: [&[u8]; 9] = [b"", b"a", b"b", b"b", b"c", b"d", b"d", b"e", b"z"];
    let expected = [None, None, Some("2"), Some("2"), None, Some("4"), Some("4"), Some(""), None];
    let mut seen = Vec::new();
    engine
        .read(&mut |snapshot| {
            let visit = &mut |index, value: Option<&[u8]>| {
                seen.push((index, value.map(|value| String::from_utf8(value.to_vec()).unwrap())));
            };
            snapshot.get_many(Table::Heads, &wanted, visit)?;
            snapshot.get_many(Table::Heads, &[], &mut |_, _| panic!("no keys, no visits"))
        })
        .unwrap();
    let expected = expected.map(|value| value.map(str::to_owned));
    assert_eq!(seen, expected.into_iter().enumerate().collect::<Vec<_>>());
}

fn scan(engine: &dyn Engine) {
    let entries: Vec<_> = (b'a'..=b'f').map(|byte| [byte]).collect();
    let entries: Vec<(&[u8], &[u8])> = entries.iter().map(|key| (&key[..], &key[..])).collect();
    put(engine, Table::Fields, &entries).unwrap();
    let cases: [(&[u8], usize, u8, &str); 8] = [
        (b"", usize::MAX, b'z', "abcdef"),
        (b"", 2, b'z', "ab"),
        (b"", 0, b'z', ""),
        (b"c", 2, b'z', "cd"),
        (b"c\0", 2, b'z', "de"),
        (b"e", 9, b'z', "ef"),
        (b"f\0", 9, b'z', ""),
        (b"b", 9, b'd', "bcd"),
    ];
    for (from, limit, last, expected) in cases {
        let mut seen = String::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            assert_eq!(key, value);
            seen.push(char::from(key[0]));
            if key[0] == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        engine.read(&mut |snapshot| snapshot.scan(Table::Fields, from, limit, visit)).unwrap();
        assert_eq!(seen, expected, "from {from:?} limit {limit}");
    }
}

fn last_write(engine: &dyn Engine) {
    engine
        .write(&mut |_| {
            let mut mutations = Mutations::default();
            mutations.put(Table::Heads, b"b", b"first");
            mutations.put(Table::Heads, b"a", b"gone");
            mutations.put(Table::Heads, b"b", b"second");
            mutations.delete(Table::Heads, b"a");
            mutations.delete(Table::Heads, b"c");
            mutations.put(Table::Heads, b"c", b"back");
            mutations.put(Table::Heads, b"c\0", b"another key");
            Ok(mutations)
        })
        .unwrap();
    assert_eq!(get(engine, Table::Heads, b"a"), None);
    assert_eq!(get(engine, Table::Heads, b"b").unwrap(), b"second");
    assert_eq!(get(engine, Table::Heads, b"c").unwrap(), b"back");
}

fn delete_missing(engine: &dyn Engine) {
    put(engine, Table::Heads, &[(b"b", b"2")]).unwrap();
    delete(engine, Table::Heads, &[b"a", b"c"]).unwrap();
    assert_eq!(get(engine, Table::Heads, b"b").unwrap(), b"2");
    delete(engine, Table::Heads, &[b"b", b"b"]).unwrap();
    assert_eq!(get(engine, Table::Heads, b"b"), None);
}

fn snapshot_isolation(engine: &dyn Engine) {
    put(engine, Table::Heads, &[(b"a", b"old"), (b"b", b"old")]).unwrap();
    let (opened, wait_opened) = mpsc::channel();
    let (written, wait_written) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            wait_opened.recv().unwrap();
            put(engine, Table::Heads, &[(b"a", b"new"), (b"c", b"new")]).unwrap();
            delete(engine, Table::Heads, &[b"b"]).unwrap();
            written.send(()).unwrap();
        });
        let read = &mut |snapshot: &dyn Snapshot| {
            opened.send(()).unwrap();
            wait_written.recv().unwrap();
            let old = |key: &[u8]| (key.to_vec(), b"old".to_vec());
            assert_eq!(list(snapshot, Table::Heads), [old(b"a"), old(b"b")]);
            Ok(())
        };
        engine.read(read).unwrap();
    });
    assert_eq!(get(engine, Table::Heads, b"a").unwrap(), b"new");
    assert_eq!(get(engine, Table::Heads, b"b"), None);
}

fn plan(engine: &dyn Engine) {
    put(engine, Table::Heads, &[(b"count", &[1])]).unwrap();
    for _ in 0..3 {
        let plan = &mut |snapshot: &dyn Snapshot| {
            let mut mutations = Mutations::default();
            snapshot.get_many(Table::Heads, &[b"count"], &mut |_, value| {
                mutations.put(Table::Heads, b"count", &[value.unwrap()[0] + 1]);
            })?;
            Ok(mutations)
        };
        engine.write(plan).unwrap();
    }
    let refusal = StoreError::Io("no".to_owned());
    assert_eq!(engine.write(&mut |_| Err(refusal.clone())), Err(refusal));
    engine.write(&mut |_| Ok(Mutations::default())).unwrap();
    assert_eq!(get(engine, Table::Heads, b"count").unwrap(), [4]);
}

fn atomicity(engine: &dyn Engine) {
    let long = [7; 512];
    for bad in [b"".as_slice(), &long] {
        let outcome = put(engine, Table::Heads, &[(b"a", b"1"), (bad, b"2"), (b"z", b"3")]);
        assert!(matches!(outcome, Err(StoreError::Io(_))), "{} bytes", bad.len());
    }
    new_store(engine);
}

fn limits(engine: &dyn Engine) {
    let key = [7; keys::KEY_BYTES_MAX];
    let big: Vec<u8> = (0..2 * MIB).map(|index| u8::try_from(index % 251).unwrap()).collect();
    put(engine, Table::Bodies, &[(&key, b"longest key"), (b"big", &big), (b"empty", b"")]).unwrap();
    assert_eq!(get(engine, Table::Bodies, &key).unwrap(), b"longest key");
    assert_eq!(get(engine, Table::Bodies, b"empty").unwrap(), b"");
    assert!(get(engine, Table::Bodies, b"big").unwrap() == big);
    put(engine, Table::Bodies, &[(b"big", b"small")]).unwrap();
    assert_eq!(get(engine, Table::Bodies, b"big").unwrap(), b"small");
}

fn tables(engine: &dyn Engine) {
    for table in Table::ALL {
        put(engine, table, &[(b"same key", table.name().as_bytes())]).unwrap();
    }
    for table in Table::ALL {
        assert_eq!(get(engine, table, b"same key").unwrap(), table.name().as_bytes());
        assert_eq!(Table::from_tag(table.tag()), Some(table));
    }
    assert_eq!(Table::from_tag(u8::try_from(Table::ALL.len()).unwrap()), None);
}

fn readers(engine: &dyn Engine) {
    let first = &mut |_: &dyn Snapshot| {
        let second = &mut |_: &dyn Snapshot| {
            let third = engine.read(&mut |_| Ok(()));
            assert_eq!(third, Err(StoreError::ReadersFull { readers_max: 2 }));
            assert_eq!(engine.stats().readers, 2);
            Ok(())
        };
        std::thread::sleep(std::time::Duration::from_millis(2));
        engine.read(second)
    };
    engine.read(first).unwrap();
    engine.read(&mut |_| Err(StoreError::Io("no".to_owned()))).unwrap_err();
    let stats = engine.stats();
    assert_eq!((stats.readers, stats.reader_age_ms), (0, 0));
    assert!(stats.used_bytes > 0 && stats.map_bytes >= stats.used_bytes);
}

fn writers(engine: &dyn Engine) {
    put(engine, Table::Heads, &[(b"count", &[0])]).unwrap();
    let increment = &|| {
        let plan = &mut |snapshot: &dyn Snapshot| {
            let mut mutations = Mutations::default();
            snapshot.get_many(Table::Heads, &[b"count"], &mut |_, value| {
                mutations.put(Table::Heads, b"count", &[value.unwrap()[0] + 1]);
            })?;
            Ok(mutations)
        };
        (0..10).for_each(|_| engine.write(plan).unwrap());
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(increment);
        }
    });
    assert_eq!(get(engine, Table::Heads, b"count").unwrap(), [40]);
}

/// Few keys, so that batches meet; some values are larger than a page.
fn batches() -> impl Strategy<Value = Vec<Vec<(u8, Key, Option<Value>)>>> {
    let key = prop::collection::vec(0_u8..4, 1..5);
    let value = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        1 => (1_000_usize..9_000).prop_map(|bytes| Some(vec![7; bytes])),
        3 => Just(None),
    ];
    let entry = (2_u8..5, key, value);
    prop::collection::vec(prop::collection::vec(entry, 0..60), 1..8)
}

fn mutations(batch: &[(u8, Key, Option<Value>)]) -> Mutations {
    let mut mutations = Mutations::default();
    for (tag, key, value) in batch {
        let table = Table::from_tag(*tag).unwrap();
        match value {
            Some(value) => mutations.put(table, key, value),
            None => mutations.delete(table, key),
        }
    }
    mutations
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn random_batches_leave_engines_equal(batches in batches()) {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        let mut lmdb = Lmdb::open(&options(directory.path())).unwrap();
        for (index, batch) in batches.iter().enumerate() {
            memory.write(&mut |_| Ok(mutations(batch))).unwrap();
            lmdb.write(&mut |_| Ok(mutations(batch))).unwrap();
            if index % 3 == 2 {
                drop(lmdb);
                lmdb = Lmdb::open_existing(&options(directory.path())).unwrap();
            }
            prop_assert_eq!(everything(&memory), everything(&lmdb));
        }
    }
}
