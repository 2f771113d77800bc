//! Express imports: rows go to a list of their own, once, whatever stops the import.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use _native::config::CoreConfig;
use _native::core::Core;
use _native::fault::Result;
use _native::store::{Engine, Lmdb, Memory, Mutations, Options, Table, keys, records};
use _native::wire::internal::v1::{Job, RunJobRequest, RunJobResponse, UpdateJobRequest};
use _native::wire::storage::{ExpressListRecord, ExpressSegment};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::{
    AddressColumn, AddressType, AutoGroup, CleanExpressListRequest, CleanExpressListResponse,
    DatakeyColumn, DeleteExpressListRequest, DeleteExpressListResponse, EraseMemberRequest,
    EraseMemberResponse, ExpressRow, GetExpressListRequest, GetExpressListResponse, ImportCounters,
    ImportOptions, ImportState, ListExpressListsRequest, ListExpressListsResponse, MemberKey,
    ReadExpressListRequest, ReadExpressListResponse, SpacePolicy, StartImportRequest,
    UpdatePolicyRequest, UpdatePolicyResponse, member_key,
};

use crate::faulty::Faulty;
use crate::job_runs::{File, counters, imported, rejects};
use crate::jobs::{
    SERVICE, cancel, claimed_id, column, create, email_column, get, request, state, update,
};
use crate::support::{
    ERASE_MEMBER, SPACE, SetUp, TestClock, UPDATE_POLICY, address, assert_clean, call, config,
    core_with, described, email_change, entries, keys_of, set_member,
};

/// What a store has.
type Entries = Vec<(Table, Vec<u8>, Vec<u8>)>;

const EXPRESS: &str = "/zmey.v1.ExpressService/";

/// Thirty days.
const KEPT_SECONDS: i64 = 2_592_000;

/// Rows of a batch, as the core makes them.
const BATCH_ROWS: usize = 10_000;

/// E-mail, a second e-mail and a name, into a list with a code.
fn asked(id: &str) -> StartImportRequest {
    let data = |path: &str| {
        column(Target::Datakey(DatakeyColumn { path: path.to_owned(), ..Default::default() }))
    };
    let columns = vec![data("name"), email_column(), email_column()];
    let options = ImportOptions { space: Some(SPACE), columns, ..Default::default() };
    let auto_group = Some(AutoGroup { id: id.to_owned(), name: String::new() });
    StartImportRequest { options: Some(options), auto_group, express: true, ..request(SPACE) }
}

fn try_run(core: &Core, job_id: u64, path: &Path) -> Result<Job> {
    let request = RunJobRequest { job_id, path: path.to_str().unwrap().to_owned() };
    let answer: RunJobResponse = call(core, &format!("{SERVICE}RunJob"), &request)?;
    Ok(answer.job.unwrap())
}

fn get_list(core: &Core, id: &str) -> Result<GetExpressListResponse> {
    let request = GetExpressListRequest { space: Some(SPACE), id: id.to_owned() };
    call(core, &format!("{EXPRESS}GetExpressList"), &request)
}

fn count(core: &Core, id: &str) -> u64 {
    get_list(core, id).unwrap().list.unwrap().count
}

fn page(core: &Core, id: &str, from_row: u64, page_size: u32) -> Result<ReadExpressListResponse> {
    let request =
        ReadExpressListRequest { space: Some(SPACE), id: id.to_owned(), from_row, page_size };
    call(core, &format!("{EXPRESS}ReadExpressList"), &request)
}

/// Every row of a list, page by page.
fn all_rows(core: &Core, id: &str, page_size: u32) -> Vec<ExpressRow> {
    let (mut rows, mut from_row) = (Vec::new(), 0);
    loop {
        let answer = page(core, id, from_row, page_size).unwrap();
        rows.extend(answer.rows);
        if answer.next_row == 0 {
            return rows;
        }
        assert!(answer.next_row > from_row);
        from_row = answer.next_row;
    }
}

fn clean(core: &Core, id: &str) -> Result<CleanExpressListResponse> {
    let request = CleanExpressListRequest { space: Some(SPACE), id: id.to_owned() };
    call(core, &format!("{EXPRESS}CleanExpressList"), &request)
}

fn delete(core: &Core, id: &str) -> Result<DeleteExpressListResponse> {
    let request = DeleteExpressListRequest { space: Some(SPACE), id: id.to_owned() };
    call(core, &format!("{EXPRESS}DeleteExpressList"), &request)
}

fn list(core: &Core, after_id: &str, page_size: u32) -> Result<Vec<String>> {
    let after_id = after_id.to_owned();
    let request = ListExpressListsRequest { space: Some(SPACE), page_size, after_id };
    let answer: ListExpressListsResponse =
        call(core, &format!("{EXPRESS}ListExpressLists"), &request)?;
    Ok(answer.lists.into_iter().map(|list| list.id).collect())
}

/// So many batches of which every tenth row is refused.
fn file_of_batches(batches: usize) -> File {
    let mut text = String::from("name,email,email\n");
    for row in 0..batches * BATCH_ROWS {
        let at = if row % 10 == 9 { "" } else { "@" };
        writeln!(text, "Name {row},N{row}{at}Example.com,").unwrap();
    }
    File::new(&text)
}

/// Three rows and what is refused.
fn small_file() -> File {
    File::new(
        "name,email,email\n\
         Ann,Ann@EXAMPLE.com,other@example.com\n\
         Bob,bob@example.com\n\
         nobody,,x\n\
         Ann,ann@example.com,\n\
         bad,nobody\n\
         long,c@example.com,d@example.com,e\n",
    )
}

#[test]
fn rows_go_to_a_list_and_to_nobody() {
    let SetUp { core, engine, clock } = SetUp::new(&config());
    let before = entries(engine.as_ref());
    let job = imported(&core, asked("a"), &small_file().path);
    assert_eq!(state(&job), ImportState::Succeeded);
    let expected =
        ImportCounters { read: 6, created: 3, rejected: 3, repeated: 1, ..Default::default() };
    assert_eq!(counters(&job), expected);
    let group = job.metadata.clone().unwrap().group.unwrap();
    assert_eq!((group.id.as_str(), group.name.as_str()), ("a", "Внесены 2026-05-28 23:26:40"));
    let row = |row, address: &str, cells: &[&str]| ExpressRow {
        row,
        address: address.to_owned(),
        cells: cells.iter().map(|&cell| cell.to_owned()).collect(),
        json_cells: Vec::new(),
    };
    let expected = [
        row(2, "ann@example.com", &["Ann", "other@example.com"]),
        row(3, "bob@example.com", &["Bob"]),
        row(5, "ann@example.com", &["Ann"]),
    ];
    assert_eq!(all_rows(&core, "a", 0), expected);
    let GetExpressListResponse { list, caption } = get_list(&core, "a").unwrap();
    let (list, caption) = (list.unwrap(), caption.unwrap());
    assert_eq!((list.count, list.job_id, list.address_type()), (3, 1, AddressType::Email));
    assert_eq!(list.expires_seconds, clock.seconds() + KEPT_SECONDS);
    assert_eq!(caption.address, "member.email");
    assert_eq!(caption.columns, ["name", "member.email"]);
    let seen: Vec<_> = rejects(&core, 1).into_iter().map(|it| (it.row, it.text)).collect();
    let texts = ["nobody,,x", "bad,nobody", "long,c@example.com,d@example.com,e"];
    assert_eq!(seen, [4, 6, 7].into_iter().zip(texts.map(str::to_owned)).collect::<Vec<_>>());
    assert_clean(engine.as_ref());
    // Nothing of members has changed.
    let of_members = [
        Table::Addresses,
        Table::Heads,
        Table::Bodies,
        Table::Fields,
        Table::Changes,
        Table::Groups,
        Table::GroupHeads,
    ];
    let members = |entries: Vec<(Table, Vec<u8>, Vec<u8>)>| -> Vec<_> {
        entries.into_iter().filter(|(table, _, _)| of_members.contains(table)).collect()
    };
    assert_eq!(members(entries(engine.as_ref())), members(before));
}

/// Each batch is a commit of its own, and one at most waits.
fn slow_config() -> CoreConfig {
    CoreConfig { commit_bytes_max: 1, import_window_bytes: 1, ..config() }
}

/// Runs the job until so many rows are durable, and closes the core.
fn run_until(core: &Core, file: &File, rows: usize) {
    thread::scope(|scope| {
        scope.spawn(|| try_run(core, 1, &file.path));
        while counters(&get(core, 1).unwrap()).read < rows as u64 {
            thread::sleep(Duration::from_millis(1));
        }
        core.close();
    });
}

/// What an engine has after a file of three batches came in, stopped after each or never.
fn after_import(engine: &Arc<dyn Engine>, file: &File, stops: &[usize]) -> Entries {
    let clock = TestClock::new();
    let open = || core_with(engine, &slow_config(), &clock);
    let core = open();
    create(&core, asked("a"));
    assert_eq!(claimed_id(&core), 1);
    core.close();
    for batches in stops {
        run_until(&open(), file, batches * BATCH_ROWS);
    }
    let core = open();
    // The last stop may have come too late.
    if let Err(fault) = try_run(&core, 1, &file.path) {
        assert_eq!(described(&fault), "IMPORT_ENDED job_id=1");
    }
    assert_eq!(state(&get(&core, 1).unwrap()), ImportState::Succeeded);
    assert_eq!(count(&core, "a"), 3 * BATCH_ROWS as u64 * 9 / 10);
    assert_clean(engine.as_ref());
    core.close();
    entries(engine.as_ref())
}

#[test]
fn an_interrupted_import_ends_as_if_it_had_run_once() {
    let file = file_of_batches(3);
    let memory = |stops: &[usize]| {
        let engine: Arc<dyn Engine> = Arc::new(Memory::default());
        after_import(&engine, &file, stops)
    };
    let whole = memory(&[]);
    assert!(memory(&[1, 2]) == whole, "interrupted in memory");
    for stops in [&[][..], &[1, 2]] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            path: folder.path().to_path_buf(),
            map_bytes_initial: 1 << 20,
            map_bytes_max: 1 << 30,
            readers_max: 16,
        };
        let engine: Arc<dyn Engine> = Arc::new(Lmdb::open(&options).unwrap());
        assert!(after_import(&engine, &file, stops) == whole, "{stops:?} on LMDB");
    }
}

#[test]
fn pages_are_bounded_and_begin_anywhere() {
    let SetUp { core, .. } = SetUp::new(&config());
    imported(&core, asked("a"), &file_of_batches(2).path);
    let rows = all_rows(&core, "a", 10_000);
    assert_eq!(rows.len(), 18_000);
    assert_eq!(all_rows(&core, "a", 999), rows);
    // Row 11 of the file was refused; row 2 is the first behind the names.
    for (from, size, first, next) in
        [(0, 3, 2, 5), (11, 1, 12, 13), (10, 1, 10, 12), (20_000, 5, 20_000, 0), (20_001, 5, 0, 0)]
    {
        let answer = page(&core, "a", from, size).unwrap();
        let seen = answer.rows.first().map_or(0, |row| row.row);
        assert_eq!((seen, answer.next_row), (first, next), "{from}");
    }
    let fault = page(&core, "a", 0, 10_001).unwrap_err();
    assert_eq!(described(&fault), "LIMIT_EXCEEDED actual=10001 limit=page_size max=10000");
    // A page has a megabyte, and a row that crosses it.
    let mut text = String::from("name,email\n");
    let name = "n".repeat(1 << 19);
    (0..4).for_each(|row| writeln!(text, "{name},n{row}@example.com").unwrap());
    imported(&core, asked("large"), &File::new(&text).path);
    assert_eq!(page(&core, "large", 0, 0).unwrap().rows.len(), 2);
    assert_eq!(all_rows(&core, "large", 0).len(), 4);
}

#[test]
fn lists_are_listed_by_code() {
    let SetUp { core, .. } = SetUp::new(&config());
    for id in ["b", "a", "aa"] {
        imported(&core, asked(id), &small_file().path);
    }
    assert_eq!(list(&core, "", 0).unwrap(), ["a", "aa", "b"]);
    assert_eq!(list(&core, "", 1).unwrap(), ["a"]);
    assert_eq!(list(&core, "a", 1_000).unwrap(), ["aa", "b"]);
    let fault = list(&core, "", 1_001).unwrap_err();
    assert_eq!(described(&fault), "LIMIT_EXCEEDED actual=1001 limit=page_size max=1000");
}

#[test]
fn a_list_is_kept_thirty_days_after_its_last_use() {
    let SetUp { core, engine, clock } = SetUp::new(&config());
    imported(&core, asked("a"), &small_file().path);
    clock.advance(KEPT_SECONDS - 1);
    assert_eq!(page(&core, "a", 0, 1).unwrap().rows.len(), 1);
    assert_clean(engine.as_ref());
    clock.advance(KEPT_SECONDS - 1);
    // Looking at it is no use of it.
    assert_eq!(count(&core, "a"), 3);
    clock.advance(1);
    for fault in [get_list(&core, "a").err(), page(&core, "a", 0, 1).err(), clean(&core, "a").err()]
    {
        assert_eq!(described(&fault.unwrap()), "EXPRESS_LIST_UNKNOWN list_id=a");
    }
    assert_eq!(list(&core, "", 0).unwrap(), Vec::<String>::new());
    // Any write forgets what has expired; then the code is free.
    create(&core, request(SPACE));
    cancel(&core, 2).unwrap();
    for table in [Table::ExpressLists, Table::ExpressRows] {
        assert_eq!(keys_of(engine.as_ref(), table).len(), 0);
    }
    assert_clean(engine.as_ref());
    assert_eq!(state(&imported(&core, asked("a"), &small_file().path)), ImportState::Succeeded);
}

/// Gives a list as many segments as many batches leave.
fn fill(engine: &dyn Engine, segments: u64) {
    let written = engine.write(&mut |snapshot| {
        let key = keys::owned(|key| keys::express_list(key, 1, "a"));
        let list: Option<ExpressListRecord> = records::get(snapshot, Table::ExpressLists, &key)?;
        let mut list = list.unwrap();
        let first = keys::owned(|key| keys::express_rows(key, 1, 1, 5));
        let segment: Option<ExpressSegment> = records::get(snapshot, Table::ExpressRows, &first)?;
        let segment = segment.unwrap();
        list.rows += u64::from(segment.rows) * segments;
        list.bytes += u64::from(segment.content_bytes) * segments;
        let mut mutations = Mutations::default();
        mutations.put(Table::ExpressLists, &key, &records::encode(&list));
        for last_row in (10..).take(usize::try_from(segments).unwrap()) {
            let key = keys::owned(|key| keys::express_rows(key, 1, 1, last_row));
            mutations.put(Table::ExpressRows, &key, &records::encode(&segment));
        }
        Ok(mutations)
    });
    written.unwrap();
}

#[test]
fn rows_go_with_their_list_bit_by_bit() {
    for way in ["clean", "delete", "expire"] {
        let SetUp { core, engine, clock } = SetUp::new(&config());
        imported(&core, asked("a"), &small_file().path);
        fill(engine.as_ref(), 2_499);
        assert_clean(engine.as_ref());
        let left = || keys_of(engine.as_ref(), Table::ExpressRows).len();
        assert_eq!(left(), 2_500);
        match way {
            "clean" => {
                assert_eq!(clean(&core, "a").unwrap().list.unwrap().count, 0);
                assert_eq!((left(), count(&core, "a")), (0, 0));
                assert_eq!(all_rows(&core, "a", 0), []);
            }
            "delete" => {
                delete(&core, "a").unwrap();
                assert_eq!((left(), keys_of(engine.as_ref(), Table::ExpressLists).len()), (0, 0));
                let fault = delete(&core, "a").unwrap_err();
                assert_eq!(described(&fault), "EXPRESS_LIST_UNKNOWN list_id=a");
            }
            _ => {
                clock.advance(KEPT_SECONDS);
                let mut seen = Vec::new();
                for _ in 0..3 {
                    create(&core, request(SPACE));
                    seen.push(left());
                    assert!(get_list(&core, "a").is_err());
                    assert_clean(engine.as_ref());
                }
                assert_eq!(seen, [1_500, 500, 0]);
            }
        }
        assert_clean(engine.as_ref());
    }
}

#[test]
fn a_list_is_new_and_alone_with_its_code() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    imported(&core, asked("a"), &small_file().path);
    let ordinary = |id: &str| StartImportRequest { express: false, ..asked(id) };
    let file = File::new("name,email,email\nx,m@example.com,\n");
    let job = imported(&core, ordinary("group"), &file.path);
    assert_eq!(state(&job), ImportState::Succeeded);
    create(&core, asked("waits"));
    create(&core, ordinary("ordinary"));
    let refused = |asked: StartImportRequest| {
        let asked = _native::wire::internal::v1::CreateJobRequest { request: Some(asked) };
        let answer: Result<_native::wire::internal::v1::CreateJobResponse> =
            call(&core, &format!("{SERVICE}CreateJob"), &asked);
        answer.map_err(|fault| described(&fault)).map(drop)
    };
    let taken = |id: &str| Err(format!("EXPRESS_LIST_EXISTS list_id={id}"));
    for id in ["a", "group", "waits", "ordinary"] {
        assert_eq!(refused(asked(id)), taken(id));
    }
    for (id, expected) in [("a", taken("a")), ("waits", taken("waits")), ("group", Ok(()))] {
        assert_eq!(refused(ordinary(id)), expected, "{id}");
    }
    // Without a code each gets another one.
    let names = [1, 2].map(|_| {
        let job = create(&core, StartImportRequest { auto_group: None, ..asked("") });
        job.metadata.unwrap().group.unwrap().id
    });
    assert_eq!(names, ["importex20260528232640", "importex20260528232641"]);
    // A request that came with the file may say that it is one.
    let later = create(&core, request(SPACE));
    let changed = UpdateJobRequest {
        job_id: later.job_id,
        request: Some(StartImportRequest { auto_group: None, ..asked("") }),
        ..Default::default()
    };
    let id = update(&core, &changed).unwrap().metadata.unwrap().group.unwrap().id;
    assert_eq!(id, "importex20260528232642");
    assert_clean(engine.as_ref());
}

/// A core whose import of list "a" was stopped after its first batches.
fn interrupted(clock: &TestClock) -> (Arc<Core>, Arc<dyn Engine>, File) {
    let engine: Arc<dyn Engine> = Faulty::new();
    let file = file_of_batches(3);
    let core = core_with(&engine, &slow_config(), clock);
    create(&core, asked("a"));
    assert_eq!(claimed_id(&core), 1);
    run_until(&core, &file, BATCH_ROWS);
    (core_with(&engine, &slow_config(), clock), engine, file)
}

#[test]
fn a_list_that_fills_is_neither_cleaned_nor_deleted() {
    let (core, engine, _) = interrupted(&TestClock::new());
    let before = count(&core, "a");
    assert!(before > 0);
    for fault in [clean(&core, "a").err(), delete(&core, "a").err()] {
        assert_eq!(described(&fault.unwrap()), "EXPRESS_LIST_BUSY job_id=1 list_id=a");
    }
    cancel(&core, 1).unwrap();
    // What was done stays until somebody wants it gone.
    assert_eq!(count(&core, "a"), before);
    clean(&core, "a").unwrap();
    delete(&core, "a").unwrap();
    assert_clean(engine.as_ref());
}

#[test]
fn an_import_whose_list_is_gone_fails() {
    let clock = TestClock::new();
    let (core, engine, file) = interrupted(&clock);
    clock.advance(KEPT_SECONDS);
    let job = try_run(&core, 1, &file.path).unwrap();
    assert_eq!(state(&job), ImportState::Failed);
    let error = String::from_utf8_lossy(&job.error).into_owned();
    assert!(error.contains("ERROR_REASON_EXPRESS_LIST_UNKNOWN"), "{error}");
    assert!(keys_of(engine.as_ref(), Table::ExpressRows).is_empty());
    assert_clean(engine.as_ref());
}

#[test]
fn erasing_a_member_takes_the_rows_that_name_it() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    imported(&core, asked("a"), &small_file().path);
    imported(&core, asked("b"), &File::new("name,email,email\nAnn,ann@example.com,\n").path);
    for email in ["ann@example.com", "other@example.com"] {
        set_member(&core, email_change(email, "x", "1")).unwrap();
    }
    let erase = |email: &str| {
        let key = member_key::Key::Address(address(AddressType::Email, email));
        let request = EraseMemberRequest {
            space: Some(SPACE),
            member: Some(MemberKey { key: Some(key) }),
            ..Default::default()
        };
        let _: EraseMemberResponse = call(&core, ERASE_MEMBER, &request).unwrap();
        core.upkeep().settle();
        assert_clean(engine.as_ref());
        all_rows(&core, "a", 0).iter().map(|row| row.row).collect::<Vec<_>>()
    };
    // Also where the address is in another column.
    assert_eq!(erase("other@example.com"), [3, 5]);
    assert_eq!(count(&core, "b"), 1);
    assert_eq!(erase("ann@example.com"), [3]);
    assert_eq!((count(&core, "a"), count(&core, "b")), (1, 0));
    let is_there = |value: &Vec<u8>| value.windows(15).any(|window| window == b"ann@example.com");
    assert!(!entries(engine.as_ref()).iter().any(|(_, _, value)| is_there(value)));
}

#[test]
fn a_policy_that_comes_before_a_batch_is_obeyed() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let mut asked = asked("a");
    let msisdn = column(Target::Address(AddressColumn { r#type: AddressType::Msisdn.into() }));
    asked.options.as_mut().unwrap().columns = vec![msisdn];
    create(&core, asked);
    assert_eq!(claimed_id(&core), 1);
    let policy = SpacePolicy { default_region: "UA".to_owned(), ..Default::default() };
    let request =
        UpdatePolicyRequest { space: Some(SPACE), policy: Some(policy), ..Default::default() };
    let _: UpdatePolicyResponse = call(&core, UPDATE_POLICY, &request).unwrap();
    try_run(&core, 1, &File::new("phone\n0501234567\n").path).unwrap();
    let rows = all_rows(&core, "a", 0);
    assert_eq!(rows[0].address, "+380501234567");
    assert_clean(engine.as_ref());
}
