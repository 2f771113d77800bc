//! Dumps: the format, and what is refused.

use std::path::Path;

use super::*;
use crate::store::conformance::{everything, options, put};
use crate::store::{Lmdb, Memory, records};
use crate::wire::storage::StoreHeader;

fn filled() -> Memory {
    let engine = Memory::default();
    let longest = [7; keys::KEY_BYTES_MAX];
    put(&engine, Table::Heads, &[(b"a", b"1"), (b"b", b""), (&longest, b"3")]).unwrap();
    put(&engine, Table::Bodies, &[(b"big", &vec![9; 2 << 20])]).unwrap();
    put(&engine, Table::Changes, &[(b"1", b"x")]).unwrap();
    engine
}

fn dumped(engine: &dyn Engine) -> Vec<u8> {
    let mut output = Vec::new();
    dump(engine, &mut output, &mut |_, _| {}).unwrap();
    output
}

fn loaded(mut input: &[u8]) -> StoreResult<Memory> {
    let engine = Memory::default();
    load(&mut input, &engine, &mut |_, _| {})?;
    Ok(engine)
}

/// Makes the trailer right again, so that what was changed before it is what is refused.
fn sign(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - 32);
    let hash = Sha256::digest(&file);
    file.extend_from_slice(&hash);
    file
}

#[test]
fn the_format_is_the_documented_one() {
    let engine = Memory::default();
    put(&engine, Table::Heads, &[(b"ab", b"c")]).unwrap();
    let header = records::encode(&header::fresh());
    let mut expected = b"zmey dump 1\n\0\0\x06\0\0\0".to_vec();
    expected.push(u8::try_from(header.len()).unwrap());
    expected.extend_from_slice(b"header");
    expected.extend_from_slice(&header);
    expected.extend_from_slice(b"\x03\0\x02\0\0\0\x01abc\xff\0\0\0\0\0\0\0\x02");
    expected.extend_from_slice(&[0; 32]);
    assert_eq!(dumped(&engine), sign(expected));
}

#[test]
fn a_store_moves_from_engine_to_engine() {
    let directory = tempfile::tempdir().unwrap();
    let (file, store) = (directory.path().join("dump"), directory.path().join("store"));
    let engine = filled();
    let mut seen = Vec::new();
    let entries = dump_file(&engine, &file, &mut |table, count| seen.push((table, count))).unwrap();
    assert_eq!(entries, 6);
    assert!(seen.contains(&(Table::Heads, 3)) && seen.contains(&(Table::Changes, 1)));
    let open = |path: &Path| Lmdb::open(&options(path));
    assert_eq!(load_directory(&file, &store, open, &mut |_, _| {}), Ok(6));
    let lmdb = open(&store).unwrap();
    assert!(everything(&lmdb) == everything(&engine));
    assert!(dumped(&lmdb) == std::fs::read(&file).unwrap());
}

#[test]
fn many_batches_are_loaded() {
    let engine = Memory::default();
    for index in 0..40_u8 {
        put(&engine, Table::Bodies, &[(&[index], &vec![index; 1 << 20])]).unwrap();
    }
    assert!(everything(&loaded(&dumped(&engine)).unwrap()) == everything(&engine));
}

#[test]
fn every_cut_and_every_flipped_byte_is_refused() {
    let engine = Memory::default();
    put(&engine, Table::Heads, &[(b"a", b"1"), (b"b", b"22")]).unwrap();
    let file = dumped(&engine);
    for length in 0..file.len() {
        let error = loaded(&file[..length]).unwrap_err().to_string();
        assert_eq!(error, "the dump is not usable: it is cut short", "{length}");
    }
    for position in 0..file.len() {
        let mut flipped = file.clone();
        flipped[position] ^= 0x10;
        loaded(&flipped).unwrap_err();
    }
}

#[test]
fn what_is_no_dump_is_refused() {
    let engine = Memory::default();
    put(&engine, Table::Heads, &[(b"a", b"1")]).unwrap();
    let file = dumped(&engine);
    let end = file.len() - 41;
    let entry = end - 9;
    let with = |range: std::ops::Range<usize>, bytes: &[u8]| {
        let mut changed = file.clone();
        changed.splice(range, bytes.iter().copied());
        sign(changed)
    };
    let other = StoreHeader { format_version: 2, ..header::fresh() };
    let foreign = Memory::default();
    put(&foreign, Table::Meta, &[(keys::HEADER, &records::encode(&other))]).unwrap();
    let doubled = [&file[entry..end], &file[entry..end]].concat();
    let cases = [
        (b"zmey dump 2\n".to_vec(), "it does not begin like a dump of this version"),
        ([file.as_slice(), b"x"].concat(), "something follows its end"),
        (with(entry..entry + 1, &[254]), "it has an unknown table"),
        (with(entry + 1..entry + 3, &[2, 0]), "it has an entry of impossible length"),
        (with(entry + 3..entry + 4, &[0xff]), "it has an entry of impossible length"),
        (with(entry + 3..entry + 4, &[1]), "it is cut short"),
        (with(entry..end, &doubled), "its entries are not in order"),
        (with(entry..end, &[]), "its number of entries is wrong"),
        (with(MAGIC.len()..entry, &[]), "its first entry is not the header of a store"),
        (with(MAGIC.len()..end, &[]), "its number of entries is wrong"),
        (dumped(&foreign), "format version 2; this zmey knows 1"),
    ];
    for (file, expected) in cases {
        let error = loaded(&file).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_filled_engine_is_not_loaded_into() {
    let engine = filled();
    let before = everything(&engine);
    load(&mut dumped(&Memory::default()).as_slice(), &engine, &mut |_, _| {}).unwrap_err();
    assert!(everything(&engine) == before);
}

/// Tries to load `file` into `store`; names what is in the directory of both afterwards.
fn check_refused(content: &[u8], prepare: fn(&Path), expected: &str, left: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let (file, store) = (directory.path().join("dump"), directory.path().join("store"));
    std::fs::write(&file, content).unwrap();
    prepare(&store);
    let open = |path: &Path| Lmdb::open(&options(path));
    let error = load_directory(&file, &store, open, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains(expected), "{expected}: {error}");
    let mut names: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, left, "{expected}");
}

#[test]
fn nothing_half_loaded_stays() {
    let whole = dumped(&filled());
    let cut = &whole[..whole.len() - 1];
    let filled_store = |path: &Path| drop(Lmdb::open(&options(path)).unwrap());
    let killed = |path: &Path| std::fs::create_dir(path.with_extension("loading")).unwrap();
    check_refused(cut, |_| {}, "it is cut short", &["dump"]);
    check_refused(b"text", |_| {}, "it is cut short", &["dump"]);
    check_refused(&whole, filled_store, "exists and is not empty", &["dump", "store"]);
    check_refused(&whole, killed, "was killed", &["dump", "store.loading"]);
}

#[test]
fn a_dump_does_not_replace_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dump");
    std::fs::write(&file, "precious").unwrap();
    dump_file(&filled(), &file, &mut |_, _| {}).unwrap_err();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}
