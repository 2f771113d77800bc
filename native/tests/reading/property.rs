//! Whatever rows are written as a file are read back exactly, in batches of any size.

use _native::wire::v1::{Charset, FileShape, FirstLine, ImportLayout, ImportReading, Separator};
use proptest::prelude::*;

use crate::charsets::{CHARSETS, encoded};
use crate::support::{Rows, csv, file, read_in};

const SEPARATORS: [(Separator, char); 4] = [
    (Separator::Comma, ','),
    (Separator::Semicolon, ';'),
    (Separator::Pipe, '|'),
    (Separator::Tab, '\t'),
];
const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

/// Cells of characters that all charsets have, with all that is special in CSV.
fn cell() -> impl Strategy<Value = String> {
    "[a-cА-Яа-яё0-9 #\"',;|\t\r\n+\\-@.]{0,12}"
}

fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let row = prop::collection::vec(cell(), 1..6)
        .prop_filter("blank rows are passed over", |row| {
            row.iter().any(|cell| !cell.trim().is_empty())
        });
    prop::collection::vec(row, 0..20)
}

fn charset() -> impl Strategy<Value = Charset> {
    prop::sample::select(CHARSETS.to_vec())
}

fn written(rows: &[Vec<String>], separator: char, line_end: &str, quotes_all: bool) -> String {
    let mut text = String::new();
    for row in rows {
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                text.push(separator);
            }
            let needs_quotes = cell.contains([separator, '"', '\r', '\n'])
                || (index == 0 && (cell.starts_with('#') || cell.trim().is_empty()));
            if quotes_all || needs_quotes {
                text.extend(["\"", &cell.replace('"', "\"\""), "\""]);
            } else {
                text.push_str(cell);
            }
        }
        text.push_str(line_end);
    }
    text
}

/// The number of the line where each row begins.
fn numbers(rows: &[Vec<String>]) -> Vec<u64> {
    let mut line = 1;
    let mut numbers = Vec::new();
    for row in rows {
        numbers.push(line);
        line += 1;
        for cell in row {
            let ends = cell.replace("\r\n", "\n");
            line += ends.matches(['\n', '\r']).count() as u64;
        }
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn csv_is_read_as_it_was_written(
        rows in rows(),
        separator in prop::sample::select(SEPARATORS.to_vec()),
        line_end in prop::sample::select(LINE_ENDS.to_vec()),
        charset in charset(),
        quotes_all in any::<bool>(),
        is_closed in any::<bool>(),
        bounds in (1_usize..5, 1_usize..200),
    ) {
        let mut text = written(&rows, separator.1, line_end, quotes_all);
        if !is_closed {
            text.truncate(text.len() - if text.is_empty() { 0 } else { line_end.len() });
        }
        let file = file(encoded(charset, &text).expect("bytes"));
        let read = read_in(&file, &csv(charset, separator.0), bounds.0, bounds.1);
        let expected = numbers(&rows).into_iter().zip(rows).collect();
        prop_assert_eq!(read, Rows { rows: expected, problems: Vec::new() });
    }

    #[test]
    fn json_is_read_as_it_was_written(
        rows in rows(),
        is_document in any::<bool>(),
        bounds in (1_usize..5, 1_usize..200),
    ) {
        let lines: Vec<String> =
            rows.iter().map(|row| serde_json::to_string(row).expect("JSON")).collect();
        let (shape, text) = if is_document {
            let rows = lines.join(",\n");
            (FileShape::Json, format!("{{\"x\": [{{}}, \"]\"], \"rows\": [{rows}]}}"))
        } else {
            (FileShape::JsonLines, lines.join("\n"))
        };
        let mut reading = ImportReading::default();
        reading.set_shape(shape);
        reading.set_charset(Charset::Utf8);
        reading.set_first_line(FirstLine::Data);
        let layout = ImportLayout { reading: Some(reading), ..ImportLayout::default() };
        let read = read_in(&file(text), &layout, bounds.0, bounds.1);
        let expected = (1..).zip(rows).collect();
        prop_assert_eq!(read, Rows { rows: expected, problems: Vec::new() });
    }

    #[test]
    fn no_bytes_are_too_ugly(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let file = file(&content);
        for (separator, _) in SEPARATORS {
            for charset in [Charset::Utf8, Charset::Cp1251, Charset::Utf16, Charset::Utf7] {
                read_in(&file, &csv(charset, separator), 3, 50);
            }
        }
        let inspected = _native::reading::inspect(&file.path, &ImportReading::default(), &[]);
        if let Ok(inspection) = inspected {
            read_in(&file, &inspection.layout, 3, 50);
        }
    }
}

#[test]
fn long_files_are_read_like_short_ones() {
    let rows: Vec<Vec<String>> = (0..40_000)
        .map(|number| vec![format!("a{number}@example.com"), "Юлия\n\"Щ\"".repeat(number % 7)])
        .collect();
    for charset in [Charset::Utf8, Charset::Koi8R, Charset::Utf16, Charset::Utf7] {
        let text = written(&rows, ';', "\r\n", false);
        let file = file(encoded(charset, &text).expect("bytes"));
        let layout = csv(charset, Separator::Semicolon);
        let read = read_in(&file, &layout, 1_000, 30_000);
        assert_eq!(read.problems, []);
        assert!(read.rows.iter().map(|(_, cells)| cells).eq(&rows));
        assert_eq!(read_in(&file, &layout, 7, 1 << 20), read);
    }
}
