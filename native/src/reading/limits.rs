//! Every bound of reading a file, with its reason.

/// Bytes that are read at once: enough for the disk, little to copy where a batch ends.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// Bytes of one row as text, that is of a line or of what quotes make of several lines: the bound
/// of a member's body. Without one, a quote that is never closed would swallow the file.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;

/// Line ends within one cell: a long letter has fewer, and a quote that is never closed is noticed
/// near to where it opens.
pub const CELL_LINES_MAX: usize = 1_000;

/// Bytes of the text of a row that could not be read: what a person needs to find it. Reports of
/// hostile files stay small.
pub const PROBLEM_TEXT_BYTES_MAX: usize = 4 * 1024;

/// Rows from which separator, first line and names are told, and which are estimated from.
pub const SAMPLE_ROWS_MAX: usize = 1_000;

/// Bytes of text of these rows.
pub const SAMPLE_BYTES_MAX: usize = 1024 * 1024;

/// Rows that are picked from all over a file to tell what would become of all of it. More than
/// these are thinned out to a half, of which shares are right within three points of a hundred.
pub const PICKED_ROWS_MAX: usize = 2_000;

/// Bytes of these rows.
pub const PICKED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of the file from which they are picked: reading these takes a second.
pub const PICKED_FROM_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Rows that are shown (seed 002, member.import.probe: "первых 15 значащих строк").
pub const SHOWN_ROWS_MAX: usize = 15;

/// Warnings about one file: a person reads no more, and the contract allows 100.
pub const WARNINGS_MAX: usize = 100;

/// Columns of a file: those of an import.
pub const COLUMNS_MAX: usize = 1_000;

/// Bytes of the name of a column: the contract's bound of `ImportColumn.name`.
pub const NAME_BYTES_MAX: usize = 1_024;

/// Characters of a name that messages repeat.
pub const SHOWN_CHARACTERS_MAX: usize = 100;

/// Rows of a sheet: what XLSX and ODS can have.
pub const SHEET_ROWS_MAX: u64 = 1_048_576;

/// 2^53. Spreadsheets keep numbers as doubles, of which each is several whole numbers from here on.
pub const EXACT_NUMBERS_END: f64 = 9_007_199_254_740_992.0;

/// Bytes of the captions of a JSON document: a thousand columns of a kilobyte.
pub const CAPTION_BYTES_MAX: usize = 1024 * 1024;
