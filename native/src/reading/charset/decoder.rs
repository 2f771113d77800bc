//! Bytes of a charset become UTF-8, block after block.

use encoding_rs::{DecoderResult, UTF_16BE, UTF_16LE};

use crate::wire::v1::Charset;

use super::single_byte::Table;
use super::utf7::Utf7;

/// What stands in the text for bytes that their charset does not have: no UTF-8 has this byte, so
/// whoever checks the text finds it, and nobody takes it for a character.
pub(in crate::reading) const INVALID: u8 = 0xff;

/// A decoder with what it remembers from one block to the next.
pub(in crate::reading) enum Decoder {
    /// UTF-8, which is checked row by row and not here.
    Utf8,
    /// One byte a character.
    SingleByte(Box<Table>),
    /// UTF-16 in one of its byte orders.
    Utf16(Box<encoding_rs::Decoder>),
    /// UTF-7.
    Utf7(Utf7),
}

impl Decoder {
    /// A decoder; `is_big_endian` is for UTF-16.
    pub(in crate::reading) fn new(charset: Charset, is_big_endian: bool) -> Self {
        match charset {
            Charset::Unspecified | Charset::Utf8 => Self::Utf8,
            Charset::Cp1251 | Charset::Koi8R | Charset::MacCyrillic => {
                Self::SingleByte(Box::new(Table::new(charset)))
            }
            Charset::Utf16 => {
                let encoding = if is_big_endian { UTF_16BE } else { UTF_16LE };
                Self::Utf16(Box::new(encoding.new_decoder_without_bom_handling()))
            }
            Charset::Utf7 => Self::Utf7(Utf7::default()),
        }
    }

    /// Whether text and bytes are the same.
    pub(in crate::reading) fn is_plain(&self) -> bool {
        matches!(self, Self::Utf8)
    }

    /// Appends the text of a block; `is_last` says that none follows.
    pub(in crate::reading) fn decode(&mut self, block: &[u8], is_last: bool, text: &mut Vec<u8>) {
        match self {
            Self::Utf8 => text.extend_from_slice(block),
            Self::SingleByte(table) => table.decode(block, text),
            Self::Utf16(decoder) => decode_utf16(decoder, block, is_last, text),
            Self::Utf7(decoder) => decoder.decode(block, is_last, text),
        }
    }
}

fn decode_utf16(
    decoder: &mut encoding_rs::Decoder,
    mut block: &[u8],
    is_last: bool,
    text: &mut Vec<u8>,
) {
    loop {
        let start = text.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(block.len());
        text.resize(start + room.expect("blocks are small"), 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(block, &mut text[start..], is_last);
        text.truncate(start + written);
        block = &block[read..];
        match result {
            DecoderResult::Malformed(..) => text.push(INVALID),
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
        }
    }
}
