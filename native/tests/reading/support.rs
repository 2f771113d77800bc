//! Files on the disk for the tests, and their rows as text.

use std::path::PathBuf;

use _native::reading::{Inspection, Problem, SourceBatch, inspect, open};
use _native::wire::v1::{Charset, FileShape, FirstLine, ImportLayout, ImportReading, Separator};
use tempfile::TempDir;

/// A file that goes away with its folder.
pub struct File {
    _folder: TempDir,
    pub path: PathBuf,
}

/// Writes a file.
pub fn file(content: impl AsRef<[u8]>) -> File {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows");
    std::fs::write(&path, content).expect("a file");
    File { _folder: folder, path }
}

/// The layout of CSV without names.
pub fn csv(charset: Charset, separator: Separator) -> ImportLayout {
    let mut reading = ImportReading::default();
    reading.set_shape(FileShape::Csv);
    reading.set_charset(charset);
    reading.set_separator(separator);
    reading.set_first_line(FirstLine::Data);
    ImportLayout { reading: Some(reading), ..ImportLayout::default() }
}

/// Rows with their numbers, and problems.
#[derive(Debug, Default, PartialEq)]
pub struct Rows {
    pub rows: Vec<(u64, Vec<String>)>,
    pub problems: Vec<Problem>,
}

/// All rows of a file, in batches of these bounds.
pub fn read_in(file: &File, layout: &ImportLayout, rows_max: usize, bytes_max: usize) -> Rows {
    let mut reader = open(&file.path, layout).expect("an open file");
    let mut rows = Rows::default();
    while let Some(batch) = reader.next_batch(rows_max, bytes_max).expect("a batch") {
        assert!(!batch.is_empty() && batch.len() <= rows_max);
        rows.rows.extend(texts(&batch));
        rows.problems.extend(batch.problems);
    }
    rows
}

/// All rows of a file.
pub fn read(file: &File, layout: &ImportLayout) -> Rows {
    read_in(file, layout, 1_000, 1 << 20)
}

/// The rows of a batch as text.
pub fn texts(batch: &SourceBatch) -> Vec<(u64, Vec<String>)> {
    let text = |cell: &bytes::Bytes| String::from_utf8(cell.to_vec()).expect("UTF-8");
    let rows = batch.rows.iter().map(|row| row.cells.iter().map(text).collect());
    batch.numbers.iter().copied().zip(rows).collect()
}

/// What a file is, where nothing is said about it.
pub fn inspected(file: &File) -> Inspection {
    inspect(&file.path, &ImportReading::default(), &[]).expect("an inspection")
}
