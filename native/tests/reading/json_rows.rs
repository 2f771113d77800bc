//! Rows that are JSON: their bounds, and what is no row.

use _native::reading::limits::{CAPTION_BYTES_MAX, ROW_BYTES_MAX};
use _native::reading::{Problem, inspect};
use _native::wire::v1::{
    Charset, DatakeyColumn, ErrorReason, FileShape, FirstLine, ImportColumn, ImportLayout,
    ImportReading, import_column::Target,
};

use crate::support::{file, inspected, read};

fn layout(shape: FileShape, names: &[&str]) -> ImportLayout {
    let mut reading = ImportReading::default();
    reading.set_shape(shape);
    reading.set_charset(Charset::Utf8);
    reading.set_first_line(FirstLine::Data);
    let column = |name: &&str| ImportColumn { name: (*name).to_owned(), target: None };
    ImportLayout {
        reading: Some(reading),
        columns: names.iter().map(column).collect(),
        ..ImportLayout::default()
    }
}

fn reasons(problems: &[Problem]) -> Vec<(u64, ErrorReason)> {
    problems.iter().map(|problem| (problem.number, problem.fault.reason)).collect()
}

#[test]
fn lines_that_are_no_rows_are_told() {
    let deep = format!("[{}1{}]", "[".repeat(64), "]".repeat(64));
    let (invalid, unfit) = (ErrorReason::JsonInvalid, ErrorReason::ImportRowInvalid);
    let content =
        format!("[\"a\"]\n5\n[\"b\",]\n{deep}\n{{\"x\":1}}\n{{\"n\":1,\"n\":2}}\n[\"c\"]");
    let rows = read(&file(content), &layout(FileShape::JsonLines, &["n"]));
    let numbers: Vec<u64> = rows.rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 7]);
    let expected = [
        (2, unfit),
        (3, invalid),
        (4, ErrorReason::JsonTooDeep),
        (5, ErrorReason::ImportNameUnknown),
        (6, invalid),
    ];
    assert_eq!(reasons(&rows.problems), expected);
    assert_eq!(rows.problems[3].fault.details["name"], "x");
}

#[test]
fn sixty_four_levels_are_not_too_deep() {
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    let rows = read(&file(deep), &layout(FileShape::JsonLines, &[]));
    assert_eq!((rows.rows.len(), rows.problems.len()), (1, 0));
}

#[test]
fn rows_have_a_bound() {
    for over in [0, 1] {
        let long = format!("[\"{}\"]", "x".repeat(ROW_BYTES_MAX + over - 4));
        let lines = format!("[\"a\"]\n{long}\r\n[\"b\"]\n");
        let rows = read(&file(lines), &layout(FileShape::JsonLines, &[]));
        assert_eq!((rows.rows.len(), rows.problems.len()), (3 - over, over));
        assert_eq!(rows.rows.last().map(|(number, _)| *number), Some(3));
        let document = format!("{{\"rows\": [[\"a\"], {long}, [\"b\"]]}}");
        let rows = read(&file(document), &layout(FileShape::Json, &[]));
        assert_eq!((rows.rows.len(), rows.problems.len()), (3 - over, over));
        assert_eq!(rows.rows.last().map(|(number, _)| *number), Some(3));
    }
    // What is far too long is passed over without being held.
    let long = "x".repeat(5 << 20);
    let rows = read(&file(format!("[\"{long}\"]\n[\"b\"]")), &layout(FileShape::JsonLines, &[]));
    assert_eq!((rows.rows.len(), rows.problems.len()), (1, 1));
    let document = format!("{{\"y\": \"{long}\", \"rows\": [[\"{long}\"], [\"b\"]]}}");
    let rows = read(&file(document), &layout(FileShape::Json, &[]));
    assert_eq!((rows.rows.len(), rows.problems.len()), (1, 1));
}

#[test]
fn what_is_no_row_of_a_document_ends_it_with_a_word() {
    for (content, rows, problem) in [
        ("{\"rows\": [[1] [2]]}", 1, 2),
        ("{\"rows\": [[1],]}", 1, 2),
        ("{\"rows\": [[1], [2]", 2, 3),
        ("{\"rows\": [[1], [2", 1, 2),
        ("[[1], {\"q\"", 1, 2),
        ("{\"rows\": [[1]]}\n{\"rows\": [[2]]}\n", 1, 2),
        ("{\"rows\": [[1]], \"n\": [{}], \"rows\": [[2]]}", 1, 2),
        ("{\"rows\": []}[[2]]", 0, 1),
        ("[[1]]\n[[2]]", 1, 2),
    ] {
        let read = read(&file(content), &layout(FileShape::Json, &[]));
        assert_eq!(read.rows.len(), rows, "{content}");
        assert_eq!(reasons(&read.problems), [(problem, ErrorReason::ImportRowInvalid)]);
    }
}

#[test]
fn what_stands_behind_rows_and_is_none_is_passed_over() {
    for content in [
        "{\"rows\": [[1]], \"caption\": [\"a\"], \"x\": {\"rows\": [[2]]}, \"n\": 5}\r\n ",
        "{\"rows\": [[1]]",
        "[[1]]\n",
    ] {
        let read = read(&file(content), &layout(FileShape::Json, &[]));
        assert_eq!((read.rows.len(), read.problems.len()), (1, 0), "{content}");
    }
}

#[test]
fn blanks_around_the_names_of_members_are_no_part_of_them() {
    let file = file("{\" name\": \"A\", \"member.email\": \"a@example.com\"}\n");
    let rows = read(&file, &inspected(&file).layout);
    assert_eq!(rows.rows, [(1, ["A", "a@example.com"].map(str::to_owned).to_vec())]);
    let twice = self::file("{\"name\": 1, \"name \": null}\n");
    let rows = read(&twice, &layout(FileShape::JsonLines, &["name"]));
    assert_eq!(reasons(&rows.problems), [(1, ErrorReason::JsonInvalid)]);
}

#[test]
fn a_document_without_rows_is_none() {
    let mut reading = ImportReading::default();
    reading.set_shape(FileShape::Json);
    for content in ["{}", "{\"rows\": 5}", "x", "{\"row\": [[1]]}"] {
        let file = file(content);
        let refused = inspect(&file.path, &reading, &[]).map(|_| ());
        let reason = refused.expect_err(content).reason;
        let expected = [ErrorReason::ImportShapeUnknown, ErrorReason::ImportEmpty];
        assert!(expected.contains(&reason), "{content}: {reason:?}");
    }
}

#[test]
fn columns_of_the_caller_take_members_by_name_or_datakey() {
    let datakey = |path: &str, name: &str| ImportColumn {
        name: name.to_owned(),
        target: Some(Target::Datakey(DatakeyColumn {
            path: path.to_owned(),
            ..DatakeyColumn::default()
        })),
    };
    let columns = [datakey("base.city", "Town"), datakey("age", "")];
    let file = file("{\"age\": 5, \"Town\": \"Уфа\"}\n{\"Town\": \"Омск\"}\n");
    let inspection = inspect(&file.path, &ImportReading::default(), &columns).expect("told");
    let rows = read(&file, &inspection.layout).rows;
    let cells: Vec<&[String]> = rows.iter().map(|(_, cells)| cells.as_slice()).collect();
    assert_eq!(cells, [&["Уфа", "5"][..], &["Омск"][..]]);
}

#[test]
fn a_member_that_comes_late_is_no_column() {
    let mut content = "{\"member.email\": \"a@example.com\"}\n".repeat(1_000);
    content.push_str("{\"member.email\": \"b@example.com\", \"late\": 1}\n");
    let file = file(content);
    let inspection = inspected(&file);
    assert_eq!(inspection.layout.columns.len(), 1);
    let rows = read(&file, &inspection.layout);
    assert_eq!(rows.rows.len(), 1_000);
    assert_eq!(reasons(&rows.problems), [(1_001, ErrorReason::ImportNameUnknown)]);
}

#[test]
fn names_that_are_learnt_have_a_bound() {
    let row = |row: usize| {
        let members: Vec<String> = (0..100).map(|member| format!("\"{row}-{member}\":1")).collect();
        format!("{{{}}}\n", members.join(","))
    };
    let rows: String = (0..50).map(row).collect();
    let problem = inspected(&file(rows)).problem.expect("a problem");
    assert_eq!(problem.reason, ErrorReason::LimitExceeded);
    assert_eq!(problem.details["actual"], "1001");
}

#[test]
fn captions_have_a_bound_and_a_form() {
    for over in [0, 1] {
        let caption = format!("[\"member.email\"{}]", " ".repeat(CAPTION_BYTES_MAX - 16 + over));
        let file = file(format!("{{\"caption\": {caption}, \"rows\": [[\"a@example.com\"]]}}"));
        let told = inspect(&file.path, &ImportReading::default(), &[]);
        let reason = told.err().map(|fault| fault.reason);
        assert_eq!(reason, (over > 0).then_some(ErrorReason::LimitExceeded));
    }
    let file = file("{\"caption\": 5, \"rows\": [[\"a@example.com\"]]}");
    let told = inspect(&file.path, &ImportReading::default(), &[]).map(|_| ());
    assert_eq!(told.expect_err("a fault").reason, ErrorReason::ImportShapeUnknown);
}

#[test]
fn blank_rows_above_the_names_are_no_names() {
    for (content, number) in [
        ("[]\n[\"member.csid\",\"n\"]\n[\"CC1\",\"N1\"]\n", 3),
        ("[null,\"\"]\n\n[]\n[\"member.csid\",\"n\"]\n[]\n[\"CC1\",\"N1\"]\n", 6),
        ("{\"rows\":[[],[null],[\"member.csid\",\"n\"],[],[\"CC1\",\"N1\"]]}", 5),
    ] {
        let file = file(content);
        let inspection = inspected(&file);
        let reading = inspection.layout.reading.clone().expect("a reading");
        assert_eq!(reading.first_line(), FirstLine::Names, "{content}");
        let rows = read(&file, &inspection.layout);
        assert_eq!(reasons(&rows.problems), []);
        let cells = ["CC1", "N1"].map(str::to_owned).to_vec();
        assert_eq!(rows.rows, [(number, cells)], "{content}");
        assert_eq!(inspection.rows[0].number, number);
    }
}
