//! Rows of CSV: what RFC 4180 says, and what ugly files have instead.

use _native::reading::limits::{CELL_LINES_MAX, ROW_BYTES_MAX};
use _native::wire::v1::{Charset, ErrorReason, Separator};

use crate::support::{Rows, csv, file, read};

fn rows_of(content: impl AsRef<[u8]>) -> Rows {
    read(&file(content), &csv(Charset::Utf8, Separator::Comma))
}

#[track_caller]
fn check(content: impl AsRef<[u8]>, expected: &[(u64, &[&str])]) {
    let read = rows_of(content);
    assert_eq!(read.problems, []);
    let rows: Vec<(u64, Vec<&str>)> = read
        .rows
        .iter()
        .map(|(number, cells)| (*number, cells.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<(u64, Vec<&str>)> =
        expected.iter().map(|(number, cells)| (*number, cells.to_vec())).collect();
    assert_eq!(rows, expected);
}

#[test]
fn rows_are_split() {
    check("", &[]);
    check("a,b", &[(1, &["a", "b"])]);
    check("a,b\nc,d\n", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    check("a,b\r\nc,d\r\n", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    check("a,b\rc,d\r", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    check("a,,\n,,b", &[(1, &["a", "", ""]), (2, &["", "", "b"])]);
    check("\u{feff}a,b", &[(1, &["a", "b"])]);
    check("a\0b,c", &[(1, &["a\0b", "c"])]);
    check("a\n\n \n,,\nb", &[(1, &["a"]), (5, &["b"])]);
    check("#a\nb,#c\n#d\ne", &[(2, &["b", "#c"]), (4, &["e"])]);
    check("\"#a\"", &[(1, &["#a"])]);
}

#[test]
fn quotes_hold_separators_line_ends_and_quotes() {
    check("\"a,b\",c", &[(1, &["a,b", "c"])]);
    check("\"a\nb\r\nc\rd\",e\nf", &[(1, &["a\nb\r\nc\rd", "e"]), (5, &["f"])]);
    check("\"a \"\"b\"\"\",\"\"\"\"\nc", &[(1, &["a \"b\"", "\""]), (2, &["c"])]);
    check("\"\",a", &[(1, &["", "a"])]);
    check("a\"b\"\"c,d", &[(1, &["a\"b\"\"c", "d"])]);
    check("\"a\"  ,b", &[(1, &["a", "b"])]);
}

#[track_caller]
fn check_problem(content: &str, reason: ErrorReason, details: &str, text: &str, rows: &[u64]) {
    let read = rows_of(content);
    let [problem] = read.problems.as_slice() else { panic!("{:?}", read.problems) };
    assert_eq!(problem.fault.reason, reason);
    let said: Vec<String> =
        problem.fault.details.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(said.join(" "), details);
    assert_eq!(problem.text, text);
    assert_eq!(read.rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), rows);
}

#[test]
fn a_bad_quote_costs_its_line() {
    let (open, stray) = (ErrorReason::ImportQuoteOpen, ErrorReason::ImportQuoteStray);
    check_problem("a\nb,\"c\nd\ne", open, "column=1 line=2 row=2", "b,\"c", &[1, 3, 4]);
    check_problem("a\n\"b\nc\",\"d\ne", open, "column=1 line=3 row=2", "\"b\nc\",\"d", &[1, 4]);
    check_problem("\"a\"b,c\nd", stray, "column=0 line=1 row=1", "\"a\"b,c", &[2]);
    check_problem("\"a\nb,\"c\"\nd", stray, "column=0 line=1 row=1", "\"a", &[2, 3]);
}

#[test]
fn a_quote_that_is_never_closed_swallows_no_file() {
    let rest = "line,of,cells\n".repeat(500_000);
    let read = rows_of(format!("a\n\"b\n{rest}"));
    assert_eq!(read.problems.len(), 1);
    assert_eq!(read.rows.len(), 500_001);
    assert_eq!(read.rows.last().map(|(number, _)| *number), Some(500_002));
}

#[test]
fn rows_have_a_bound() {
    for (bytes, end) in [(0, "\r\n"), (1, "\r\n"), (0, ""), (1, "")] {
        let long = "x".repeat(ROW_BYTES_MAX + bytes);
        let read = rows_of(format!("a\n{long}{end}"));
        assert_eq!(read.problems.len(), bytes);
        assert_eq!(read.rows.len(), 2 - bytes);
        let read = rows_of(format!("a\n{long}\r\nb"));
        assert_eq!(read.problems.len(), bytes);
        assert_eq!(read.rows.last().map(|(number, _)| *number), Some(3));
    }
    let read = rows_of(format!("a\n{}\nb\n", "x,".repeat(5 << 20)));
    assert_eq!(read.problems[0].fault.reason, ErrorReason::LimitExceeded);
    assert_eq!(read.rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn cells_have_a_bound_of_lines() {
    for lines in [CELL_LINES_MAX, CELL_LINES_MAX + 1] {
        let read = rows_of(format!("\"{}\",b\n", "\n".repeat(lines)));
        assert_eq!(read.problems.is_empty(), lines == CELL_LINES_MAX);
    }
}
