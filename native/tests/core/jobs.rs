//! Imports that the server runs itself: what is stored, who runs when, what became of them.

use _native::core::Core;
use _native::fault::Result;
use _native::store::Table;
use _native::wire::internal::v1::{
    CancelJobRequest, CancelJobResponse, ClaimJobRequest, ClaimJobResponse, CreateJobRequest,
    CreateJobResponse, DeleteJobRequest, DeleteJobResponse, FailJobRequest, FailJobResponse,
    GetJobRequest, GetJobResponse, Job, ListJobsRequest, ListJobsResponse, UpdateJobRequest,
    UpdateJobResponse,
};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::import_source::Source;
use _native::wire::v1::{
    AddressColumn, AddressType, AutoGroup, DatakeyColumn, GroupOrders, ImportColumn, ImportGroup,
    ImportOptions, ImportReading, ImportSource, ImportState, InlineSource, Space,
    StartImportRequest, UrlSource,
};

use crate::support::{
    OTHER_SPACE, SPACE, SetUp, assert_clean, call, config, config_of, core_with, described,
    entries, keys_of, memory_core, space_config,
};

pub const SERVICE: &str = "/zmey.internal.v1.JobService/";

/// Sixty days.
const KEPT_SECONDS: i64 = 5_184_000;

pub fn column(target: Target) -> ImportColumn {
    ImportColumn { target: Some(target), ..Default::default() }
}

pub fn email_column() -> ImportColumn {
    column(Target::Address(AddressColumn { r#type: AddressType::Email.into() }))
}

/// An import of an upload into a space, its columns unknown.
pub fn request(space: Space) -> StartImportRequest {
    StartImportRequest {
        source: Some(ImportSource { source: Some(Source::Upload("u-1".to_owned())) }),
        options: Some(ImportOptions { space: Some(space), ..Default::default() }),
        ..Default::default()
    }
}

fn grouped(id: &str, clean_group: bool) -> StartImportRequest {
    let auto_group = Some(AutoGroup { id: id.to_owned(), name: String::new() });
    StartImportRequest { auto_group, clean_group, ..request(SPACE) }
}

fn try_create(core: &Core, request: StartImportRequest) -> Result<CreateJobResponse> {
    let request = CreateJobRequest { request: Some(request) };
    call(core, &format!("{SERVICE}CreateJob"), &request)
}

pub fn create(core: &Core, request: StartImportRequest) -> Job {
    try_create(core, request).unwrap().job.unwrap()
}

pub fn get(core: &Core, job_id: u64) -> Result<Job> {
    let request = GetJobRequest { space: Some(SPACE), job_id };
    let answer: GetJobResponse = call(core, &format!("{SERVICE}GetJob"), &request)?;
    Ok(answer.job.unwrap())
}

fn list(core: &Core, space: Space, before_job_id: u64, page_size: u32) -> Vec<u64> {
    let request = ListJobsRequest { space: Some(space), before_job_id, page_size };
    let answer: ListJobsResponse = call(core, &format!("{SERVICE}ListJobs"), &request).unwrap();
    answer.jobs.iter().map(|job| job.job_id).collect()
}

pub fn cancel(core: &Core, job_id: u64) -> Result<Job> {
    let request = CancelJobRequest { space: Some(SPACE), job_id };
    let answer: CancelJobResponse = call(core, &format!("{SERVICE}CancelJob"), &request)?;
    Ok(answer.job.unwrap())
}

pub fn delete(core: &Core, job_id: u64) -> Result<DeleteJobResponse> {
    let request = DeleteJobRequest { space: Some(SPACE), job_id };
    call(core, &format!("{SERVICE}DeleteJob"), &request)
}

pub fn claim(core: &Core) -> Option<Job> {
    let answer: ClaimJobResponse =
        call(core, &format!("{SERVICE}ClaimJob"), &ClaimJobRequest {}).unwrap();
    answer.job
}

pub fn claimed_id(core: &Core) -> u64 {
    claim(core).map_or(0, |job| job.job_id)
}

pub fn update(core: &Core, request: &UpdateJobRequest) -> Result<Job> {
    let answer: UpdateJobResponse = call(core, &format!("{SERVICE}UpdateJob"), request)?;
    Ok(answer.job.unwrap())
}

fn fail(core: &Core, job_id: u64) -> Result<Job> {
    let request = FailJobRequest { job_id, error: b"status".as_slice().into() };
    let answer: FailJobResponse = call(core, &format!("{SERVICE}FailJob"), &request)?;
    Ok(answer.job.unwrap())
}

pub fn state(job: &Job) -> ImportState {
    job.metadata.as_ref().unwrap().state()
}

fn position(core: &Core, job_id: u64) -> u32 {
    get(core, job_id).unwrap().metadata.unwrap().queue_position
}

fn group(job: &Job) -> Option<ImportGroup> {
    job.metadata.clone().unwrap().group
}

/// A core in memory with two spaces and a clock.
fn set_up() -> SetUp {
    SetUp::new(&config_of(vec![space_config(SPACE), space_config(OTHER_SPACE)]))
}

#[test]
fn methods_of_jobs_are_not_told() {
    let (core, _engine) = memory_core(&config());
    assert!(claim(&core).is_none());
    let names = _native::service::METHODS.iter().map(|(name, _)| *name);
    assert!(names.clone().count() > 20);
    assert!(!names.into_iter().any(|name| name.contains("internal")));
}

#[test]
fn a_job_waits_runs_and_fails() {
    let SetUp { core, engine, clock } = set_up();
    let before = clock.seconds();
    let asked = StartImportRequest { track_info: "t".to_owned(), ..request(SPACE) };
    let job = create(&core, asked.clone());
    assert_eq!(
        (job.job_id, job.request.clone(), state(&job)),
        (1, Some(asked), ImportState::Queued)
    );
    let metadata = job.metadata.clone().unwrap();
    assert_eq!((metadata.queue_position, metadata.track_info.as_str()), (1, "t"));
    assert_eq!((metadata.created_seconds, metadata.started_seconds), (before, 0));
    assert_eq!(get(&core, 1), Ok(job));
    clock.advance(10);
    let job = claim(&core).unwrap();
    assert_eq!(state(&job), ImportState::Fetching);
    let metadata = job.metadata.clone().unwrap();
    assert_eq!((metadata.queue_position, metadata.started_seconds), (0, before + 10));
    assert_eq!(claimed_id(&core), 0);
    let changed = UpdateJobRequest {
        job_id: 1,
        attempt: Some(2),
        file_path: Some("1/file".to_owned()),
        ..Default::default()
    };
    let job = update(&core, &changed).unwrap();
    assert_eq!((job.file_path.as_str(), job.metadata.unwrap().attempt), ("1/file", 2));
    clock.advance(10);
    let job = fail(&core, 1).unwrap();
    assert_eq!((state(&job), job.error.as_ref()), (ImportState::Failed, b"status".as_slice()));
    assert_eq!(job.metadata.unwrap().finished_seconds, before + 20);
    assert_clean(engine.as_ref());
    for fault in [
        fail(&core, 1).err(),
        update(&core, &UpdateJobRequest { job_id: 1, ..Default::default() }).err(),
    ] {
        assert_eq!(described(&fault.unwrap()), "IMPORT_ENDED job_id=1");
    }
    assert_eq!(described(&fail(&core, 2).unwrap_err()), "IMPORT_UNKNOWN job_id=2");
    assert_eq!(keys_of(engine.as_ref(), Table::JobProgress).len(), 0);
}

#[test]
fn jobs_are_claimed_in_order() {
    let SetUp { core, engine, clock } = set_up();
    for space in [SPACE, OTHER_SPACE, SPACE] {
        create(&core, request(space));
    }
    assert_eq!([1, 3].map(|job_id| position(&core, job_id)), [1, 3]);
    assert_eq!(claimed_id(&core), 1);
    assert_eq!([1, 3].map(|job_id| position(&core, job_id)), [0, 2]);
    assert_eq!(claimed_id(&core), 2);
    let kept =
        UpdateJobRequest { job_id: 2, file_path: Some("file".to_owned()), ..Default::default() };
    update(&core, &kept).unwrap();
    // Another process finds what this one has left before what waits.
    core.close();
    let core = core_with(
        &engine,
        &config_of(vec![space_config(SPACE), space_config(OTHER_SPACE)]),
        &clock,
    );
    let claims: Vec<_> = std::iter::from_fn(|| claim(&core)).collect();
    let claims: Vec<_> = claims.iter().map(|job| (job.job_id, state(job))).collect();
    let expected =
        [(1, ImportState::Fetching), (2, ImportState::Applying), (3, ImportState::Fetching)];
    assert_eq!(claims, expected);
    assert_clean(engine.as_ref());
}

#[test]
fn jobs_of_spaces_that_are_not_served_wait() {
    let SetUp { core, engine, clock } = set_up();
    create(&core, request(OTHER_SPACE));
    create(&core, request(SPACE));
    core.close();
    let core = core_with(&engine, &config(), &clock);
    assert_eq!((claimed_id(&core), claimed_id(&core)), (2, 0));
}

#[test]
fn jobs_that_clean_a_group_run_alone_in_it() {
    type Case = (&'static [(&'static str, bool)], &'static [u64]);
    let cases: &[Case] = &[
        (&[("a", false), ("a", false)], &[1, 2]),
        (&[("a", true), ("a", false), ("b", true)], &[1, 3]),
        (&[("a", false), ("a", true), ("a", false)], &[1]),
        (&[("a", true), ("b", true), ("a", true)], &[1, 2]),
    ];
    for (jobs, expected) in cases {
        let SetUp { core, .. } = set_up();
        for (id, clean) in *jobs {
            create(&core, grouped(id, *clean));
        }
        // The same name elsewhere is another group.
        let elsewhere = StartImportRequest {
            options: Some(ImportOptions { space: Some(OTHER_SPACE), ..Default::default() }),
            ..grouped("a", true)
        };
        let last = create(&core, elsewhere).job_id;
        let claims: Vec<u64> = std::iter::from_fn(|| claim(&core)).map(|job| job.job_id).collect();
        assert_eq!(claims, [expected, [last].as_slice()].concat(), "{jobs:?}");
        fail(&core, 1).unwrap();
        let next = claimed_id(&core);
        let waiting = (1..last).find(|job_id| !expected.contains(job_id)).unwrap_or(0);
        assert_eq!(next, waiting, "{jobs:?}");
    }
}

#[test]
fn a_job_that_comes_into_the_group_of_another_waits_again() {
    // (jobs as they were asked for, the one that gets another group, which, whether it waits)
    type Case = (&'static [(&'static str, bool)], u64, (&'static str, bool), bool);
    let cases: &[Case] = &[
        (&[("a", false), ("", false)], 2, ("a", true), true),
        (&[("a", true), ("", false)], 2, ("a", false), true),
        (&[("a", false), ("", false)], 2, ("a", false), false),
        (&[("a", true), ("", false)], 2, ("b", true), false),
        // One that runs goes before, although it came later.
        (&[("", false), ("a", true)], 1, ("a", false), true),
        // So does one that waits for its turn, but only if it came earlier.
        (&[("a", true), ("a", false), ("b", false)], 3, ("a", false), true),
        (&[("b", false), ("c", true), ("c", false)], 1, ("c", true), true),
        (&[("b", true), ("a", false), ("b", false)], 2, ("c", true), false),
    ];
    for (jobs, changed, (id, clean), waits) in cases {
        let SetUp { core, engine, .. } = set_up();
        for (id, clean) in *jobs {
            let asked = if id.is_empty() { request(SPACE) } else { grouped(id, *clean) };
            create(&core, asked);
        }
        while claim(&core).is_some() {}
        let further = UpdateJobRequest {
            job_id: *changed,
            file_path: Some("jobs/1-1/file".to_owned()),
            request: Some(grouped(id, *clean)),
            ..Default::default()
        };
        let job = update(&core, &further).unwrap();
        let says = format!("{jobs:?} {changed} {id} {clean}");
        assert_eq!(state(&job) == ImportState::Queued, *waits, "{says}");
        assert_eq!(group(&job).unwrap().id, *id, "{says}");
        assert_eq!(claimed_id(&core), 0, "{says}: nobody may run yet");
        if *waits {
            let others = (1..).take(jobs.len()).filter(|other| other != changed);
            let claims: Vec<u64> = others
                .filter(|other| state(&get(&core, *other).unwrap()) == ImportState::Fetching)
                .flat_map(|running| {
                    fail(&core, running).unwrap();
                    std::iter::from_fn(|| claim(&core)).collect::<Vec<Job>>()
                })
                .inspect(|job| assert_eq!(job.file_path.is_empty(), job.job_id != *changed))
                .map(|job| job.job_id)
                .collect();
            assert!(claims.contains(changed), "{says}: {claims:?}");
        }
        assert_clean(engine.as_ref());
    }
}

#[test]
fn a_job_that_is_to_stop_does_not_wait_again() {
    let SetUp { core, .. } = set_up();
    create(&core, grouped("a", true));
    create(&core, request(SPACE));
    while claim(&core).is_some() {}
    cancel(&core, 2).unwrap();
    let request = Some(grouped("a", false));
    let job = update(&core, &UpdateJobRequest { job_id: 2, request, ..Default::default() });
    assert_eq!(state(&job.unwrap()), ImportState::Fetching);
}

#[test]
fn cancelling_ends_what_waits_and_stops_what_runs() {
    let SetUp { core, engine, .. } = set_up();
    (0..3).for_each(|_| drop(create(&core, request(SPACE))));
    assert_eq!(state(&cancel(&core, 1).unwrap()), ImportState::Cancelled);
    assert_eq!(claimed_id(&core), 2);
    let job = cancel(&core, 2).unwrap();
    assert_eq!((state(&job), job.is_cancelling), (ImportState::Fetching, true));
    // What was to stop anyway has not failed.
    let job = fail(&core, 2).unwrap();
    assert_eq!((state(&job), job.error.is_empty()), (ImportState::Cancelled, true));
    let again = cancel(&core, 2).unwrap();
    assert_eq!(again, job);
    assert_eq!(described(&cancel(&core, 9).unwrap_err()), "IMPORT_UNKNOWN job_id=9");
    assert_clean(engine.as_ref());
}

#[test]
fn what_was_to_stop_when_the_process_ended_does_not_run_again() {
    let SetUp { core, engine, clock } = set_up();
    create(&core, request(SPACE));
    create(&core, request(SPACE));
    assert_eq!((claimed_id(&core), claimed_id(&core)), (1, 2));
    cancel(&core, 1).unwrap();
    core.close();
    let core = core_with(&engine, &config(), &clock);
    // One that nobody runs by now ends at once.
    assert_eq!(state(&cancel(&core, 2).unwrap()), ImportState::Cancelled);
    assert!(claim(&core).is_none());
    assert_eq!(state(&get(&core, 1).unwrap()), ImportState::Cancelled);
}

#[test]
fn ended_jobs_are_deleted_and_forgotten() {
    let SetUp { core, engine, clock } = set_up();
    (0..3).for_each(|_| drop(create(&core, request(SPACE))));
    assert_eq!(described(&delete(&core, 1).unwrap_err()), "IMPORT_NOT_ENDED job_id=1");
    assert_eq!(described(&delete(&core, 4).unwrap_err()), "IMPORT_UNKNOWN job_id=4");
    for job_id in 1..=3 {
        cancel(&core, job_id).unwrap();
    }
    delete(&core, 1).unwrap();
    assert_eq!(described(&delete(&core, 1).unwrap_err()), "IMPORT_UNKNOWN job_id=1");
    assert_eq!(described(&get(&core, 1).unwrap_err()), "IMPORT_UNKNOWN job_id=1");
    assert_eq!(list(&core, SPACE, 0, 10), [3, 2]);
    assert_clean(engine.as_ref());
    clock.advance(KEPT_SECONDS - 1);
    assert!(get(&core, 2).is_ok());
    clock.advance(1);
    assert_eq!(described(&get(&core, 2).unwrap_err()), "IMPORT_UNKNOWN job_id=2");
    // Any write forgets what has expired; numbers are not given again.
    assert_eq!(create(&core, request(SPACE)).job_id, 4);
    assert_eq!(keys_of(engine.as_ref(), Table::Jobs).len(), 1);
    assert_clean(engine.as_ref());
}

#[test]
fn jobs_are_listed_newest_first() {
    let SetUp { core, .. } = set_up();
    for number in 0..6 {
        create(&core, request(if number % 3 == 1 { OTHER_SPACE } else { SPACE }));
    }
    for (space, before, size, expected) in [
        (SPACE, 0, 10, vec![6, 4, 3, 1]),
        (SPACE, 0, 2, vec![6, 4]),
        (SPACE, 4, 2, vec![3, 1]),
        (SPACE, 1, 2, vec![]),
        (OTHER_SPACE, 0, 10, vec![5, 2]),
    ] {
        assert_eq!(list(&core, space, before, size), expected, "{before}, {size}");
    }
    let page = |page_size| {
        let request = ListJobsRequest { space: Some(SPACE), before_job_id: 0, page_size };
        let answer: Result<ListJobsResponse> = call(&core, &format!("{SERVICE}ListJobs"), &request);
        answer.map(|answer| answer.jobs.len()).map_err(|fault| described(&fault))
    };
    assert_eq!(page(1_000), Ok(4));
    assert_eq!(page(0), Err("FIELD_REQUIRED field=page_size".to_owned()));
    assert_eq!(page(1_001), Err("LIMIT_EXCEEDED actual=1001 limit=page_size max=1000".to_owned()));
}

#[test]
fn a_request_id_begins_one_import() {
    let SetUp { core, clock, engine } = set_up();
    let asked = StartImportRequest { request_id: "r".to_owned(), ..request(SPACE) };
    let first = try_create(&core, asked.clone()).unwrap();
    assert!(!first.is_repeated);
    cancel(&core, 1).unwrap();
    let again = try_create(&core, asked.clone()).unwrap();
    assert!(again.is_repeated);
    // As it is by now.
    assert_eq!(again.job, get(&core, 1).ok());
    let other = StartImportRequest { track_info: "x".to_owned(), ..asked.clone() };
    let fault = try_create(&core, other).unwrap_err();
    assert_eq!(described(&fault), "REQUEST_ID_REUSED request_id=r");
    delete(&core, 1).unwrap();
    assert_eq!(
        try_create(&core, asked.clone()).unwrap(),
        CreateJobResponse { is_repeated: true, ..first }
    );
    clock.advance(24 * 60 * 60);
    assert_eq!(create(&core, asked).job_id, 2);
    assert_clean(engine.as_ref());
}

#[test]
fn inline_content_is_not_kept() {
    let SetUp { core, engine, .. } = set_up();
    let inline = |content: &'static [u8]| StartImportRequest {
        source: Some(ImportSource {
            source: Some(Source::Inline(InlineSource { content: content.into(), base64: false })),
        }),
        request_id: "r".to_owned(),
        ..request(SPACE)
    };
    create(&core, inline(b"secret@example.com"));
    let is_there = |value: &Vec<u8>| value.windows(6).any(|window| window == b"secret");
    assert!(!entries(engine.as_ref()).iter().any(|(_, _, value)| is_there(value)));
    assert!(try_create(&core, inline(b"secret@example.com")).unwrap().is_repeated);
    let fault = try_create(&core, inline(b"other@example.com")).unwrap_err();
    assert_eq!(described(&fault), "REQUEST_ID_REUSED request_id=r");
}

#[test]
fn groups_are_named_when_the_import_is_asked_for() {
    let SetUp { core, engine, clock } = set_up();
    let named =
        |id: &str, name: &str| Some(ImportGroup { id: id.to_owned(), name: name.to_owned() });
    // The clock stands at 2026-05-28 20:26:40 UTC; the space is in Moscow.
    assert_eq!(group(&create(&core, request(SPACE))), None);
    let first = create(&core, grouped("", false));
    assert_eq!(group(&first), named("import20260528232640", "Внесены 2026-05-28 23:26:40"));
    // Another one of the same second, though the first is over.
    cancel(&core, 2).unwrap();
    let second = create(&core, grouped("", false));
    assert_eq!(group(&second), named("import20260528232641", "Внесены 2026-05-28 23:26:40"));
    let third = create(&core, grouped("", false));
    assert_eq!(group(&third).unwrap().id, "import20260528232642");
    let auto_group = Some(AutoGroup { id: "own".to_owned(), name: "Own".to_owned() });
    let own = StartImportRequest { auto_group, ..request(SPACE) };
    assert_eq!(group(&create(&core, own)), named("own", "Own"));
    // It stays.
    clock.advance(3_600);
    core.close();
    let core = core_with(&engine, &config(), &clock);
    assert_eq!(group(&get(&core, 3).unwrap()), group(&second));
    let replaced =
        |request| UpdateJobRequest { job_id: 3, request: Some(request), ..Default::default() };
    assert_eq!(group(&update(&core, &replaced(grouped("", false))).unwrap()), group(&second));
    let other = update(&core, &replaced(grouped("other", false))).unwrap();
    assert_eq!(group(&other), named("other", "Внесены 2026-05-29 00:26:40"));
    assert_eq!(group(&update(&core, &replaced(request(SPACE))).unwrap()), None);
    assert_clean(engine.as_ref());
}

/// An import whose URL is fetched in this way.
fn url(change: impl FnOnce(&mut UrlSource)) -> StartImportRequest {
    let mut source = UrlSource { url: "https://example.com/".to_owned(), ..Default::default() };
    change(&mut source);
    StartImportRequest {
        source: Some(ImportSource { source: Some(Source::Url(source)) }),
        ..request(SPACE)
    }
}

/// An import with these options.
fn optioned(change: impl FnOnce(&mut ImportOptions)) -> StartImportRequest {
    let mut options = ImportOptions { space: Some(SPACE), ..Default::default() };
    change(&mut options);
    StartImportRequest { options: Some(options), ..request(SPACE) }
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let SetUp { core, engine, .. } = set_up();
    let data =
        || column(Target::Datakey(DatakeyColumn { path: "a".to_owned(), ..Default::default() }));
    let upload = |name: String| StartImportRequest {
        source: Some(ImportSource { source: Some(Source::Upload(name)) }),
        ..request(SPACE)
    };
    let shape = ImportReading { shape: 99, ..Default::default() };
    let nowhere = Space { account_id: 7, db_id: 7 };
    let before = entries(engine.as_ref());
    for (request, expected) in [
        (StartImportRequest { options: None, ..request(SPACE) }, "FIELD_REQUIRED field=options"),
        (request(nowhere), "SPACE_UNKNOWN account_id=7 db_id=7"),
        (StartImportRequest { source: None, ..request(SPACE) }, "FIELD_REQUIRED field=source"),
        (upload(String::new()), "FIELD_REQUIRED field=source.upload"),
        (upload("u".repeat(129)), "LIMIT_EXCEEDED actual=129 limit=source.upload max=128"),
        (url(|source| source.url.clear()), "FIELD_REQUIRED field=source.url.url"),
        (
            url(|source| source.attempts = 101),
            "LIMIT_EXCEEDED actual=101 limit=source.url.attempts max=100",
        ),
        (
            url(|source| source.interval_seconds = 86_401),
            "LIMIT_EXCEEDED actual=86401 limit=source.url.interval_seconds max=86400",
        ),
        (
            StartImportRequest { track_info: "t".repeat(1_025), ..request(SPACE) },
            "LIMIT_EXCEEDED actual=1025 limit=track_info max=1024",
        ),
        (
            StartImportRequest { request_id: "r".repeat(129), ..request(SPACE) },
            "LIMIT_EXCEEDED actual=129 limit=request_id max=128",
        ),
        (
            StartImportRequest { reading: Some(shape), ..request(SPACE) },
            "FIELD_INVALID field=reading.shape",
        ),
        (optioned(|it| it.import_id = "i".to_owned()), "FIELD_INVALID field=options.import_id"),
        (optioned(|it| it.validate_only = true), "FIELD_INVALID field=options.validate_only"),
        (
            optioned(|it| it.columns = vec![data()]),
            "FIELD_REQUIRED field=columns with a contact id, an address or a field",
        ),
        (grouped("", true), "FIELD_REQUIRED field=auto_group.id"),
        (
            StartImportRequest { auto_group: None, ..grouped("", true) },
            "FIELD_REQUIRED field=auto_group.id",
        ),
        (
            StartImportRequest {
                auto_group: Some(AutoGroup::default()),
                ..optioned(|it| it.no_member = true)
            },
            "OPTIONS_CONFLICT first=options.no_member second=auto_group",
        ),
        (
            optioned(|it| (it.no_member, it.groups) = (true, Some(GroupOrders::default()))),
            "OPTIONS_CONFLICT first=options.no_member second=options.groups",
        ),
    ] {
        assert_eq!(described(&try_create(&core, request).unwrap_err()), expected);
    }
    assert_eq!(entries(engine.as_ref()), before);
    create(&core, optioned(|it| it.columns = vec![email_column(), data()]));
    create(&core, url(|source| (source.attempts, source.interval_seconds) = (100, 86_400)));
}

#[test]
fn a_space_has_a_bounded_queue() {
    let SetUp { core, engine, .. } = set_up();
    (0..1_000).for_each(|_| drop(create(&core, request(SPACE))));
    let fault = try_create(&core, request(SPACE)).unwrap_err();
    assert_eq!(described(&fault), "IMPORT_QUEUE_FULL max=1000");
    create(&core, request(OTHER_SPACE));
    cancel(&core, 500).unwrap();
    // The refused one has not spent a number.
    assert_eq!(create(&core, request(SPACE)).job_id, 1_002);
    assert_clean(engine.as_ref());
}
