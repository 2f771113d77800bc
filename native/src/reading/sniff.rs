//! What kind of file it is, by its first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::fault::Result;

use super::faults::disk;

/// Enough to see the names of the first parts of a zip.
const HEAD_BYTES: u64 = 4_096;

/// Where the first header of a tar names its format.
const TAR_AT: usize = 257;

/// What pages begin with, in letters of any case.
const HTML: [&[u8]; 2] = [b"<!doctype html", b"<html"];

/// Names the kind of a file: `xlsx`, `xls`, `ods`, `zip`, `gzip`; one whose rows nobody reads; or
/// else `text`.
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
        head => other(head).unwrap_or("text"),
    })
}

/// The kinds that are known so that they are refused by their names.
fn other(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => "bzip2",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => "7z",
        [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => "rar",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'%', b'P', b'D', b'F', b'-', ..] => "pdf",
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "gif",
        _ if is_tar(head) => "tar",
        _ if is_html(head) => "html",
        _ => return None,
    })
}

fn is_tar(head: &[u8]) -> bool {
    let format = head.get(TAR_AT..).unwrap_or_default();
    format.starts_with(b"ustar\0") || format.starts_with(b"ustar  \0")
}

fn is_html(head: &[u8]) -> bool {
    // Without zeros, ASCII in UTF-16 is ASCII.
    let text: Vec<u8> = head.iter().copied().filter(|byte| *byte != 0).collect();
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let text = marks.iter().find_map(|mark| text.strip_prefix(*mark)).unwrap_or(&text);
    let text = text.trim_ascii_start();
    let begins =
        |word: &&[u8]| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    HTML.iter().any(begins)
}
