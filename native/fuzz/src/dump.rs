//! Files that claim to be a dump: what is loaded is dumped as it was, everything else is refused.

use _native::store::{Memory, dump};
use _native::tools;
use sha2::{Digest, Sha256};

use super::store;

/// Bytes of the checksum at the end.
const HASH_BYTES: usize = 32;

/// The input is the file; it is tried with its own checksum and with the right one, which no
/// mutation would find.
pub fn run(data: &[u8]) {
    load(data);
    let content = &data[..data.len().saturating_sub(HASH_BYTES)];
    load(&[content, Sha256::digest(content).as_slice()].concat());
}

fn load(file: &[u8]) {
    let engine = Memory::default();
    let Ok(entries) = dump::load(&mut &file[..], &engine, &mut |_, _| {}) else { return };
    let mut again = Vec::new();
    let dumped = dump::dump(&engine, &mut again, &mut |_, _| {});
    assert_eq!(dumped, Ok(entries));
    assert!(again == file, "a dump that is loaded is dumped as it was");
    // Whatever the entries are: a check reports, and never panics.
    let _report = tools::check(&engine, &mut |_, _| {});
}

/// The dump of a store with something in every table.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut file = Vec::new();
    dump::dump(&store::filled(), &mut file, &mut |_, _| {}).expect("memory reads");
    vec![file]
}
