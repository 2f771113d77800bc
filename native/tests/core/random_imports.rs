//! Random imports: any columns with any options, and what comes of them.

use std::sync::Arc;

use _native::core::Core;
use _native::import::ImportStream;
use _native::wire::v1::import_column::Target;
use _native::wire::v1::import_options::Origin as OriginOption;
use _native::wire::v1::stream_import_request::Message as Import;
use _native::wire::v1::{
    AddressColumn, AddressType, AttachColumn, CellFormat, ContactIdColumn, DatakeyColumn,
    DetachColumn, FieldColumn, GroupOrders, HeadAttachRules, IgnoredColumn, ImportChunk,
    ImportColumn, ImportOptions, ImportRow, SequenceOrders, StatusColumn, StreamImportRequest,
};
use prost::Message;

use crate::random::Random;
use crate::requests;

/// The options and the chunks of an import.
pub fn import_messages(random: &mut Random) -> (ImportOptions, Vec<ImportChunk>) {
    let mut columns = random.some(4, column);
    if !random.once_in(10) {
        let kind = AddressType::Email.into();
        columns.push(ImportColumn {
            target: Some(Target::Address(AddressColumn { r#type: kind })),
            ..Default::default()
        });
    }
    if random.once_in(10) {
        // A status is of Telegram alone.
        let telegram = AddressColumn { r#type: AddressType::Tg.into() };
        let targets = [Target::Address(telegram), Target::Status(StatusColumn {})];
        columns = targets
            .map(|target| ImportColumn { target: Some(target), ..Default::default() })
            .into();
    }
    // Without members there is one column and nothing else.
    let no_member = random.once_in(12);
    if no_member {
        columns.drain(..columns.len().saturating_sub(1));
    }
    let row = |random: &mut Random| {
        let cells = ["", "3", "A", "7", "x, y", "{\"b\":1}", "2026-05-29", "anna@example.com"];
        let cell = |random: &mut Random| match random.below(10) {
            0..=3 => requests::any_address(random).value.into(),
            4 => bytes::Bytes::from_static(b"\xff"),
            _ => bytes::Bytes::from_static(random.pick(&cells).as_bytes()),
        };
        let cells = random.some(6, cell);
        let is_json = random.once_in(4);
        let json_cells = (0..).zip(&cells).filter_map(|(at, _)| is_json.then_some(at)).collect();
        ImportRow { cells, json_cells }
    };
    let options = ImportOptions {
        space: requests::space(random),
        import_id: (*random.pick(&["", "i-1", "i-2"])).to_owned(),
        columns,
        policy: requests::policy(random),
        if_exists: if !no_member && random.once_in(3) {
            1 + i32::from(random.once_in(2))
        } else {
            0
        },
        newbie_confirm: random.once_in(2),
        source: String::new(),
        validate_only: random.once_in(5),
        no_member,
        ..if no_member { ImportOptions::default() } else { orders(random) }
    };
    let chunk = |random: &mut Random| ImportChunk {
        number: 0,
        rows: requests::at_least_one(random, 8, row),
    };
    (options, random.some(4, chunk))
}

/// What an import may order for every row.
fn orders(random: &mut Random) -> ImportOptions {
    let groups = |random: &mut Random| {
        random.some(3, |random| (*random.pick(&["g1", "g2", "g3"])).to_owned())
    };
    let attach = HeadAttachRules {
        newbie_confirm: random.once_in(2),
        head_rule: random.once_in(2).then(|| requests::head_rule(random)),
        data_rule: None,
    };
    ImportOptions {
        origin: match random.below(6) {
            0 => Some(OriginOption::OriginNumber(3)),
            1 => Some(OriginOption::OriginLabel("shop".to_owned())),
            _ => None,
        },
        groups: random
            .once_in(3)
            .then(|| GroupOrders { remove: groups(random), add: groups(random) }),
        head_attach: random.once_in(2).then_some(attach),
        sequence: random.once_in(4).then(|| SequenceOrders {
            event: random.once_in(2),
            stop: random.some(2, |_| 7),
            start: random.some(2, |_| 8),
        }),
        event_key: (*random.pick(&["", "welcome"])).to_owned(),
        ..Default::default()
    }
}

fn column(random: &mut Random) -> ImportColumn {
    let name = (*random.pick(&["", "shop", "city"])).to_owned();
    if random.once_in(3) {
        let kind = requests::any_address(random).r#type * i32::from(random.once_in(2));
        let target = match random.below(8) {
            0..=2 => Target::Attach(AttachColumn { r#type: kind }),
            3 => Target::Detach(DetachColumn { r#type: kind }),
            4 => Target::Status(StatusColumn {}),
            5 | 6 => Target::Datakey(DatakeyColumn {
                path: (*random.pick(&["n", "a.n", "name"])).to_owned(),
                calc: true,
                ..Default::default()
            }),
            _ => Target::Datakey(DatakeyColumn {
                path: (*random.pick(&["by.{shop}", "{city}.x"])).to_owned(),
                dynamic: true,
                calc: random.once_in(2),
                ..Default::default()
            }),
        };
        return ImportColumn { target: Some(target), name };
    }
    let system = ["member.origin", "-group.g1", "member.id"];
    let paths =
        if random.once_in(6) { &system[..] } else { &["name", "crm.id", "age", "tags", "a.b[0]"] };
    let path = (*random.pick(paths)).to_owned();
    let target = match random.below(10) {
        0 => Target::ContactId(ContactIdColumn {}),
        1..=4 => {
            let kind = requests::any_address(random).r#type.max(1);
            Target::Address(AddressColumn { r#type: kind })
        }
        5 => Target::Ignored(IgnoredColumn {}),
        6 => Target::Field(FieldColumn { path }),
        _ => Target::Datakey(DatakeyColumn {
            path,
            mode: i32::try_from(1 + random.below(9)).expect("modes are few"),
            r#type: String::new(),
            format: CellFormat::try_from(1 + i32::from(random.once_in(3))).unwrap().into(),
            write_empty: random.once_in(3),
            ..Default::default()
        }),
    };
    ImportColumn { target: Some(target), name }
}

/// Runs an import; chunks are numbered on from where it stands, or so many before that.
pub fn run_import(
    core: &Arc<Core>,
    (options, chunks): &(ImportOptions, Vec<ImportChunk>),
    before: u64,
) -> Result<Vec<Vec<u8>>, String> {
    let encode = |message| StreamImportRequest { message: Some(message) }.encode_to_vec().into();
    let opened = core.open_import(encode(Import::Options(options.clone())));
    let stream: ImportStream = opened.map_err(|fault| format!("{fault:?}"))?;
    let mut answers = vec![stream.opened().to_vec()];
    let next = next_chunk(&stream);
    for (number, chunk) in (next.saturating_sub(before)..).zip(chunks) {
        let chunk = ImportChunk { number, ..chunk.clone() };
        let submitted = stream.submit(encode(Import::Chunk(chunk)));
        submitted.map_err(|fault| format!("{answers:?} {fault:?}"))?;
        let receipt = stream.receipt().map_err(|fault| format!("{answers:?} {fault:?}"))?;
        answers.extend(receipt);
    }
    stream.finish();
    Ok(answers)
}

fn next_chunk(stream: &ImportStream) -> u64 {
    use _native::wire::v1::StreamImportResponse;
    use _native::wire::v1::stream_import_response::Message;
    match StreamImportResponse::decode(stream.opened()).expect("an answer").message {
        Some(Message::Opened(opened)) => opened.next_chunk,
        other => panic!("not an opening: {other:?}"),
    }
}
