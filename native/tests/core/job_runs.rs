//! Jobs that run: what becomes of rows, and that whatever stops a job, it ends as if it had run
//! once.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use _native::boot;
use _native::config::CoreConfig;
use _native::core::Core;
use _native::fault::Result;
use _native::store::{Engine, Mutations, StoreError, Table, keys, records};
use _native::wire::internal::v1::{
    Job, ReadRejectsRequest, ReadRejectsResponse, RejectedRow, RunJobRequest, RunJobResponse,
    UpdateJobRequest,
};
use _native::wire::storage::{JobProgressRecord, RejectList, RejectRecord};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::{
    AddressColumn, AddressType, AutoGroup, CellFormat, DatakeyColumn, DatakeyMode, ErrorReason,
    FieldColumn, GetMemberRequest, GetMemberResponse, ImportColumn, ImportCounters, ImportOptions,
    ImportState, SpacePolicy, StartImportRequest, UpdatePolicyRequest, UpdatePolicyResponse,
};
use tempfile::TempDir;

use crate::faulty::{Faulty, Mishap};
use crate::jobs::{
    SERVICE, cancel, claim, claimed_id, column, create, delete, email_column, get, request, state,
    update,
};
use crate::support::{
    GET_MEMBER, SPACE, SetUp, TestClock, UPDATE_POLICY, assert_clean, call, config, config_of,
    core_on, core_with, described, email_keys, entries, field, keys_of, space_config,
};

/// Rows of a batch, as the core makes them.
const BATCH_ROWS: usize = 2_000;

/// A folder with one file.
pub struct File {
    _folder: TempDir,
    pub path: PathBuf,
}

impl File {
    pub fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        Self { _folder: folder, path }
    }

    /// E-mails and numbers: every tenth row is refused, every eighth is of an earlier member.
    pub fn of_batches(batches: usize) -> Self {
        let mut text = String::from("email,log\n");
        for row in 0..batches * BATCH_ROWS {
            let name = if row % 8 == 7 { row / 16 } else { row };
            let log = if row % 10 == 9 { "{".to_owned() } else { row.to_string() };
            writeln!(text, "n{name}@example.com,{log}").unwrap();
        }
        Self::new(&text)
    }
}

pub fn log_column() -> ImportColumn {
    column(Target::Datakey(DatakeyColumn {
        path: "log".to_owned(),
        mode: DatakeyMode::Push.into(),
        format: CellFormat::Json.into(),
        ..Default::default()
    }))
}

/// E-mail and `log`, to which cells are pushed, so that applying a row twice shows.
pub fn asked() -> StartImportRequest {
    let columns = vec![email_column(), log_column()];
    let options = ImportOptions { space: Some(SPACE), columns, ..Default::default() };
    StartImportRequest { options: Some(options), ..request(SPACE) }
}

fn try_run(core: &Core, job_id: u64, path: &Path) -> Result<Job> {
    let request = RunJobRequest { job_id, path: path.to_str().unwrap().to_owned() };
    let answer: RunJobResponse = call(core, &format!("{SERVICE}RunJob"), &request)?;
    Ok(answer.job.unwrap())
}

/// Creates, claims and runs.
pub fn imported(core: &Core, asked: StartImportRequest, path: &Path) -> Job {
    let job_id = create(core, asked).job_id;
    assert_eq!(claimed_id(core), job_id);
    try_run(core, job_id, path).unwrap()
}

pub fn counters(job: &Job) -> ImportCounters {
    job.metadata.clone().unwrap().counters.unwrap()
}

/// Every reject of a job, read page by page.
pub fn rejects(core: &Core, job_id: u64) -> Vec<RejectedRow> {
    let mut request = ReadRejectsRequest { space: Some(SPACE), job_id, after_batch: 0 };
    let mut rejects = Vec::new();
    loop {
        let answer: ReadRejectsResponse =
            call(core, &format!("{SERVICE}ReadRejects"), &request).unwrap();
        if answer.rejects.is_empty() {
            assert_eq!(answer.last_batch, request.after_batch);
            return rejects;
        }
        assert!(answer.last_batch > request.after_batch);
        request.after_batch = answer.last_batch;
        rejects.extend(answer.rejects);
    }
}

fn log_of(core: &Core, email: &str) -> String {
    let request = GetMemberRequest {
        space: Some(SPACE),
        keys: Some(email_keys(email)),
        datakeys: vec!["log".to_owned()],
        ..Default::default()
    };
    let answer: GetMemberResponse = call(core, GET_MEMBER, &request).unwrap();
    String::from_utf8(answer.member.unwrap().values[0].value.to_vec()).unwrap()
}

/// Each batch is a commit of its own, and one at most waits.
fn slow_config() -> CoreConfig {
    let mut config = config();
    (config.commit_rows_max, config.import_window_bytes) = (BATCH_ROWS, 1);
    config
}

/// The store after the file was imported without interruption.
fn undisturbed(file: &File) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let job = imported(&core, asked(), &file.path);
    assert_eq!(state(&job), ImportState::Succeeded);
    assert_clean(engine.as_ref());
    entries(engine.as_ref())
}

#[test]
fn a_job_applies_its_file() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let file = File::new(
        "email,log\n\
         a@example.com,1\n\
         b@example.com,2\n\
         A@example.com,3\n\
         nobody,4\n\
         b@example.com,\n\
         c@example.com,{\n\
         c@example.com,5,6\n",
    );
    let job = imported(&core, asked(), &file.path);
    assert_eq!(state(&job), ImportState::Succeeded);
    let expected = ImportCounters {
        read: 7,
        created: 2,
        updated: 1,
        unchanged: 1,
        rejected: 3,
        repeated: 3,
        ..Default::default()
    };
    assert_eq!(counters(&job), expected);
    let metadata = job.metadata.clone().unwrap();
    let length = std::fs::metadata(&file.path).unwrap().len();
    assert_eq!((metadata.file_bytes, metadata.read_bytes), (length, length));
    assert_eq!(metadata.layout.unwrap().columns.len(), 2);
    assert_eq!((metadata.revision, metadata.left_seconds), (3, 0));
    assert_eq!(get(&core, 1), Ok(job));
    assert_eq!(log_of(&core, "a@example.com"), "[1,3]");
    let rejects = rejects(&core, 1);
    let seen: Vec<_> = rejects.iter().map(|it| (it.row, it.text.as_str())).collect();
    let expected = [(5, "nobody,4"), (7, "c@example.com,{"), (8, "c@example.com,5,6")];
    assert_eq!(seen, expected);
    let reasons = rejects.iter().map(|it| it.fault.as_ref().unwrap().reason().as_str_name());
    let expected = ["EMAIL_NO_AT", "JSON_INVALID", "IMPORT_CELLS_TOO_MANY"];
    assert!(reasons.zip(expected).all(|(reason, it)| reason.ends_with(it)), "{rejects:?}");
    assert_clean(engine.as_ref());
    assert_eq!(claimed_id(&core), 0);
}

#[test]
fn conditions_and_warnings_are_counted() {
    let SetUp { core, .. } = SetUp::new(&config());
    let csid = column(Target::Address(AddressColumn { r#type: AddressType::Csid.into() }));
    let with_csid = |if_exists| {
        let mut asked = asked();
        let options = asked.options.as_mut().unwrap();
        options.columns = vec![email_column(), csid.clone()];
        options.if_exists = if_exists;
        asked
    };
    let file = File::new("email,csid\na@example.com,A\nb@example.com,B\nb@example.com,A\n");
    let job = imported(&core, with_csid(0), &file.path);
    let first = counters(&job);
    assert_eq!((first.created, first.repeated, first.warnings), (2, 1, 1), "{first:?}");
    let job = imported(&core, with_csid(3), &file.path);
    let again = counters(&job);
    assert_eq!((again.read, again.ignored, again.warnings), (3, 3, 0), "{again:?}");
}

/// Lets writes fail from each one on, goes on in another core, and compares.
fn check_interrupted(file: &File) {
    let expected = undisturbed(file);
    let mut interruptions = 0;
    for write in 0.. {
        let engine = Faulty::new();
        let shared: Arc<dyn Engine> = engine.clone();
        let core = core_on(&shared, &slow_config());
        create(&core, asked());
        assert_eq!(claimed_id(&core), 1);
        engine.break_after(write);
        let ran = try_run(&core, 1, &file.path);
        engine.repair();
        if ran.is_ok() {
            break;
        }
        assert_eq!(described(&ran.unwrap_err()), "INTERNAL");
        interruptions += 1;
        drop(core);
        let core = core_on(&shared, &slow_config());
        assert_clean(engine.as_ref());
        assert_eq!(claimed_id(&core), 1);
        let job = try_run(&core, 1, &file.path).unwrap();
        assert_eq!(state(&job), ImportState::Succeeded);
        drop(core);
        let found = entries(engine.as_ref());
        assert!(found == expected, "another store after write {write}");
    }
    // Its beginning, each batch, its end.
    assert_eq!(interruptions, 5);
}

#[test]
fn a_job_that_is_interrupted_anywhere_ends_as_if_it_had_run_once() {
    check_interrupted(&File::of_batches(3));
}

#[test]
fn a_line_with_the_separator_is_no_row_after_an_interruption_either() {
    let rows = std::fs::read_to_string(File::of_batches(3).path).unwrap();
    check_interrupted(&File::new(&format!("sep=,\r\n{rows}")));
}

/// One commit fails, those behind it are refused; the same process goes on.
#[test]
fn a_failed_commit_is_made_up_for() {
    let file = File::of_batches(4);
    let expected = undisturbed(&file);
    for mishap in [Mishap::Panics, Mishap::Fails(StoreError::Full { map_bytes_max: 7 })] {
        let engine = Faulty::new();
        let core = core_on(&(engine.clone() as Arc<dyn Engine>), &config());
        create(&core, asked());
        assert_eq!(claimed_id(&core), 1);
        engine.arrange(2, mishap);
        let fault = try_run(&core, 1, &file.path).unwrap_err();
        assert!(["INTERNAL", "STORE_FULL map_bytes=7"].contains(&described(&fault).as_str()));
        assert_eq!(state(&get(&core, 1).unwrap()), ImportState::Applying);
        assert_eq!(state(&try_run(&core, 1, &file.path).unwrap()), ImportState::Succeeded);
        assert!(entries(engine.as_ref()) == expected, "another store");
    }
}

/// Its file may have to be fetched once more; the rows before the rest stay what they are.
#[test]
fn a_job_that_has_begun_does_not_give_way() {
    let engine = Faulty::new();
    let core = core_on(&(engine.clone() as Arc<dyn Engine>), &config());
    let file = File::of_batches(3);
    let auto_group = Some(AutoGroup { id: "g".to_owned(), ..Default::default() });
    let grouped = StartImportRequest { auto_group, clean_group: true, ..asked() };
    create(&core, grouped.clone());
    create(&core, asked());
    let further = UpdateJobRequest { job_id: 2, request: Some(grouped), ..Default::default() };
    assert_eq!(state(&update(&core, &further).unwrap()), ImportState::Queued);
    engine.arrange(2, Mishap::Fails(StoreError::Full { map_bytes_max: 7 }));
    try_run(&core, 2, &file.path).unwrap_err();
    assert_eq!(state(&update(&core, &further).unwrap()), ImportState::Applying);
}

/// Closes the core again and again while a job runs on a store on disk.
#[test]
fn a_job_outlives_its_process() {
    let file = File::of_batches(12);
    let expected = undisturbed(&file);
    let folder = tempfile::tempdir().unwrap();
    let mut config = slow_config();
    config.store_path = Some(folder.path().join("store").to_str().unwrap().to_owned());
    let (clock, mut ended, mut runs) = (TestClock::new(), false, 0);
    create(&core_with(&boot::engine(&config).unwrap(), &config, &clock), asked());
    while !ended {
        let core = core_with(&boot::engine(&config).unwrap(), &config, &clock);
        assert_eq!(claim(&core).unwrap().job_id, 1);
        let read = || counters(&get(&core, 1).unwrap()).read;
        let read_before = read();
        thread::scope(|scope| {
            let running = scope.spawn(|| try_run(&core, 1, &file.path));
            // Closed as soon as one more batch is durable, however fast the machine is.
            while read() == read_before && !running.is_finished() {
                thread::sleep(Duration::from_millis(1));
            }
            core.close();
            let job = running.join().unwrap().unwrap();
            ended = state(&job) == ImportState::Succeeded;
            assert!(ended || state(&job) == ImportState::Applying, "{job:?}");
        });
        runs += 1;
    }
    let engine = boot::engine(&config).unwrap();
    assert!(runs > 1, "the job was never interrupted");
    assert!(entries(engine.as_ref()) == expected, "another store");
    assert_clean(engine.as_ref());
}

#[test]
fn a_running_job_is_cancelled_between_batches() {
    let file = File::of_batches(12);
    let engine = Faulty::new();
    let core = core_on(&(engine.clone() as Arc<dyn Engine>), &slow_config());
    create(&core, asked());
    assert_eq!(claimed_id(&core), 1);
    thread::scope(|scope| {
        let running = scope.spawn(|| try_run(&core, 1, &file.path));
        let is_under_way = || counters(&get(&core, 1).unwrap()).read > 0;
        while !is_under_way() {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(cancel(&core, 1).unwrap().is_cancelling);
        let job = running.join().unwrap().unwrap();
        assert_eq!(state(&job), ImportState::Cancelled);
        let read = usize::try_from(counters(&job).read).unwrap();
        assert!(read.is_multiple_of(BATCH_ROWS) && read < 12 * BATCH_ROWS, "{read}");
        assert!(!rejects(&core, 1).is_empty());
    });
    assert_clean(engine.as_ref());
    let fault = try_run(&core, 1, &file.path).unwrap_err();
    assert_eq!(described(&fault), "IMPORT_ENDED job_id=1");
    // One that is to stop before its file is there needs none.
    create(&core, asked());
    assert_eq!(claimed_id(&core), 2);
    cancel(&core, 2).unwrap();
    let job = try_run(&core, 2, Path::new("nowhere")).unwrap();
    assert_eq!((state(&job), counters(&job).read), (ImportState::Cancelled, 0));
}

#[test]
fn two_jobs_run_at_once_but_each_only_once() {
    let file = File::of_batches(2);
    let engine = Faulty::new();
    let core = core_on(&(engine.clone() as Arc<dyn Engine>), &config());
    for expected in 1..=2 {
        create(&core, asked());
        assert_eq!(claimed_id(&core), expected);
    }
    engine.close_gate();
    thread::scope(|scope| {
        let path = &file.path;
        let first = scope.spawn(|| try_run(&core, 1, path));
        engine.await_write();
        let fault = try_run(&core, 1, path).unwrap_err();
        assert_eq!(described(&fault), "IMPORT_BUSY import_id=1");
        let second = scope.spawn(|| try_run(&core, 2, path));
        engine.open_gate();
        for running in [first, second] {
            let job = running.join().unwrap().unwrap();
            assert_eq!(state(&job), ImportState::Succeeded);
            assert_eq!(counters(&job).read, 2 * BATCH_ROWS as u64);
        }
    });
    assert_clean(engine.as_ref());
}

/// The reason in an encoded google.rpc.Status.
fn status_reason(job: &Job) -> String {
    let text = String::from_utf8_lossy(&job.error).into_owned();
    let start = text.find("ERROR_REASON_").expect("a status has a reason") + 13;
    text[start..].chars().take_while(|it| it.is_ascii_uppercase() || *it == '_').collect()
}

#[test]
fn an_import_that_cannot_begin_fails_with_its_reason() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let empty = File::new("");
    let unkeyed = File::new("log\n1\n");
    let named = StartImportRequest { options: request(SPACE).options, ..asked() };
    for (asked, path, reason) in [
        (asked(), Path::new("/nowhere/at/all"), "INTERNAL"),
        (named.clone(), unkeyed.path.as_path(), "FIELD_REQUIRED"),
        (named, empty.path.as_path(), "FIELD_REQUIRED"),
    ] {
        let job = imported(&core, asked, path);
        assert_eq!(state(&job), ImportState::Failed);
        assert!(!job.error.is_empty(), "{reason}");
        assert_eq!(counters(&job).read, 0);
    }
    assert_clean(engine.as_ref());
}

#[test]
fn a_job_whose_field_or_file_is_gone_fails() {
    for is_field in [true, false] {
        let engine = Faulty::new();
        let mut space = space_config(SPACE);
        space.fields = vec![field("card", "string", false)];
        let mut config = config_of(vec![space]);
        (config.commit_rows_max, config.import_window_bytes) = (BATCH_ROWS, 1);
        let core = core_on(&(engine.clone() as Arc<dyn Engine>), &config);
        let mut asked = asked();
        let card = column(Target::Field(FieldColumn { path: "card".to_owned() }));
        asked.options.as_mut().unwrap().columns = vec![email_column(), card];
        create(&core, asked);
        assert_eq!(claimed_id(&core), 1);
        let file = File::of_batches(3);
        engine.break_after(2);
        try_run(&core, 1, &file.path).unwrap_err();
        engine.repair();
        let reason = if is_field {
            let policy = Some(SpacePolicy::default());
            let request = UpdatePolicyRequest { space: Some(SPACE), policy, ..Default::default() };
            let _: UpdatePolicyResponse = call(&core, UPDATE_POLICY, &request).unwrap();
            "FIELD_NOT_DECLARED"
        } else {
            std::fs::write(&file.path, "email,card\n").unwrap();
            "IMPORT_FILE_CHANGED"
        };
        let job = try_run(&core, 1, &file.path).unwrap();
        assert_eq!((state(&job), status_reason(&job).as_str()), (ImportState::Failed, reason));
        assert_eq!(counters(&job).read, BATCH_ROWS as u64);
        assert_clean(engine.as_ref());
    }
}

/// Rows that wait when another policy comes are prepared anew by it.
#[test]
fn a_policy_that_changes_meanwhile_is_followed() {
    let file = File::of_batches(6);
    let engine = Faulty::new();
    let core = core_on(&(engine.clone() as Arc<dyn Engine>), &config());
    create(&core, asked());
    assert_eq!(claimed_id(&core), 1);
    thread::scope(|scope| {
        engine.close_gate();
        let running = scope.spawn(|| try_run(&core, 1, &file.path));
        engine.await_write();
        let changing = scope.spawn(|| {
            let policy = Some(SpacePolicy { retention_days: 9, ..Default::default() });
            let request = UpdatePolicyRequest { space: Some(SPACE), policy, ..Default::default() };
            call::<UpdatePolicyResponse>(&core, UPDATE_POLICY, &request)
        });
        engine.open_gate();
        changing.join().unwrap().unwrap();
        let job = running.join().unwrap().unwrap();
        assert_eq!(state(&job), ImportState::Succeeded);
        let counters = counters(&job);
        assert_eq!(counters.read, 6 * BATCH_ROWS as u64);
        let sum = counters.created + counters.updated + counters.unchanged + counters.rejected;
        assert_eq!(sum, counters.read);
    });
    assert_clean(engine.as_ref());
}

#[test]
fn speed_is_told_while_a_job_runs() {
    let file = File::of_batches(6);
    let engine = Faulty::new();
    let core = core_on(&(engine.clone() as Arc<dyn Engine>), &slow_config());
    create(&core, asked());
    assert_eq!(claimed_id(&core), 1);
    thread::scope(|scope| {
        let running = scope.spawn(|| try_run(&core, 1, &file.path));
        let metadata = || get(&core, 1).unwrap().metadata.unwrap();
        while metadata().rows_per_second <= 0.0 {
            thread::sleep(Duration::from_millis(1));
            assert!(!running.is_finished(), "no speed was told");
        }
        engine.close_gate();
        let seen = metadata();
        assert!(seen.read_bytes > 0 && seen.read_bytes <= seen.file_bytes, "{seen:?}");
        engine.open_gate();
        let job = running.join().unwrap().unwrap();
        assert_eq!(state(&job), ImportState::Succeeded);
    });
    let jobs = core.list_metrics().into_iter().filter(|(name, _)| name.starts_with("zmey_import_"));
    let (seconds, counts): (Vec<_>, Vec<_>) =
        jobs.partition(|(name, _)| name.ends_with("_seconds_total"));
    let seen: Vec<_> = counts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let expected = [
        "zmey_import_jobs_queued 0",
        "zmey_import_jobs_running 0",
        "zmey_import_jobs_succeeded_total 1",
        "zmey_import_jobs_failed_total 0",
        "zmey_import_jobs_cancelled_total 0",
        "zmey_import_job_rows_total 12000",
    ];
    assert_eq!(seen, expected);
    let steps: Vec<_> =
        seconds.iter().filter(|(_, value)| *value > 0.0).map(|(name, _)| *name).collect();
    // UTF-8 is not decoded.
    let expected = [
        "zmey_import_job_read_seconds_total",
        "zmey_import_job_split_seconds_total",
        "zmey_import_job_prepare_seconds_total",
    ];
    assert_eq!(steps, expected);
}

/// Two batches with rejects, and room for those of one.
#[test]
fn a_report_is_bounded() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    create(&core, asked());
    assert_eq!(claimed_id(&core), 1);
    let key = keys::owned(|key| keys::job_progress(key, 1));
    let filled = engine.write(&mut |snapshot| {
        let found = records::get(snapshot, Table::JobProgress, &key)?;
        let mut progress: JobProgressRecord = found.unwrap();
        progress.reject_bytes = (1 << 30) - 1;
        let mut mutations = Mutations::default();
        mutations.put(Table::JobProgress, &key, &records::encode(&progress));
        Ok(mutations)
    });
    filled.unwrap();
    let job = try_run(&core, 1, &File::of_batches(2).path).unwrap();
    assert_eq!(counters(&job).rejected, 2 * BATCH_ROWS as u64 / 10);
    assert_eq!(rejects(&core, 1).len(), BATCH_ROWS / 10);
    let warnings = job.metadata.unwrap().warnings;
    let cut = warnings.iter().filter(|it| it.reason() == ErrorReason::ImportReportCut);
    assert_eq!(cut.count(), 1, "{warnings:?}");
    assert_clean(engine.as_ref());
}

#[test]
fn rejects_go_with_their_job_bit_by_bit() {
    let file = File::new("email,log\nnobody,1\n");
    for deletes in [true, false] {
        let SetUp { core, engine, clock } = SetUp::new(&config());
        imported(&core, asked(), &file.path);
        // As many as many batches leave.
        let key = |batch| keys::owned(|key| keys::rejects(key, 1, 1, batch));
        let list = RejectList { rejects: vec![RejectRecord { row: 7, ..Default::default() }] };
        let segment = records::encode(&records::pack_rejects(&list).0);
        let written = engine.write(&mut |_| {
            let mut mutations = Mutations::default();
            (1..=2_500).for_each(|batch| mutations.put(Table::Rejects, &key(batch), &segment));
            Ok(mutations)
        });
        written.unwrap();
        assert_eq!(rejects(&core, 1).len(), 2_500);
        let left = || keys_of(engine.as_ref(), Table::Rejects).len();
        if deletes {
            delete(&core, 1).unwrap();
            assert_eq!(left(), 0);
        } else {
            clock.advance(60 * 24 * 60 * 60);
            let mut seen = Vec::new();
            for _ in 0..3 {
                create(&core, request(SPACE));
                seen.push(left());
                assert!(get(&core, 1).is_err());
                assert_clean(engine.as_ref());
            }
            assert_eq!(seen, [1_500, 500, 0]);
        }
        assert!(get(&core, 1).is_err());
        assert_clean(engine.as_ref());
    }
}
