//! A file as UTF-8 text, decoded while it is read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::fault::Result;
use crate::wire::v1::Charset;

use super::faults::disk;
use super::limits::BLOCK_BYTES;

/// U+FEFF, which editors write before text to say how it is written.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Text that comes in pieces. What the charset does not have is `INVALID` in it.
pub(super) struct Text {
    file: File,
    charset: Charset,
    bytes_read: u64,
    ended: bool,
}

impl Text {
    /// Opens a file that is written in `charset`.
    pub(super) fn open(path: &Path, charset: Charset) -> Result<Self> {
        let file = File::open(path).map_err(|error| disk(&error))?;
        Ok(Self { file, charset, bytes_read: 0, ended: false })
    }

    /// How the file is written.
    pub(super) fn charset(&self) -> Charset {
        self.charset
    }

    /// Bytes of the file that were read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether there is no more text.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Appends the text of the next block to `text`.
    pub(super) fn read_more(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let (start, is_first) = (text.len(), self.bytes_read == 0);
        let block = (&mut self.file).take(BLOCK_BYTES as u64);
        let count = { block }.read_to_end(text).map_err(|error| disk(&error))?;
        self.bytes_read += count as u64;
        self.ended = count < BLOCK_BYTES;
        if is_first && text[start..].starts_with(BYTE_ORDER_MARK) {
            text.drain(start..start + BYTE_ORDER_MARK.len());
        }
        Ok(())
    }
}
