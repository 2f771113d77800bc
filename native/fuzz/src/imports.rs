//! Imports with any options and chunks: nothing panics, no answer is INTERNAL, and the indexes are
//! right afterwards.

use _native::wire::v1::import_column::Target;
use _native::wire::v1::stream_import_request::Message as Request;
use _native::wire::v1::{
    AddressColumn, AddressType, CellFormat, ContactIdColumn, DatakeyColumn, DatakeyMode,
    FieldColumn, IgnoredColumn, ImportChunk, ImportColumn, ImportOptions, ImportRow,
    StreamImportRequest,
};
use bytes::Bytes;
use prost::Message;

use super::fixture::{self, SPACE, assert_clean, assert_not_internal};
use super::frames;

/// A message with an odd tag opens an import, others go to the one that is open.
pub fn run(data: &[u8]) {
    let (core, engine) = fixture::core();
    let mut open = None;
    for (tag, message) in frames::split(data) {
        let message = Bytes::copy_from_slice(message);
        if tag % 2 == 1 {
            drop(open.take());
            match core.open_import(message) {
                Ok(stream) => open = Some(stream),
                Err(fault) => assert_not_internal(&fault),
            }
            continue;
        }
        let Some(stream) = &open else { continue };
        match stream.submit(message).and_then(|()| stream.receipt()) {
            Ok(receipt) => assert!(receipt.is_some(), "a chunk that is taken has a receipt"),
            Err(fault) => assert_not_internal(&fault),
        }
    }
    drop(open);
    core.close();
    assert_clean(engine.as_ref());
}

/// Imports of several kinds of columns, one of them resumed.
pub fn seeds() -> Vec<Vec<u8>> {
    let rows: [&[&str]; 4] = [
        &["", "anna@example.com", "A-1", "7", "x, y", "{\"b\":[1]}", "2026-05-29"],
        &["", "Anna@Example.com", "A-2", "", "x", "", "current"],
        &["1", "", "", "8", "", "[1]", ""],
        &["", "boris@example.com", "", "007"],
    ];
    let row = |cells: &&[&str]| ImportRow {
        cells: cells.iter().map(|cell| Bytes::copy_from_slice(cell.as_bytes())).collect(),
        ..Default::default()
    };
    let rows: Vec<ImportRow> = rows.iter().map(row).collect();
    let chunk = |number| Request::Chunk(ImportChunk { number, rows: rows.clone() });
    let options = |import_id: &str, validate_only| {
        Request::Options(ImportOptions {
            space: Some(SPACE),
            import_id: import_id.to_owned(),
            columns: columns(),
            validate_only,
            ..ImportOptions::default()
        })
    };
    let input = |messages: Vec<Request>| {
        let frame = |message: Request| {
            let tag = u8::from(matches!(message, Request::Options(_)));
            (tag, StreamImportRequest { message: Some(message) }.encode_to_vec())
        };
        frames::join(&messages.into_iter().map(frame).collect::<Vec<_>>())
    };
    vec![
        input(vec![options("", false), chunk(1), chunk(2)]),
        input(vec![options("i", false), chunk(1), options("i", false), chunk(1), chunk(2)]),
        input(vec![options("i", true), chunk(1)]),
    ]
}

fn columns() -> Vec<ImportColumn> {
    let address = |kind: AddressType| Target::Address(AddressColumn { r#type: kind.into() });
    let datakey = |path: &str, mode: DatakeyMode, kind: &str, format: CellFormat| {
        Target::Datakey(DatakeyColumn {
            path: path.to_owned(),
            mode: mode.into(),
            r#type: kind.to_owned(),
            format: format.into(),
            write_empty: kind.is_empty(),
            ..Default::default()
        })
    };
    let targets = [
        Target::ContactId(ContactIdColumn {}),
        address(AddressType::Email),
        address(AddressType::Csid),
        Target::Field(FieldColumn { path: "age".to_owned() }),
        datakey("tags", DatakeyMode::Set, "", CellFormat::Text),
        datakey("a", DatakeyMode::Merge, "", CellFormat::Json),
        datakey("born", DatakeyMode::Set, "dt:YD", CellFormat::Text),
        Target::Ignored(IgnoredColumn {}),
    ];
    targets.map(|target| ImportColumn { target: Some(target), ..Default::default() }).into()
}
