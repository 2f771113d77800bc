//! Spreadsheets as they are read once they are JSON lines, and what else says its charset itself.

use _native::reading::{Inspection, Problem, inspect};
use _native::wire::v1::{Charset, Confidence, ErrorReason, FileShape, ImportReading, Warning};

use crate::support::{File, file, read};

fn inspected_as(file: &File, shape: FileShape, charset: Charset) -> Inspection {
    let mut reading = ImportReading::default();
    reading.set_shape(shape);
    reading.set_charset(charset);
    inspect(&file.path, &reading, &[]).expect("an inspection")
}

fn sheet(lines: &str) -> (File, Inspection) {
    let file = file(lines);
    let inspection = inspected_as(&file, FileShape::Spreadsheet, Charset::Unspecified);
    (file, inspection)
}

fn told(inspection: &Inspection) -> Vec<(ErrorReason, String)> {
    let column = |warning: &Warning| warning.details.get("column").cloned().unwrap_or_default();
    inspection.warnings.iter().map(|warning| (warning.reason(), column(warning))).collect()
}

/// A charset that is said for a file: which one is taken, and whether it is told.
#[track_caller]
fn check_charset(content: &[u8], shape: FileShape, said: Charset, expected: (Charset, bool)) {
    let file = file(content);
    let inspection = inspected_as(&file, shape, said);
    let reading = inspection.layout.reading.clone().expect("a reading");
    let is_told = |warning: &Warning| {
        warning.reason() == ErrorReason::FieldInvalid
            && warning.details["field"] == "reading.charset"
    };
    let told = inspection.warnings.iter().any(is_told);
    assert_eq!((reading.charset(), told), expected);
    let rows = read(&file, &inspection.layout);
    let is_right = rows.rows[0].1[1] == "Анна";
    assert_eq!(is_right, expected.0 != said || said == Charset::Utf8, "{:?}", rows.rows);
}

#[test]
fn spreadsheets_and_documents_show_their_charset() {
    let lines = "[\"member.csid\",\"имя\"]\n[\"A\",\"Анна\"]\n".as_bytes();
    let document = "{\"rows\": [[\"member.csid\",\"имя\"],[\"A\",\"Анна\"]]}".as_bytes();
    let (any, utf8, cp1251) = (FileShape::Unspecified, Charset::Utf8, Charset::Cp1251);
    check_charset(lines, FileShape::Spreadsheet, cp1251, (utf8, true));
    check_charset(lines, FileShape::Spreadsheet, utf8, (utf8, false));
    for shape in [any, FileShape::Json] {
        check_charset(document, shape, cp1251, (utf8, true));
        check_charset(document, shape, Charset::Utf16, (utf8, true));
        check_charset(document, shape, utf8, (utf8, false));
    }
    // Of JSON lines and CSV the caller knows better.
    check_charset(lines, any, cp1251, (cp1251, false));
    check_charset("member.csid;имя\nA;Анна\n".as_bytes(), any, cp1251, (cp1251, false));
}

#[test]
fn text_that_looks_like_utf_7_is_none_in_a_spreadsheet() {
    let cell = "+BBAEMAQ9BD0EMA-";
    let (file, inspection) = sheet(&format!("[\"member.csid\",\"n\"]\n[\"A\",\"{cell}\"]\n"));
    assert_eq!(inspection.layout.charset_confidence(), Confidence::Certain);
    assert_eq!(read(&file, &inspection.layout).rows[0].1[1], cell);
}

#[test]
fn columns_without_a_name_are_not_read_and_told() {
    let (file, inspection) =
        sheet("[null,null,\"member.csid\",null,\"n\"]\n[null,5,\"A\",\"x\",null]\n");
    assert_eq!(inspection.problem, None);
    let ignored: Vec<bool> = inspection.columns.iter().map(|column| column.ignored).collect();
    assert_eq!(ignored, [true, true, false, true, false]);
    let unnamed = |column: &str| (ErrorReason::ImportColumnUnnamed, column.to_owned());
    assert_eq!(told(&inspection), [unnamed("0"), unnamed("1"), unnamed("3")]);
    // What is nothing is shown as nothing; a text of the same letters is one.
    assert_eq!(inspection.rows[0].cells, ["", "5", "A", "x", ""]);
    assert_eq!(read(&file, &inspection.layout).rows.len(), 1);
    let (_, inspection) = sheet("[\"member.csid\",\"null\"]\n[\"A\",\"x\"]\n");
    assert_eq!(inspection.columns[1].name, "null");
}

#[test]
fn empty_cells_do_not_hide_a_column_of_addresses() {
    let (_, inspection) = sheet(
        "[\"Имя\",\"Связь\"]\n[\"Анна\",\"a@example.com\"]\n[\"Ян\",null]\n[\"Юлия\",null]\n",
    );
    assert_eq!(inspection.problem, None);
    assert_eq!(told(&inspection)[0].0, ErrorReason::ImportColumnGuessed);
}

#[test]
fn identifiers_that_are_not_exact_are_refused() {
    let rows = [
        "[\"member.csid\",\"member.head.attach:csid\",\"n\"]",
        "[123456789012345680,null,1]",
        "[9007199254740991,null,9007199254740993]",
        "[\"123456789012345671\",\"123456789012345672\",1e300]",
        "[-1e300,\"\",1]",
        "[\"B\",9007199254740992,1]",
    ];
    let (file, inspection) = sheet(&rows.join("\n"));
    assert_eq!(inspection.problem, None);
    let read_rows = read(&file, &inspection.layout);
    let numbers: Vec<u64> = read_rows.rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(read_rows.rows[1].1[0], "123456789012345671");
    let told = |problem: &Problem| (problem.number, problem.fault.details["column"].clone());
    let refused: Vec<(u64, String)> = read_rows.problems.iter().map(told).collect();
    assert_eq!(refused, [(2, "0".to_owned()), (5, "0".to_owned()), (6, "1".to_owned())]);
    let reason = read_rows.problems[0].fault.reason;
    assert_eq!(reason, ErrorReason::ImportNumberInexact);
    // Those that are shown first are those that are imported.
    let shown: Vec<u64> = inspection.rows.iter().map(|row| row.number).collect();
    assert_eq!((shown, inspection.rows_estimate), (vec![3, 4], 5));
    assert_eq!(inspection.rows[0].cells[0], "9007199254740991");
}

#[test]
fn json_has_identifiers_of_any_length() {
    let file = file("[\"member.csid\"]\n[123456789012345671]\n[123456789012345672]\n");
    let inspection = inspected_as(&file, FileShape::JsonLines, Charset::Unspecified);
    let cells: Vec<Vec<String>> =
        read(&file, &inspection.layout).rows.into_iter().map(|(_, cells)| cells).collect();
    assert_eq!(cells, [["123456789012345671"], ["123456789012345672"]]);
}

#[test]
fn dates_have_the_parts_that_their_columns_ask_for() {
    let (file, inspection) = sheet(
        "[\"member.email\",\"at:dt\",\"m:dt:Ym\",\"n\"]\n\
         [\"a@a.ru\",\"2026-01-02\",\"2026-01-02 10:30:00\",\"2026-01-02\"]\n",
    );
    let cells = ["a@a.ru", "2026-01-02 00:00:00", "2026-01-02 10:30", "2026-01-02"];
    assert_eq!(inspection.rows[0].cells, cells);
    assert_eq!(read(&file, &inspection.layout).rows, [(2, cells.map(str::to_owned).to_vec())]);
}
