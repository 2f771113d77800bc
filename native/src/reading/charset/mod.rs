//! Charsets: their names, decoding of them, and telling which one a file has.

mod choice;
mod decoder;
mod detect;
mod names;
mod score;
mod single_byte;
mod survey;
mod utf7;
mod vocabulary;

pub(super) use decoder::Decoder;
pub(super) use detect::{Detected, detect, is_big_endian};
pub(super) use names::charset_name;
