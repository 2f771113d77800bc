//! What becomes of each file of `tests/data/ugly`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use _native::fault::Fault;
use _native::reading::{convert, inspect, open};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::{ErrorReason, ImportColumn, ImportLayout, ImportReading};
use serde_json::Value;

use crate::support::texts;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/ugly")
}

/// How a file is read: shape, charset, separator, first line, with their confidences.
fn layout_line(layout: &ImportLayout) -> String {
    let reading = layout.reading.clone().expect("a reading");
    let word = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_lowercase();
    let sure = |name: &str| word(name, "CONFIDENCE_");
    let mut line = format!(
        "{}:{} {}:{}",
        word(reading.shape().as_str_name(), "FILE_SHAPE_"),
        sure(layout.shape_confidence().as_str_name()),
        word(reading.charset().as_str_name(), "CHARSET_"),
        sure(layout.charset_confidence().as_str_name()),
    );
    let separator = word(reading.separator().as_str_name(), "SEPARATOR_");
    if separator != "unspecified" {
        let sure = sure(layout.separator_confidence().as_str_name());
        write!(line, " {separator}:{sure}").expect("text");
    }
    let first = word(reading.first_line().as_str_name(), "FIRST_LINE_");
    write!(line, " {first}:{}", sure(layout.first_line_confidence().as_str_name())).expect("text");
    line
}

fn column_word(column: &ImportColumn) -> String {
    let kind = match column.target.as_ref().expect("a target") {
        Target::Address(_) => "address",
        Target::Datakey(datakey) if datakey.calc => "calc",
        Target::Datakey(datakey) if datakey.dynamic => "dynamic",
        Target::Datakey(_) => "datakey",
        Target::Ignored(_) => "ignored",
        _ => "other",
    };
    format!("{}={kind}", column.name)
}

fn fault_word(fault: &Fault) -> String {
    let details: Vec<String> =
        fault.details.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let name = fault.reason.as_str_name().trim_start_matches("ERROR_REASON_");
    format!("{name} {}", details.join(" "))
}

/// Everything that is said about a file, and all of its rows.
fn outcome(path: &Path) -> Result<String, Fault> {
    let inspection = inspect(path, &ImportReading::default(), &[])?;
    let mut text = layout_line(&inspection.layout) + "\n";
    let columns: Vec<String> = inspection.layout.columns.iter().map(column_word).collect();
    writeln!(text, "{}", columns.join(" ")).expect("text");
    for warning in &inspection.warnings {
        let fault = Fault::new(warning.reason(), warning.message.clone());
        let fault = Fault { details: warning.details.clone(), ..fault };
        writeln!(text, "warning {}", fault_word(&fault)).expect("text");
    }
    if let Some(fault) = &inspection.problem {
        writeln!(text, "cannot import: {}", fault_word(fault)).expect("text");
    }
    let mut reader = open(path, &inspection.layout)?;
    let mut seen = 0;
    while let Some(batch) = reader.next_batch(1_000, 1 << 20)? {
        for (index, (number, cells)) in texts(&batch).into_iter().enumerate() {
            let json = &batch.rows[index].json_cells;
            writeln!(text, "{number} {cells:?} {json:?}").expect("text");
            if let Some(shown) = inspection.rows.get(seen) {
                let is_null =
                    |(position, cell): (u32, &String)| cell == "null" && json.contains(&position);
                let positions = (0..).zip(&cells);
                // Null is shown as the nothing that it is.
                let cells: Vec<String> = positions
                    .map(|at| if is_null(at) { String::new() } else { at.1.clone() })
                    .collect();
                assert_eq!((shown.number, &shown.cells), (number, &cells));
                assert_eq!(shown.row, batch.rows[index]);
            }
            seen += 1;
        }
        for problem in &batch.problems {
            let word = fault_word(&problem.fault);
            writeln!(text, "{} {word} {:?}", problem.number, problem.text).expect("text");
            seen += 1;
        }
    }
    assert_eq!(inspection.rows_estimate, seen as u64);
    assert_eq!(reader.bytes_read(), inspection.file_bytes);
    Ok(text)
}

#[test]
fn every_file_has_its_outcome() {
    let mut tested = BTreeSet::new();
    for (name, expected) in FILES {
        let told = outcome(&folder().join(name)).unwrap_or_else(|fault| fault_word(&fault) + "\n");
        assert_eq!(told.trim_end(), expected.trim(), "{name}");
        tested.insert((*name).to_owned());
    }
    // Spreadsheets are for tests/test_ugly_files.py.
    let known: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| !["SOURCE.txt", "csv-spectrum", "old.xls"].contains(&name.as_str()))
        .collect();
    assert_eq!(tested, known);
}

#[test]
fn csv_spectrum_is_read_as_it_says() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder().join("csv-spectrum")).expect("the folder") {
        let path = entry.expect("an entry").path();
        // What is expected of the coordinates has another phone number, upstream too.
        let is_wrong = path.ends_with("location_coordinates.csv");
        if is_wrong || path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let mut reading = ImportReading::default();
        reading.set_separator(_native::wire::v1::Separator::Comma);
        reading.set_first_line(_native::wire::v1::FirstLine::Data);
        let inspection = inspect(&path, &reading, &[]).expect("an inspection");
        let mut reader = open(&path, &inspection.layout).expect("an open file");
        let batch = reader.next_batch(1_000, 1 << 20).expect("a batch").expect("rows");
        let mut rows = texts(&batch).into_iter().map(|(_, cells)| cells);
        let names = rows.next().expect("names");
        let objects = rows
            .map(|cells| names.iter().cloned().zip(cells.into_iter().map(Value::String)).collect());
        let expected = std::fs::read_to_string(path.with_extension("json"));
        // Our copies of the CSV files have lost their carriage returns, those of JSON have not.
        let expected = expected.expect("what is expected").replace("\\r\\n", "\\n");
        let expected: Value = serde_json::from_str(&expected).expect("JSON");
        assert_eq!(Value::Array(objects.map(Value::Object).collect()), expected, "{path:?}");
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn sheets_have_a_bound_of_rows() {
    let output = tempfile::NamedTempFile::new().expect("a file");
    for (rows_max, reason) in [(3, None), (2, Some(ErrorReason::LimitExceeded))] {
        let converted = convert(&folder().join("old.xls"), output.path(), "", rows_max);
        assert_eq!(converted.err().map(|fault| fault.reason), reason);
    }
}

#[expect(clippy::needless_raw_string_hashes, reason = "one form for all rows of a table")]
const FILES: &[(&str, &str)] = &[
    (
        "arrays.jsonl",
        r##"
json_lines:certain utf_8:certain names:certain
member.email=address name=datakey born=datakey
2 ["a@example.com", "A\u{301}nn \"x\"", "{\"y\":1985}"] [2]
4 ["b@example.com"] []
"##,
    ),
    (
        "blank.csv",
        r##"
IMPORT_EMPTY file_bytes=8
"##,
    ),
    (
        "carriage-returns.csv",
        r##"
csv:certain utf_8:certain tab:certain names:certain
member.email=address name=datakey
2 ["a@example.com", "Ann"] []
3 ["b@example.com", "Bob"] []
"##,
    ),
    (
        "comments.csv",
        r##"
csv:certain utf_8:certain pipe:certain names:certain
member.email=address name=datakey
5 ["a@example.com", "Ann #1"] []
"##,
    ),
    (
        "cp1251.csv",
        r##"
csv:certain cp1251:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "cut.json",
        r##"
json:likely utf_8:certain data:unspecified
member.email=address
1 ["a@example.com"] []
2 IMPORT_ROW_INVALID row=2 "[\"b@exa"
"##,
    ),
    (
        "document.json",
        r##"
json:likely utf_8:certain data:unspecified
member.email=address visits=calc x=ignored tags=datakey
1 ["a@example.com", "3", "x", "[\"b\",{\"c\":1}]"] [1, 3]
2 ["b@example.com", "null", "y"] [1]
"##,
    ),
    (
        "empty.csv",
        r##"
IMPORT_EMPTY file_bytes=0
"##,
    ),
    (
        "excel-empties.csv",
        r##"
csv:certain utf_8:certain semicolon:certain names:certain
member.email=address name=datakey =ignored
warning IMPORT_COLUMN_UNNAMED column=2
2 ["a@example.com", "Ann", ""] []
"##,
    ),
    (
        "header-only.csv",
        r##"
csv:certain utf_8:certain semicolon:certain names:certain
member.email=address name=datakey
warning IMPORT_EMPTY file_bytes=19
"##,
    ),
    (
        "headings.csv",
        r##"
csv:certain utf_8:certain semicolon:certain names:certain
ФИО=datakey Телефон=address E-mail=datakey
warning IMPORT_COLUMN_GUESSED column=1 name=Телефон type=msisdn
2 ["Иван Иванов", "+7 916 123-45-67", "ivanov@example.com"] []
"##,
    ),
    (
        "koi8-r.csv",
        r##"
csv:certain koi8_r:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "mac-cyrillic.csv",
        r##"
csv:certain mac_cyrillic:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "mixed-charsets.csv",
        r##"
csv:certain utf_8:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
warning IMPORT_CHARSET_MISFIT charset=utf-8
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
4 ["member.email", "Имя", "Город"] []
5 ["ivanov@example.com", "Иван", "Москва"] []
6 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
7 ["member.email", "Имя", "Город"] []
8 ["ivanov@example.com", "Иван", "Москва"] []
9 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
10 IMPORT_CHARSET_MISFIT charset=utf-8 column=1 row=10 "petrov@example.com;ϸ��;���"
"##,
    ),
    (
        "no-names.csv",
        r##"
csv:certain utf_8:certain semicolon:certain data:certain
=ignored =address =ignored
warning IMPORT_COLUMN_GUESSED column=1 name= type=msisdn
warning IMPORT_COLUMN_UNNAMED column=0
warning IMPORT_COLUMN_UNNAMED column=2
1 ["Иван", "+7 916 123-45-67", "Москва"] []
2 ["Ольга", "8 (916) 765-43-21", "Уфа"] []
"##,
    ),
    (
        "nul.csv",
        r##"
csv:certain utf_8:certain comma:certain names:certain
member.email=address name=datakey
2 ["a@example.com", "A\0nn"] []
"##,
    ),
    (
        "objects.jsonl",
        r##"
json_lines:certain utf_8:certain data:unspecified
member.email=address name=datakey tags=datakey
1 ["a@example.com", "Ann"] []
2 ["b@example.com", "Bob", "[\"x\",\"y\"]"] [2]
5 ["d@example.com"] []
4 JSON_INVALID offset_bytes=32 row=4 "{\"member.email\": \"c@example.com\""
"##,
    ),
    (
        "quotes.csv",
        r##"
csv:certain utf_8:certain comma:certain names:certain
member.email=address org=datakey note=datakey
2 ["a@example.com", "ООО \"Ромашка\"", "line one\nline two"] []
4 ["b@example.com", "", "x, y"] []
"##,
    ),
    (
        "ragged.csv",
        r##"
csv:certain utf_8:certain comma:likely names:certain
member.email=address a=datakey b=datakey
2 ["a@example.com", "1"] []
3 ["b@example.com", "1", "2", "3"] []
4 ["c@example.com"] []
"##,
    ),
    (
        "rows-first.json",
        r##"
json:certain utf_8:certain data:unspecified
member.email=address name=datakey
1 ["a@example.com", "Ann"] []
"##,
    ),
    (
        "stray-quote.csv",
        r##"
csv:certain utf_8:certain comma:likely names:certain
member.email=address org=datakey
3 ["b@example.com", "Bob"] []
2 IMPORT_QUOTE_STRAY column=1 line=2 row=2 "a@example.com,\"ООО \"Ромашка\"\""
"##,
    ),
    (
        "unclosed-quote.csv",
        r##"
csv:certain utf_8:certain comma:likely names:certain
member.email=address name=datakey
3 ["b@example.com", "Bob"] []
4 ["c@example.com", "Cid"] []
2 IMPORT_QUOTE_OPEN column=1 line=2 row=2 "a@example.com,\"Ann"
"##,
    ),
    (
        "utf-16-be.csv",
        r##"
csv:certain utf_16:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "utf-16-le.csv",
        r##"
csv:certain utf_16:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "utf-16-mark.csv",
        r##"
csv:certain utf_16:certain semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "utf-7.csv",
        r##"
csv:certain utf_7:likely semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "utf-8-mark.csv",
        r##"
csv:certain utf_8:certain semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
    (
        "utf-8.csv",
        r##"
csv:certain utf_8:certain semicolon:certain names:certain
member.email=address Имя=datakey Город=datakey
2 ["ivanov@example.com", "Иван", "Москва"] []
3 ["smirnova@example.com", "Ольга", "Санкт-Петербург"] []
"##,
    ),
];
