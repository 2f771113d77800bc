//! A file as UTF-8 text, decoded while it is read.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fault::Result;
use crate::wire::v1::Charset;

use super::charset::{Decoder, is_big_endian};
use super::faults::disk;
use super::limits::BLOCK_BYTES;

/// U+FEFF, which editors write before text to say how it is written.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Text that comes in pieces. What the charset does not have is no UTF-8 in it.
pub(super) struct Text {
    file: File,
    charset: Charset,
    decoder: Decoder,
    block: Vec<u8>,
    bytes_read: u64,
    ended: bool,
    spent: Spent,
}

/// How long text has taken.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Spent {
    /// To read the file.
    pub(super) read: Duration,
    /// To decode it.
    pub(super) decode: Duration,
}

impl Text {
    /// Opens a file that is written in `charset`.
    pub(super) fn open(path: &Path, charset: Charset) -> Result<Self> {
        let mut file = File::open(path).map_err(|error| disk(&error))?;
        let is_big_endian = charset == Charset::Utf16 && begins_big_endian(&mut file)?;
        let decoder = Decoder::new(charset, is_big_endian);
        Ok(Self {
            file,
            charset,
            decoder,
            block: Vec::new(),
            bytes_read: 0,
            ended: false,
            spent: Spent::default(),
        })
    }

    /// How the file is written.
    pub(super) fn charset(&self) -> Charset {
        self.charset
    }

    /// Bytes of the file that were read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// How long it has taken since this was asked last.
    pub(super) fn take_spent(&mut self) -> Spent {
        std::mem::take(&mut self.spent)
    }

    /// Whether there is no more text.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Appends the text of the next block to `text`.
    pub(super) fn read_more(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let (start, is_first) = (text.len(), self.bytes_read == 0);
        let began = Instant::now();
        let is_plain = self.decoder.is_plain();
        self.block.clear();
        let block = if is_plain { &mut *text } else { &mut self.block };
        let count = read_block(&mut self.file, block)?;
        let read = began.elapsed();
        self.spent.read += read;
        if !is_plain {
            self.decoder.decode(&self.block, count < BLOCK_BYTES, text);
            self.spent.decode += began.elapsed().saturating_sub(read);
        }
        self.bytes_read += count as u64;
        self.ended = count < BLOCK_BYTES;
        if is_first && text[start..].starts_with(BYTE_ORDER_MARK) {
            text.drain(start..start + BYTE_ORDER_MARK.len());
        }
        Ok(())
    }
}

/// Appends the next block of a file; less than a block is the last one.
pub(super) fn read_block(file: &mut File, block: &mut Vec<u8>) -> Result<usize> {
    file.take(BLOCK_BYTES as u64).read_to_end(block).map_err(|error| disk(&error))
}

/// Tells the byte order of UTF-16 from the first block.
fn begins_big_endian(file: &mut File) -> Result<bool> {
    let mut block = Vec::new();
    read_block(file, &mut block)?;
    file.rewind().map_err(|error| disk(&error))?;
    Ok(is_big_endian(&block))
}
