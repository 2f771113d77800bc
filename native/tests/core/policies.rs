//! Policies that change between the arrival of a call and its turn, and what depends on the clock.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use _native::config::{CoreConfig, SpaceConfig};
use _native::core::Core;
use _native::fault::Result;
use _native::import::ImportStream;
use _native::store::{Engine, Memory};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::stream_import_request::Message as Import;
use _native::wire::v1::stream_import_response::Message as Answer;
use _native::wire::v1::{
    AddressColumn, AddressType, BlockedValues, CustomField, DeleteMembersRequest,
    DeleteMembersResponse, ErrorReason, ImportChunk, ImportColumn, ImportOptions, ImportRow,
    MemberKey, MemberOutcome, RestoreMemberRequest, RestoreMemberResponse, SpacePolicy,
    StreamImportRequest, StreamImportResponse, UpdatePolicyRequest, UpdatePolicyResponse,
    member_key,
};
use prost::Message;

use crate::faulty::Faulty;
use crate::support::{
    DELETE_MEMBERS, RESTORE_MEMBER, SPACE, TestClock, UPDATE_POLICY, address, assert_clean, call,
    config_of, core_on, core_with, described, email_change, indexed_fields, set_member,
    space_config,
};

const DAY_SECONDS: i64 = 24 * 60 * 60;

fn configured(change: impl FnOnce(&mut SpaceConfig)) -> CoreConfig {
    let mut space = space_config(SPACE);
    change(&mut space);
    config_of(vec![space])
}

fn ann() -> MemberKey {
    let address = address(AddressType::Email, "ann@example.com");
    MemberKey { key: Some(member_key::Key::Address(address)) }
}

fn update(core: &Core, policy: SpacePolicy) -> Result<UpdatePolicyResponse> {
    let request = UpdatePolicyRequest {
        space: Some(SPACE),
        policy: Some(policy),
        ..UpdatePolicyRequest::default()
    };
    call(core, UPDATE_POLICY, &request)
}

/// Refuses Ann and declares a field.
fn strict() -> SpacePolicy {
    SpacePolicy {
        blocked: vec![BlockedValues {
            r#type: AddressType::Email.into(),
            values: vec!["ann@example.com".to_owned()],
        }],
        fields: vec![CustomField { path: "name".to_owned(), ..CustomField::default() }],
        ..SpacePolicy::default()
    }
}

#[test]
fn a_deleted_member_is_kept_as_long_as_the_policy_says() {
    for (days, after_seconds, restored) in
        [(1, DAY_SECONDS - 1, true), (1, DAY_SECONDS, false), (0, 30 * DAY_SECONDS - 1, true)]
    {
        let engine: Arc<dyn Engine> = Arc::new(Memory::default());
        let clock = TestClock::new();
        let config = configured(|space| space.retention_days = days);
        let core = core_with(&engine, &config, &clock);
        set_member(&core, email_change("ann@example.com", "name", "\"A\"")).unwrap();
        let request = DeleteMembersRequest {
            space: Some(SPACE),
            members: vec![ann()],
            ..DeleteMembersRequest::default()
        };
        let _deleted: DeleteMembersResponse = call(&core, DELETE_MEMBERS, &request).unwrap();
        // What is deleted has its term already.
        update(&core, SpacePolicy { retention_days: 300, ..SpacePolicy::default() }).unwrap();
        clock.advance(after_seconds);
        let request = RestoreMemberRequest {
            space: Some(SPACE),
            member: Some(ann()),
            ..RestoreMemberRequest::default()
        };
        let answer: Result<RestoreMemberResponse> = call(&core, RESTORE_MEMBER, &request);
        assert_eq!(answer.is_ok(), restored, "{days} days, {after_seconds} seconds");
        assert_clean(engine.as_ref());
    }
}

/// A core whose writer waits at the gate, so that what is called now is prepared now and planned
/// later.
fn gated(config: &CoreConfig) -> (Arc<Faulty>, Arc<Core>) {
    let faulty = Faulty::new();
    let core = core_on(&(Arc::clone(&faulty) as Arc<dyn Engine>), config);
    set_member(&core, email_change("ann@example.com", "name", "\"A\"")).unwrap();
    faulty.close_gate();
    let first = Arc::clone(&core);
    thread::spawn(move || set_member(&first, email_change("first@example.com", "n", "1")));
    faulty.await_write();
    (faulty, core)
}

/// Calls on a thread of its own, and waits until the call is in the queue.
fn later<T: Send + 'static>(
    core: &Arc<Core>,
    work: impl FnOnce(&Core) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let core = Arc::clone(core);
    let waiting = thread::spawn(move || work(&core));
    thread::sleep(Duration::from_millis(30));
    waiting
}

fn rename(core: &Core) -> Result<MemberOutcome> {
    set_member(core, email_change("ann@example.com", "name", "\"B\""))
}

#[test]
fn of_two_calls_that_arrive_at_once_versioning_lets_one_through() {
    for versioning in [false, true] {
        let (faulty, core) = gated(&configured(|space| space.versioning = versioning));
        let set = |number: usize| {
            later(&core, move |core| {
                let name = format!("\"{number}\"");
                set_member(core, email_change("ann@example.com", "name", &name))
            })
        };
        let calls = [set(1), set(2)];
        faulty.open_gate();
        let outcomes = calls.map(|call| call.join().unwrap().map(|outcome| outcome.version));
        let refused: Vec<String> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).map(described).collect();
        let expected = if versioning {
            vec!["VERSIONING expected_version=1 version=2".to_owned()]
        } else {
            Vec::new()
        };
        assert_eq!(refused, expected);
        assert!(rename(&core).is_ok(), "repeating it works");
    }
}

#[test]
fn a_policy_between_two_calls_is_no_new_arrival() {
    let (faulty, core) = gated(&configured(|space| space.versioning = true));
    let set = |name: &'static str| {
        later(&core, move |core| set_member(core, email_change("ann@example.com", "name", name)))
    };
    let before = set("\"1\"");
    let policy = SpacePolicy { versioning: true, retention_days: 7, ..SpacePolicy::default() };
    let updating = later(&core, |core| update(core, policy));
    let behind = set("\"2\"");
    faulty.open_gate();
    assert_eq!(before.join().unwrap().unwrap().version, 2);
    assert!(updating.join().unwrap().is_ok());
    let fault = behind.join().unwrap().unwrap_err();
    assert_eq!(described(&fault), "VERSIONING expected_version=1 version=2");
}

#[test]
fn calls_are_planned_by_the_policy_of_their_turn() {
    let (faulty, core) = gated(&configured(|_| {}));
    let before = later(&core, rename);
    let updating = later(&core, |core| update(core, strict()));
    let behind = later(&core, rename);
    let other = later(&core, |core| set_member(core, email_change("b@b.com", "name", "\"X\"")));
    faulty.open_gate();
    assert!(before.join().unwrap().is_ok());
    assert_eq!(updating.join().unwrap().unwrap().outcome.unwrap().state.unwrap().policy_version, 2);
    let fault = behind.join().unwrap().unwrap_err();
    assert_eq!(described(&fault), "ADDRESS_BLOCKED type=email");
    assert!(other.join().unwrap().is_ok());
    core.upkeep().settle();
    assert_eq!(indexed_fields(faulty.as_ref()), [1]);
    assert_clean(faulty.as_ref());
}

#[test]
fn a_policy_whose_commit_fails_changes_nothing() {
    let (faulty, core) = gated(&configured(|_| {}));
    let updating = later(&core, |core| update(core, strict()));
    faulty.open_gate();
    assert!(updating.join().unwrap().is_ok());
    faulty.break_after(0);
    assert!(update(&core, SpacePolicy::default()).is_err());
    faulty.repair();
    assert_eq!(described(&rename(&core).unwrap_err()), "ADDRESS_BLOCKED type=email");
    assert!(update(&core, SpacePolicy::default()).is_ok());
    assert!(rename(&core).is_ok());
}

#[test]
fn chunks_that_wait_are_prepared_by_the_policy_of_their_turn() {
    let (faulty, core) = gated(&configured(|_| {}));
    let encode = |message| StreamImportRequest { message: Some(message) }.encode_to_vec().into();
    let kind = AddressType::Email.into();
    let options = ImportOptions {
        space: Some(SPACE),
        import_id: "i".to_owned(),
        columns: vec![ImportColumn {
            target: Some(Target::Address(AddressColumn { r#type: kind })),
            ..Default::default()
        }],
        ..ImportOptions::default()
    };
    let stream: ImportStream = core.open_import(encode(Import::Options(options))).unwrap();
    let submit = |number: u64| {
        let cells = |cell: &'static str| ImportRow {
            cells: vec![cell.as_bytes().into()],
            ..Default::default()
        };
        let rows = vec![cells("ann@example.com"), cells("carl@example.com")];
        stream.submit(encode(Import::Chunk(ImportChunk { number, rows }))).unwrap();
    };
    submit(1);
    let updating = later(&core, |core| update(core, strict()));
    submit(2);
    faulty.open_gate();
    updating.join().unwrap().unwrap();
    submit(3);
    stream.finish();
    let mut rejects = Vec::new();
    while let Some(receipt) = stream.receipt().unwrap() {
        let answer = StreamImportResponse::decode(receipt.as_slice()).unwrap();
        let Some(Answer::Receipt(receipt)) = answer.message else { panic!("a receipt") };
        rejects.push(
            receipt
                .rejects
                .into_iter()
                .map(|reject| (reject.row, reject.fault.unwrap_or_default().reason()))
                .collect::<Vec<_>>(),
        );
    }
    let blocked = vec![(0, ErrorReason::AddressBlocked)];
    assert_eq!(rejects, [Vec::new(), blocked.clone(), blocked]);
    core.upkeep().settle();
    assert_clean(faulty.as_ref());
}
