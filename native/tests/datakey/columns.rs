//! Columns of imports: one change with the cell of each row.

use _native::datakey::{Applied, ColumnChange, Document};
use _native::wire::v1::{CellFormat, DatakeyColumn, DatakeyMode, ErrorReason};

use crate::support::{described, mode, moment};

fn column(path: &str, mode_name: &str) -> DatakeyColumn {
    DatakeyColumn {
        path: path.to_owned(),
        mode: mode(mode_name).into(),
        ..DatakeyColumn::default()
    }
}

fn json(path: &str, mode_name: &str) -> DatakeyColumn {
    as_json(column(path, mode_name))
}

fn as_json(column: DatakeyColumn) -> DatakeyColumn {
    DatakeyColumn { format: CellFormat::Json.into(), ..column }
}

fn date(path: &str, date_type: &str) -> DatakeyColumn {
    DatakeyColumn { r#type: date_type.to_owned(), ..column(path, "set") }
}

fn writing_empty(column: DatakeyColumn) -> DatakeyColumn {
    DatakeyColumn { write_empty: true, ..column }
}

fn apply(before: &str, column: &DatakeyColumn, cell: &str) -> Result<String, ErrorReason> {
    let change = ColumnChange::compile(2, column).map_err(|fault| fault.reason)?;
    let mut value = String::new();
    let mut document = Document::new(before);
    if change.prepare(cell, &moment("UTC"), &mut value).map_err(|fault| fault.reason)? {
        change.apply(&mut document, &value).map_err(|fault| fault.reason)?;
    }
    let outcome = document.finish().map_err(|fault| fault.reason)?;
    Ok(outcome.text.unwrap_or_else(|| before.to_owned()))
}

#[test]
fn cells() {
    use ErrorReason as R;
    type Case<'t> = (&'t str, DatakeyColumn, &'t str, Result<&'t str, ErrorReason>);
    let cases: &[Case] = &[
        ("{}", column("a", "set"), "1\"", Ok(r#"{"a":"1\""}"#)),
        ("{}", DatakeyColumn { mode: 0, ..column("a", "set") }, "1", Ok(r#"{"a":"1"}"#)),
        ("{}", column("a.b[1]", "insert"), "ü", Ok(r#"{"a":{"b":[null,"ü"]}}"#)),
        (r#"{"a":["x"]}"#, column("a", "push"), "y", Ok(r#"{"a":["x","y"]}"#)),
        ("{}", column("a", "merge"), "{}", Err(R::DatakeyNotAnObject)),
        ("{}", json("a", "merge"), " { } ", Ok(r#"{"a":{}}"#)),
        ("{}", json("a", "set"), "1e400", Ok(r#"{"a":1e400}"#)),
        ("{}", json("a", "set"), "x", Err(R::JsonInvalid)),
        ("{}", json("a", "push"), &"[".repeat(65), Err(R::JsonTooDeep)),
        ("{}", date("a", "dt:YD"), "1971-5-4", Ok(r#"{"a":"1971-05-04"}"#)),
        ("{}", date("a", "dt:YD"), "current:YM", Ok(r#"{"a":"2026-05"}"#)),
        ("{}", date("a", "dt:YD"), "yesterday", Err(R::DatakeyDateInvalid)),
        ("{}", as_json(date("a", "dt:YY")), "2026", Ok(r#"{"a":"2026"}"#)),
        ("{}", as_json(date("a", "dt:YY")), "2026.5", Err(R::DatakeyDateInvalid)),
        ("{}", as_json(date("a", "dt:YY")), "true", Err(R::DatakeyDateInvalid)),
        // Empty cells are left out, unless they are to be written.
        (r#"{"a":1}"#, column("a", "set"), "", Ok(r#"{"a":1}"#)),
        (r#"{"a":1}"#, json("a", "set"), "", Ok(r#"{"a":1}"#)),
        (r#"{"a":1}"#, writing_empty(column("a", "set")), "", Ok(r#"{"a":""}"#)),
        (r#"{"a":1}"#, writing_empty(json("a", "set")), "", Ok(r#"{"a":null}"#)),
        ("{}", writing_empty(date("a", "dt")), "", Err(R::DatakeyDateInvalid)),
        // A cell that is not empty deletes.
        (r#"{"a":1}"#, column("a", "delete"), "1", Ok("{}")),
        (r#"{"a":1}"#, column("a", "delete"), "", Ok(r#"{"a":1}"#)),
        (r#"{"a":1}"#, writing_empty(column("a", "delete")), "", Ok(r#"{"a":1}"#)),
        ("{}", column("a", "set.copy"), "b", Err(R::DatakeyModeUnknown)),
        ("{}", DatakeyColumn { mode: 99, ..column("a", "set") }, "b", Err(R::DatakeyModeUnknown)),
        ("{}", DatakeyColumn { format: 99, ..column("a", "set") }, "b", Err(R::FieldInvalid)),
        ("{}", date("a", "int"), "1", Err(R::DatakeyTypeUnknown)),
        ("{}", column("a.*", "set"), "1", Err(R::DatakeyWildcard)),
        ("{}", column("a", "set"), &"x".repeat((1 << 20) + 1), Err(R::LimitExceeded)),
    ];
    for (before, column, cell, expected) in cases {
        let actual = apply(before, column, cell);
        assert_eq!(actual.as_deref(), expected.as_deref(), "{column:?}");
    }
}

#[test]
fn delete_takes_no_type() {
    let mode = DatakeyMode::Delete.into();
    let fault = ColumnChange::compile(2, &DatakeyColumn { mode, ..date("a", "dt") }).unwrap_err();
    assert_eq!(described(&fault), (ErrorReason::DatakeyValueUnexpected, "index=2".to_owned()));
}

#[test]
fn a_row() {
    let columns = [column("name", "set"), column("city", "insert"), json("tags", "push")];
    let changes: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| ColumnChange::compile(index, column).unwrap())
        .collect();
    let cells = ["Олена", "Kyiv", "7"].iter().zip(&changes).map(|(cell, change)| {
        let mut value = String::new();
        assert!(change.prepare(cell, &moment("UTC"), &mut value).unwrap());
        value
    });
    let cells: Vec<String> = cells.collect();
    let mut document = Document::new(r#"{"city":"Lviv"}"#);
    let applied: Vec<_> = changes
        .iter()
        .zip(&cells)
        .map(|(change, cell)| change.apply(&mut document, cell).unwrap())
        .collect();
    assert_eq!(applied, [Applied::Written, Applied::Ignored, Applied::Written]);
    let text = document.finish().unwrap().text.unwrap();
    assert_eq!(text, r#"{"city":"Lviv","name":"Олена","tags":[7]}"#);
    assert_eq!(changes[1].path().text(), "city");
    assert_eq!(changes[2].index(), 2);
}
