//! The words for what is wrong with a file. None has a value of a cell in it.

use std::io;

use crate::fault::Fault;
use crate::wire::v1::{Charset, ErrorReason};

use super::charset::charset_name;
use super::limits::{CELL_LINES_MAX, ROW_BYTES_MAX};

/// The file could not be read from the disk, which is the server's own.
pub(super) fn disk(error: &io::Error) -> Fault {
    Fault::internal(format!("the file of an import cannot be read: {error}"))
}

/// Bytes that are no text.
pub(super) fn misfit(charset: Charset, column: Option<usize>) -> Fault {
    let name = charset_name(charset);
    let fault = Fault::new(
        ErrorReason::ImportCharsetMisfit,
        format!("The row has bytes that are no {name}; look for text in another charset."),
    )
    .with("charset", name);
    match column {
        Some(column) => fault.with("column", column),
        None => fault,
    }
}

/// A quote without its end.
pub(super) fn quote_open(line: u64, column: usize) -> Fault {
    Fault::new(
        ErrorReason::ImportQuoteOpen,
        format!(
            "The quote that opens in line {line} is not closed within {CELL_LINES_MAX} lines and \
             {ROW_BYTES_MAX} bytes; close it, or write a quote within a cell twice."
        ),
    )
    .with("line", line)
    .with("column", column)
}

/// A whole number of a spreadsheet of which the last digits may be others.
pub(super) fn inexact() -> Fault {
    Fault::new(
        ErrorReason::ImportNumberInexact,
        "A cell is a whole number with more digits than spreadsheets keep, so that the last ones \
         may be others; write it as text.",
    )
}

/// Text behind a quote that closes.
pub(super) fn quote_stray(line: u64, column: usize) -> Fault {
    Fault::new(
        ErrorReason::ImportQuoteStray,
        format!(
            "The cell whose quote opens in line {line} goes on after the quote that closes it; \
             write a quote within a cell twice."
        ),
    )
    .with("line", line)
    .with("column", column)
}

/// A file that is no text, or of another kind than was said.
pub(super) fn unknown_shape(kind: &str) -> Fault {
    const SEND: &str = "send CSV, JSON, JSON lines or a spreadsheet";
    let message = match kind {
        "bzip2" | "xz" | "7z" | "rar" | "zstd" | "tar" => format!(
            "The file is packed as {kind}, which is not unpacked here; pack it as gzip, or alone \
             in a zip."
        ),
        "pdf" => format!("The file is a PDF, which has no rows; {SEND}."),
        "png" | "jpeg" | "gif" => {
            format!("The file is a picture ({kind}), which has no rows; {SEND}.")
        }
        "html" => format!(
            "The file is an HTML page, perhaps of a login or of an error, or a table that only has \
             the name of a spreadsheet; look at it in a browser, and {SEND}."
        ),
        _ => format!("The file is of the kind {kind}, whose rows cannot be read as it is."),
    };
    Fault::new(ErrorReason::ImportShapeUnknown, message).with("kind", kind)
}

/// Names for columns that objects name themselves.
pub(super) fn names_of_objects() -> Fault {
    let message = "The rows are objects, whose members name the columns; leave reading.names out, \
                   or give other names by reading.renames.";
    Fault::new(ErrorReason::FieldInvalid, message).with("field", "reading.names")
}

/// A file without rows.
pub(super) fn empty(file_bytes: u64) -> Fault {
    Fault::new(ErrorReason::ImportEmpty, "The file has no rows.").with("file_bytes", file_bytes)
}

/// A row over the bound; `actual` is what was seen of it at least.
pub(super) fn row_too_long(actual: usize) -> Fault {
    Fault::limit("row_bytes", ROW_BYTES_MAX, actual)
}
