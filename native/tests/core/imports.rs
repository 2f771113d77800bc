//! Import streams: the order of receipts, the window, resuming, and what ends a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use _native::core::Core;
use _native::fault::Result;
use _native::import::ImportStream;
use _native::store::{Engine, StoreError};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::stream_import_request::Message as Request;
use _native::wire::v1::stream_import_response::Message as Response;
use _native::wire::v1::{
    AddressColumn, AddressType, CellFormat, ContactIdColumn, DatakeyColumn, DatakeyMode,
    GetMemberRequest, GetMemberResponse, ImportChunk, ImportColumn, ImportOptions, ImportReceipt,
    ImportRow, OutcomeStatus, StreamImportRequest, StreamImportResponse,
};
use bytes::Bytes;
use prost::Message;

use crate::faulty::{Faulty, Mishap};
use crate::support::{
    GET_MEMBER, SPACE, assert_clean, call, config, core_on, described, email_keys, entries,
    memory_core,
};

/// Columns: contact id, e-mail, and `log`, to which cells are pushed, so that applying a row twice
/// shows.
fn options(import_id: &str) -> ImportOptions {
    let column = |target| ImportColumn { target: Some(target), ..Default::default() };
    let log = DatakeyColumn {
        path: "log".to_owned(),
        mode: DatakeyMode::Push.into(),
        format: CellFormat::Json.into(),
        ..Default::default()
    };
    ImportOptions {
        space: Some(SPACE),
        import_id: import_id.to_owned(),
        columns: vec![
            column(Target::ContactId(ContactIdColumn {})),
            column(Target::Address(AddressColumn { r#type: AddressType::Email.into() })),
            column(Target::Datakey(log)),
        ],
        ..Default::default()
    }
}

fn open(core: &Arc<Core>, options: ImportOptions) -> Result<ImportStream> {
    let request = StreamImportRequest { message: Some(Request::Options(options)) };
    core.open_import(request.encode_to_vec().into())
}

fn chunk(number: u64, rows: &[&[&[u8]]]) -> Bytes {
    let row = |cells: &&[&[u8]]| ImportRow {
        cells: cells.iter().map(|cell| Bytes::copy_from_slice(cell)).collect(),
        ..Default::default()
    };
    let chunk = ImportChunk { number, rows: rows.iter().map(row).collect() };
    StreamImportRequest { message: Some(Request::Chunk(chunk)) }.encode_to_vec().into()
}

/// A chunk of one row that pushes its number to the log of one member.
fn numbered(number: u64) -> Bytes {
    let value = number.to_string();
    chunk(number, &[&[b"", b"a@example.com", value.as_bytes()]])
}

fn next_chunk(stream: &ImportStream) -> u64 {
    match StreamImportResponse::decode(stream.opened()).unwrap().message {
        Some(Response::Opened(opened)) => opened.next_chunk,
        other => panic!("not an opening: {other:?}"),
    }
}

fn receipt(stream: &ImportStream) -> Result<Option<ImportReceipt>> {
    let Some(bytes) = stream.receipt()? else {
        return Ok(None);
    };
    match StreamImportResponse::decode(bytes.as_slice()).unwrap().message {
        Some(Response::Receipt(receipt)) => Ok(Some(receipt)),
        other => panic!("not a receipt: {other:?}"),
    }
}

fn taken(stream: &ImportStream) -> ImportReceipt {
    receipt(stream).unwrap().expect("a receipt follows")
}

/// The log of the member that `numbered` pushes to.
fn log(core: &Core) -> String {
    let request = GetMemberRequest {
        space: Some(SPACE),
        keys: Some(email_keys("a@example.com")),
        datakeys: vec!["log".to_owned()],
        ..Default::default()
    };
    let answer: GetMemberResponse = call(core, GET_MEMBER, &request).unwrap();
    String::from_utf8(answer.member.unwrap().values[0].value.to_vec()).unwrap()
}

fn faulty_core(window_bytes: usize) -> (Arc<Core>, Arc<Faulty>) {
    let engine = Faulty::new();
    let mut config = config();
    config.import_window_bytes = window_bytes;
    (core_on(&(Arc::clone(&engine) as Arc<dyn Engine>), &config), engine)
}

/// Waits for something that another thread does.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn receipts_come_in_the_order_of_chunks() {
    let (core, engine) = memory_core(&config());
    let stream = open(&core, options("")).unwrap();
    assert_eq!(next_chunk(&stream), 1);
    for number in 1..=20 {
        stream.submit(numbered(number)).unwrap();
    }
    stream.finish();
    for number in 1..=20 {
        let receipt = taken(&stream);
        assert_eq!((receipt.chunk, receipt.revision, receipt.repeated), (number, number, false));
        assert_eq!(receipt.contact_ids, [1]);
    }
    assert_eq!(receipt(&stream), Ok(None));
    assert_eq!(receipt(&stream), Ok(None));
    assert_eq!(
        log(&core),
        format!("[{}]", (1..=20).map(|n| n.to_string()).collect::<Vec<_>>().join(","))
    );
    assert_clean(engine.as_ref());
}

#[test]
fn rows_are_rejected_one_by_one() {
    let (core, engine) = memory_core(&config());
    let stream = open(&core, options("")).unwrap();
    let rows: &[(&[&[u8]], &str)] = &[
        (&[b"", b"a@example.com", b"1"], ""),
        (&[], "MATCH_KEYS_REQUIRED"),
        (&[b"", b""], "MATCH_KEYS_REQUIRED"),
        (&[b"", b"", b"", b""], "IMPORT_CELLS_TOO_MANY cells=4 columns=3"),
        (&[b"", b"\xff@example.com"], "CELL_NOT_UTF8 column=1"),
        (&[b"", b"a@example.com", b"\xff"], "CELL_NOT_UTF8 column=2"),
        (&[b"five", b"a@example.com"], "CELL_NOT_A_NUMBER column=0"),
        (&[b"+1", b"a@example.com"], "CELL_NOT_A_NUMBER column=0"),
        (&[b"-1", b"a@example.com"], "CELL_NOT_A_NUMBER column=0"),
        (&[b"18446744073709551616", b""], "CELL_NOT_A_NUMBER column=0"),
        (&[b"", b"a@example.com", b"{"], "JSON_INVALID index=2 offset_bytes=1"),
        (&[b"7", b""], "MEMBER_NEEDS_ADDRESS"),
        (&[b"", b"nobody"], "EMAIL_NO_AT type=email"),
        (&[b"1", b"a@example.com", b"2"], ""),
    ];
    let cells: Vec<&[&[u8]]> = rows.iter().map(|row| row.0).collect();
    stream.submit(chunk(1, &cells)).unwrap();
    let receipt = taken(&stream);
    assert_eq!((receipt.statuses.len(), receipt.contact_ids.len()), (rows.len(), rows.len()));
    let mut rejects = receipt.rejects.iter();
    for (row, (cells, expected)) in rows.iter().enumerate() {
        let rejected = receipt.statuses[row] == OutcomeStatus::Rejected as i32;
        assert_eq!(rejected, !expected.is_empty(), "{cells:?}");
        assert_eq!(receipt.contact_ids[row], u64::from(!rejected));
        if rejected {
            let reject = rejects.next().unwrap();
            assert_eq!(reject.row as usize, row);
            assert_eq!(described_wire(reject.fault.as_ref().unwrap()), *expected, "{cells:?}");
        }
    }
    assert_eq!(log(&core), "[1,2]");
    assert_clean(engine.as_ref());
}

fn described_wire(fault: &_native::wire::v1::Fault) -> String {
    let details = fault.details.iter().map(|(name, value)| format!(" {name}={value}"));
    let reason = fault.reason().as_str_name().trim_start_matches("ERROR_REASON_");
    format!("{reason}{}", details.collect::<String>())
}

#[test]
fn the_window_stops_the_sender_until_receipts_are_taken() {
    let bytes = numbered(1).len();
    for validate_only in [false, true] {
        let (core, _engine) = faulty_core(bytes * 3);
        let options = ImportOptions { validate_only, ..options("") };
        let stream = open(&core, options).unwrap();
        let sent = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=6 {
                    stream.submit(numbered(number)).unwrap();
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                stream.finish();
            });
            eventually("the window has room for three", || sent.load(Ordering::SeqCst) == 3);
            thread::sleep(Duration::from_millis(20));
            assert_eq!(sent.load(Ordering::SeqCst), 3, "validate_only {validate_only}");
            assert_eq!(taken(&stream).chunk, 1);
            eventually("a receipt makes room", || sent.load(Ordering::SeqCst) == 4);
            assert_eq!((2..=6).map(|_| taken(&stream).chunk).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
        });
        assert_eq!(receipt(&stream), Ok(None));
    }
}

#[test]
fn a_chunk_larger_than_the_window_passes() {
    let (core, _engine) = faulty_core(1);
    let stream = open(&core, options("")).unwrap();
    for number in 1..=3 {
        stream.submit(numbered(number)).unwrap();
        assert_eq!(taken(&stream).chunk, number);
    }
}

#[test]
fn an_import_goes_on_where_it_ended() {
    let (core, engine) = memory_core(&config());
    let stream = open(&core, options("daily")).unwrap();
    stream.submit(numbered(1)).unwrap();
    stream.submit(numbered(2)).unwrap();
    assert_eq!((taken(&stream).chunk, taken(&stream).chunk), (1, 2));
    drop(stream);
    let stream = open(&core, options("daily")).unwrap();
    assert_eq!(next_chunk(&stream), 3);
    for number in 1..=3 {
        stream.submit(numbered(number)).unwrap();
    }
    for (number, repeated) in [(1, true), (2, true), (3, false)] {
        let receipt = taken(&stream);
        assert_eq!((receipt.chunk, receipt.repeated), (number, repeated));
        assert_eq!(receipt.statuses.is_empty(), repeated);
    }
    assert_eq!(log(&core), "[1,2,3]");
    assert_clean(engine.as_ref());
}

#[test]
fn chunks_out_of_order_are_refused() {
    let (core, _engine) = memory_core(&config());
    let stream = open(&core, options("daily")).unwrap();
    let gap = |number, expected: &str| {
        let fault = stream.submit(numbered(number)).unwrap_err();
        assert_eq!(described(&fault), expected);
    };
    gap(0, "IMPORT_CHUNK_GAP actual=0 expected=1");
    gap(2, "IMPORT_CHUNK_GAP actual=2 expected=1");
    stream.submit(numbered(1)).unwrap();
    gap(1, "IMPORT_CHUNK_GAP actual=1 expected=2");
    gap(u64::MAX, "IMPORT_CHUNK_GAP actual=18446744073709551615 expected=2");
    stream.submit(numbered(2)).unwrap();
    assert_eq!((taken(&stream).chunk, taken(&stream).chunk), (1, 2));
}

#[test]
fn messages_at_the_wrong_time_are_refused() {
    let (core, _engine) = memory_core(&config());
    let fault = |request: Bytes| core.open_import(request).err().map(|fault| described(&fault));
    assert_eq!(fault(numbered(1)).as_deref(), Some("IMPORT_NOT_OPENED"));
    assert_eq!(fault(Bytes::new()).as_deref(), Some("IMPORT_NOT_OPENED"));
    let stream = open(&core, options("")).unwrap();
    let again = StreamImportRequest { message: Some(Request::Options(options(""))) };
    for (request, expected) in [
        (again.encode_to_vec().into(), "FIELD_INVALID field=message"),
        (Bytes::new(), "FIELD_INVALID field=message"),
        (chunk(1, &[]), "FIELD_REQUIRED field=chunk.rows"),
        (
            chunk(1, &vec![&[][..]; 10_001]),
            "LIMIT_EXCEEDED actual=10001 limit=chunk.rows max=10000",
        ),
    ] {
        assert_eq!(described(&stream.submit(request).unwrap_err()), expected);
    }
    stream.submit(chunk(1, &vec![&[][..]; 10_000])).unwrap();
    assert_eq!(taken(&stream).rejects.len(), 10_000);
}

#[test]
fn two_streams_never_run_one_import() {
    let (core, _engine) = memory_core(&config());
    let stream = open(&core, options("daily")).unwrap();
    let busy = open(&core, options("daily")).err().map(|fault| described(&fault));
    assert_eq!(busy.as_deref(), Some("IMPORT_BUSY import_id=daily"));
    assert!(open(&core, options("weekly")).is_ok());
    assert!(open(&core, options("")).is_ok());
    assert!(open(&core, ImportOptions { validate_only: true, ..options("daily") }).is_ok());
    drop(stream);
    assert!(open(&core, options("daily")).is_ok());
}

#[test]
fn a_given_up_stream_that_is_opened_again_applies_rows_once() {
    let (core, engine) = faulty_core(1 << 20);
    engine.close_gate();
    let first = open(&core, options("daily")).unwrap();
    first.submit(numbered(1)).unwrap();
    engine.await_write();
    first.cancel();
    drop(first);
    // The first chunk is in the writer's hands: it is not committed, nor will it be given up.
    let second = open(&core, options("daily")).unwrap();
    assert_eq!(next_chunk(&second), 1);
    second.submit(numbered(1)).unwrap();
    engine.open_gate();
    assert!(taken(&second).repeated);
    second.submit(numbered(2)).unwrap();
    assert_eq!(taken(&second).chunk, 2);
    assert_eq!(log(&core), "[1,2]");
}

#[test]
fn cancelling_wakes_both_sides() {
    let bytes = numbered(1).len();
    let (core, _engine) = faulty_core(bytes);
    let stream = open(&core, options("")).unwrap();
    stream.submit(numbered(1)).unwrap();
    thread::scope(|scope| {
        let sender = scope.spawn(|| stream.submit(numbered(2)));
        thread::sleep(Duration::from_millis(10));
        assert!(!sender.is_finished(), "the window is full");
        stream.cancel();
        assert_eq!(described(&sender.join().unwrap().unwrap_err()), "SHUTTING_DOWN");
    });
    assert_eq!(receipt(&stream), Ok(None));
    let stream = open(&core, options("")).unwrap();
    thread::scope(|scope| {
        let taker = scope.spawn(|| receipt(&stream));
        thread::sleep(Duration::from_millis(10));
        assert!(!taker.is_finished(), "there is no receipt");
        stream.cancel();
        assert_eq!(taker.join().unwrap(), Ok(None));
    });
    assert_eq!(described(&stream.submit(numbered(1)).unwrap_err()), "SHUTTING_DOWN");
}

#[test]
fn finishing_wakes_the_receiver() {
    let (core, _engine) = memory_core(&config());
    let stream = open(&core, options("")).unwrap();
    thread::scope(|scope| {
        let taker = scope.spawn(|| receipt(&stream));
        thread::sleep(Duration::from_millis(10));
        stream.finish();
        assert_eq!(taker.join().unwrap(), Ok(None));
    });
}

#[test]
fn what_follows_a_failed_commit_is_not_applied() {
    let io = || Mishap::Fails(StoreError::Io("the disk is gone".to_owned()));
    let full = || Mishap::Fails(StoreError::Full { map_bytes_max: 7 });
    for (mishap, expected) in
        [(io(), "INTERNAL"), (full(), "STORE_FULL map_bytes=7"), (Mishap::Panics, "INTERNAL")]
    {
        let (core, engine) = faulty_core(1 << 20);
        let stream = open(&core, options("daily")).unwrap();
        stream.submit(numbered(1)).unwrap();
        assert_eq!(taken(&stream).chunk, 1);
        engine.arrange(0, mishap);
        engine.close_gate();
        stream.submit(numbered(2)).unwrap();
        engine.await_write();
        stream.submit(numbered(3)).unwrap();
        engine.open_gate();
        assert_eq!(described(&receipt(&stream).unwrap_err()), expected);
        let fault = receipt(&stream).unwrap_err();
        assert_eq!(described(&fault), "IMPORT_CHUNK_GAP actual=3 expected=2");
        drop(stream);
        assert_eq!(log(&core), "[1]");
        let stream = open(&core, options("daily")).unwrap();
        assert_eq!(next_chunk(&stream), 2);
        for number in 2..=4 {
            stream.submit(numbered(number)).unwrap();
        }
        (2..=4).for_each(|number| assert_eq!(taken(&stream).chunk, number));
        assert_eq!(log(&core), "[1,2,3,4]");
        assert_clean(engine.as_ref());
    }
}

/// The same without an id, which leaves no position in the store to compare with.
#[test]
fn what_follows_a_failed_commit_is_not_applied_without_an_id_either() {
    let (core, engine) = faulty_core(1 << 20);
    let stream = open(&core, options("")).unwrap();
    stream.submit(numbered(1)).unwrap();
    assert_eq!(taken(&stream).chunk, 1);
    engine.arrange(0, Mishap::Fails(StoreError::Full { map_bytes_max: 7 }));
    engine.close_gate();
    stream.submit(numbered(2)).unwrap();
    engine.await_write();
    stream.submit(numbered(3)).unwrap();
    engine.open_gate();
    assert_eq!(described(&receipt(&stream).unwrap_err()), "STORE_FULL map_bytes=7");
    assert_eq!(described(&receipt(&stream).unwrap_err()), "IMPORT_CHUNK_GAP");
    assert_eq!(log(&core), "[1]");
    // Another stream is not concerned.
    let other = open(&core, options("")).unwrap();
    other.submit(numbered(1)).unwrap();
    assert_eq!(taken(&other).chunk, 1);
    assert_clean(engine.as_ref());
}

#[test]
fn validating_writes_nothing() {
    let (core, engine) = memory_core(&config());
    let before = entries(engine.as_ref());
    let stream = open(&core, ImportOptions { validate_only: true, ..options("daily") }).unwrap();
    for number in 1..=3 {
        stream.submit(numbered(number)).unwrap();
    }
    for number in 1..=3 {
        let receipt = taken(&stream);
        assert_eq!(receipt.chunk, number);
        assert_eq!(receipt.statuses, [i32::from(OutcomeStatus::Created)]);
    }
    assert_eq!(entries(engine.as_ref()), before);
}
