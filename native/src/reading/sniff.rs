//! What kind of file it is, by its first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::fault::Result;

use super::faults::disk;

/// Enough to see the names of the first parts of a zip.
const HEAD_BYTES: u64 = 4_096;

/// Names the kind of a file: `xlsx`, `xls`, `ods`, `zip`, `gzip` or `text`.
pub fn sniff(path: &Path) -> Result<&'static str> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(|error| disk(&error))?;
    file.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| disk(&error))?;
    let has = |word: &[u8]| memchr::memmem::find(&head, word).is_some();
    Ok(match head.as_slice() {
        [b'P', b'K', 3, 4, ..] if has(b"opendocument.spreadsheet") => "ods",
        [b'P', b'K', 3, 4, ..] if has(b"[Content_Types].xml") || has(b"xl/") => "xlsx",
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => "zip",
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => "xls",
        [0x1f, 0x8b, ..] => "gzip",
        _ => "text",
    })
}
