//! The line `sep=;` that Excel takes the separator from: it is no row and no line of names.

use _native::reading::inspect;
use _native::wire::v1::{Charset, Confidence, ErrorReason, FirstLine, ImportReading, Separator};

use crate::charsets::{CHARSETS, encoded};
use crate::support::{csv, file, inspected, read, read_in};

const SEPARATORS: [(Separator, &str); 4] = [
    (Separator::Comma, ","),
    (Separator::Semicolon, ";"),
    (Separator::Tab, "\t"),
    (Separator::Pipe, "|"),
];

/// Rows with another separator in each: only the line tells which one is meant.
fn content(line: &str, separator: &str, end: &str) -> String {
    let names = ["member.email", "Имя", "Город"].join(separator);
    let ivan = ["ivanov@example.com", "Иван Иванов", "Нижний Новгород"].join(separator);
    let olga = ["smirnova@example.com", "Ольга Смирнова", "Санкт-Петербург"].join(separator);
    [line, &names, &ivan, &olga, ""].join(end)
}

#[test]
fn it_says_the_separator_in_every_charset() {
    for (separator, sign) in SEPARATORS {
        for charset in CHARSETS {
            for end in ["\n", "\r\n", "\r"] {
                let text = content(&format!("sep={sign}"), sign, end);
                let file = file(encoded(charset, &text).expect("bytes"));
                let inspection = inspected(&file);
                let told = format!("{charset:?} {separator:?} {end:?}");
                assert_eq!(inspection.problem, None, "{told}");
                let reading = inspection.layout.reading.clone().expect("a reading");
                assert_eq!(reading.charset(), charset, "{told}");
                assert_eq!(reading.separator(), separator, "{told}");
                let confidence = inspection.layout.separator_confidence();
                assert_eq!(confidence, Confidence::Certain, "{told}");
                assert_eq!(reading.first_line(), FirstLine::Names, "{told}");
                assert_eq!(inspection.rows_estimate, 2, "{told}");
                let rows = read(&file, &inspection.layout);
                assert_eq!(rows.problems, [], "{told}");
                assert_eq!(rows.rows.iter().map(|row| row.0).collect::<Vec<_>>(), [3, 4]);
                assert_eq!(rows.rows[0].1[1], "Иван Иванов", "{told}");
                // The same batches, however small they are.
                assert_eq!(read_in(&file, &inspection.layout, 1, 1), rows, "{told}");
            }
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &[(u64, &[&str])]) {
    let rows = read(&file(text), &csv(Charset::Utf8, Separator::Semicolon));
    assert_eq!(rows.problems, []);
    let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
    let expected: Vec<(u64, Vec<String>)> =
        expected.iter().map(|(number, row)| (*number, cells(row))).collect();
    assert_eq!(rows.rows, expected, "{text:?}");
}

#[test]
fn it_is_written_in_several_ways() {
    for line in [
        "sep=;",
        "SEP=;",
        "Sep=,",
        "\u{feff}sep=|",
        "\"sep=;\"",
        "\u{feff}\"sEp=;\"",
        "sep=\t",
        "sep=; ",
        "sep=;;;",
        "\"sep=;\";;",
    ] {
        check(&format!("{line}\na;b\n"), &[(2, &["a", "b"])]);
        check(&format!("{line}\r\n\r\na;b"), &[(3, &["a", "b"])]);
        check(line, &[]);
    }
}

#[test]
fn other_lines_are_rows() {
    check("sep=:\na;b\n", &[(1, &["sep=:"]), (2, &["a", "b"])]);
    check("sep=\na;b\n", &[(1, &["sep="]), (2, &["a", "b"])]);
    check("sep=;x\n", &[(1, &["sep=", "x"])]);
    check("xsep=;\n", &[(1, &["xsep=", ""])]);
    check("a;b\nsep=;\n", &[(1, &["a", "b"]), (2, &["sep=", ""])]);
    check("\nsep=;\n", &[(2, &["sep=", ""])]);
    check("\"sep=;\na\";b\n", &[(1, &["sep=;\na", "b"])]);
}

#[test]
fn what_the_caller_says_goes_before_it() {
    let mut reading = ImportReading::default();
    reading.set_separator(Separator::Comma);
    let file = file("sep=;\nmember.email,name\na@example.com,x;y\n");
    let inspection = inspect(&file.path, &reading, &[]).expect("an inspection");
    assert_eq!(inspection.problem, None);
    assert_eq!(inspection.layout.separator_confidence(), Confidence::Unspecified);
    let rows = read(&file, &inspection.layout).rows;
    assert_eq!(rows, [(3, vec!["a@example.com".to_owned(), "x;y".to_owned()])]);
}

#[test]
fn it_goes_before_what_rows_look_like() {
    let inspection = inspected(&file("sep=;\nmember.email\na@example.com\n\"b,c\"\n"));
    assert_eq!(inspection.problem, None);
    assert_eq!(inspection.layout.reading.expect("a reading").separator(), Separator::Semicolon);
    // Its first row is the second line.
    let inspection = inspected(&file("sep=;\na@example.com;Anna\n"));
    assert_eq!(inspection.rows[0].number, 2);
    assert_eq!(inspection.rows_estimate, 1);
}

#[test]
fn alone_it_is_a_file_without_rows() {
    let file = file("sep=;\r\n");
    let fault = inspect(&file.path, &ImportReading::default(), &[]).expect_err("a fault");
    assert_eq!(fault.reason, ErrorReason::ImportEmpty);
}
