//! What the core promises about single requests: request ids, redirects, resources, bounds.

use std::sync::Arc;

use _native::core::Core;
use _native::fault::Result;
use _native::store::{Engine, Memory, Mutations, Table, keys, records};
use _native::wire::storage::{HeadRecord, RedirectRecord, SpaceRecord};
use _native::wire::v1::{
    Address, AddressType, DatakeyMode, DeleteMembersRequest, DeleteMembersResponse,
    GetDatasetRequest, GetDatasetResponse, GetMemberRequest, GetMemberResponse, HeadAttach,
    MatchKeys, MemberChange, MemberKey, MemberOutcome, OutcomeStatus, Redirect, Resolution,
    ResolveRequest, ResolveResponse, RestoreMemberRequest, RestoreMemberResponse,
    SetMemberBatchRequest, SetMemberBatchResponse, SetMemberRequest, SetMemberResponse,
    WriteOptions, member_key, set_member_result,
};

use crate::support::{
    DELETE_MEMBERS, GET_DATASET, GET_MEMBER, RESOLVE, RESTORE_MEMBER, SET_MEMBER, SET_MEMBER_BATCH,
    SPACE, TestClock, address, assert_clean, call, config, core_with, described, email_change,
    email_keys, entries, keys_of, memory_core, set, set_member,
};

const DAY_SECONDS: i64 = 24 * 60 * 60;

fn resolve(core: &Core, keys: MatchKeys) -> Result<Resolution> {
    let request = ResolveRequest { space: Some(SPACE), keys: Some(keys), ..Default::default() };
    Ok(call::<ResolveResponse>(core, RESOLVE, &request)?.resolution.expect("an answer has one"))
}

fn get_member(core: &Core, keys: MatchKeys, path: &str) -> GetMemberResponse {
    let request = GetMemberRequest {
        space: Some(SPACE),
        keys: Some(keys),
        datakeys: vec![path.to_owned()],
        ..Default::default()
    };
    call(core, GET_MEMBER, &request).unwrap()
}

fn value(answer: GetMemberResponse) -> String {
    String::from_utf8(answer.member.unwrap().values.remove(0).value.to_vec()).unwrap()
}

/// The first space as the store has it.
fn space_record(engine: &dyn Engine) -> SpaceRecord {
    let key = keys::owned(|key| keys::space(key, SPACE.account_id, SPACE.db_id));
    record(engine, Table::Spaces, &key)
}

fn head_record(engine: &dyn Engine, id: u64) -> HeadRecord {
    record(engine, Table::Heads, &keys::owned(|key| keys::head(key, 1, id)))
}

fn record<M: prost::Message + Default>(engine: &dyn Engine, table: Table, key: &[u8]) -> M {
    let mut found = None;
    let read = engine.read(&mut |snapshot| {
        found = records::get(snapshot, table, key)?;
        Ok(())
    });
    read.unwrap();
    found.expect("the record is there")
}

/// Gives out a number that leads to `to`, as a merge does.
fn merge_into(engine: &dyn Engine, to: u64) -> u64 {
    let key = keys::owned(|key| keys::space(key, SPACE.account_id, SPACE.db_id));
    let space = space_record(engine);
    let from = space.next_dataset_id;
    let written = engine.write(&mut |_| {
        let mut mutations = Mutations::default();
        let redirect = RedirectRecord { to_dataset_id: to, erasure_id: 0 };
        let redirect_key = keys::owned(|key| keys::redirect(key, space.number, from));
        mutations.put(Table::Redirects, &redirect_key, &records::encode(&redirect));
        let after = SpaceRecord { next_dataset_id: from + 1, ..space.clone() };
        mutations.put(Table::Spaces, &key, &records::encode(&after));
        Ok(mutations)
    });
    written.unwrap();
    from
}

fn by_contact(id: u64) -> MatchKeys {
    MatchKeys { contact_id: Some(id), ..MatchKeys::default() }
}

fn with_request_id(id: &str, value: &str) -> MemberChange {
    MemberChange { request_id: id.to_owned(), ..email_change("a@example.com", "name", value) }
}

#[test]
fn a_request_id_gives_its_first_answer_for_a_day() {
    let clock = TestClock::new();
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let core = core_with(&engine, &config(), &clock);
    let first = set_member(&core, with_request_id("r", "1")).unwrap();
    set_member(&core, with_request_id("", "2")).unwrap();
    clock.advance(DAY_SECONDS - 1);
    let again = set_member(&core, with_request_id("r", "1")).unwrap();
    assert_eq!(again, MemberOutcome { replayed: true, ..first });
    let fault = set_member(&core, with_request_id("r", "3")).unwrap_err();
    assert_eq!(described(&fault), "REQUEST_ID_REUSED request_id=r");
    assert_eq!(value(get_member(&core, email_keys("a@example.com"), "name")), "2");
    clock.advance(1);
    let reused = set_member(&core, with_request_id("r", "3")).unwrap();
    assert_eq!((reused.replayed, reused.version), (false, 3));
    assert_clean(engine.as_ref());
}

#[test]
fn expired_request_ids_are_forgotten() {
    let clock = TestClock::new();
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let core = core_with(&engine, &config(), &clock);
    for number in 0..5 {
        set_member(&core, with_request_id(&format!("r{number}"), "1")).unwrap();
        clock.advance(3_600);
    }
    let counts = || {
        let count = |table| keys_of(engine.as_ref(), table).len();
        (count(Table::Requests), count(Table::Expiries))
    };
    assert_eq!(counts(), (5, 5));
    clock.advance(DAY_SECONDS - 3 * 3_600);
    // The first three are over; the second is used again in the commit that forgets them.
    set_member(&core, with_request_id("r1", "2")).unwrap();
    assert_eq!(counts(), (3, 3));
    assert_clean(engine.as_ref());
    clock.advance(2 * DAY_SECONDS);
    set_member(&core, with_request_id("", "3")).unwrap();
    assert_eq!(counts(), (0, 0));
    assert_clean(engine.as_ref());
}

#[test]
fn a_deleted_member_is_kept_for_thirty_days() {
    let clock = TestClock::new();
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let core = core_with(&engine, &config(), &clock);
    set_member(&core, email_change("a@example.com", "name", "1")).unwrap();
    let key = member_key::Key::ContactId(1);
    let delete = DeleteMembersRequest {
        space: Some(SPACE),
        members: vec![MemberKey { key: Some(key.clone()) }],
        ..Default::default()
    };
    call::<DeleteMembersResponse>(&core, DELETE_MEMBERS, &delete).unwrap();
    let restore = || {
        let request = RestoreMemberRequest {
            space: Some(SPACE),
            member: Some(MemberKey { key: Some(key.clone()) }),
            options: Some(WriteOptions { validate_only: true, ..Default::default() }),
        };
        call::<RestoreMemberResponse>(&core, RESTORE_MEMBER, &request)
    };
    let left = || {
        let request = GetMemberRequest {
            space: Some(SPACE),
            keys: Some(email_keys("a@example.com")),
            datakeys: vec!["*".to_owned()],
            missing_too: true,
            ..Default::default()
        };
        let answer: GetMemberResponse = call(&core, GET_MEMBER, &request).unwrap();
        assert!(answer.missing);
        (answer.member.as_ref().expect("something is left").contact_id, value(answer))
    };
    clock.advance(30 * DAY_SECONDS - 1);
    assert!(restore().is_ok());
    assert_eq!(left(), (1, r#"{"name":1}"#.to_owned()));
    clock.advance(1);
    assert_eq!(described(&restore().unwrap_err()), "MEMBER_NOT_RESTORABLE contact_id=1");
    // Of the identifier is known that there was one.
    assert_eq!(left(), (0, "{}".to_owned()));
    set_member(&core, email_change("b@example.com", "name", "1")).unwrap();
    assert!(keys_of(engine.as_ref(), Table::Trash).is_empty());
    assert_clean(engine.as_ref());
}

#[test]
fn a_refused_step_does_not_take_its_request_id() {
    let (core, engine) = memory_core(&config());
    set_member(&core, with_request_id("r", "{")).unwrap_err();
    let must = MemberChange { if_exists: 2, ..with_request_id("r", "1") };
    set_member(&core, must).unwrap_err();
    assert!(set_member(&core, with_request_id("r", "1")).is_ok());
    assert_clean(engine.as_ref());
}

#[test]
fn merged_numbers_lead_to_the_survivor() {
    let (core, engine) = memory_core(&config());
    set_member(&core, email_change("a@example.com", "name", "\"A\"")).unwrap();
    let merged = merge_into(engine.as_ref(), 1);
    let twice = merge_into(engine.as_ref(), merged);
    let hop = |from_contact_id, to_contact_id| Redirect { from_contact_id, to_contact_id };
    let hops = vec![hop(twice, merged), hop(merged, 1)];

    let found = resolve(&core, by_contact(twice)).unwrap();
    assert_eq!((found.contact_id, &found.redirects), (1, &hops));
    let read = get_member(&core, by_contact(twice), "name");
    assert_eq!(read.resolution.as_ref().unwrap().redirects, hops);
    assert_eq!(read.member.as_ref().unwrap().contact_id, 1);
    assert_eq!(value(read), "\"A\"");
    let request = GetDatasetRequest { space: Some(SPACE), dataset_id: twice, ..Default::default() };
    let dataset: GetDatasetResponse = call(&core, GET_DATASET, &request).unwrap();
    assert_eq!((dataset.member.unwrap().contact_id, dataset.redirects), (1, hops.clone()));

    let change = MemberChange {
        keys: Some(by_contact(twice)),
        datakeys: vec![set("name", "\"B\"")],
        ..Default::default()
    };
    let outcome = set_member(&core, change).unwrap();
    assert_eq!((outcome.contact_id, outcome.status()), (1, OutcomeStatus::Updated));
    assert_eq!(outcome.resolution.unwrap().redirects, hops);
    let dataset_key = MatchKeys { dataset_id: Some(twice), ..MatchKeys::default() };
    assert_eq!(resolve(&core, dataset_key).unwrap().contact_id, 0);
    // The next member gets a number of its own.
    let next = set_member(&core, email_change("b@example.com", "name", "1")).unwrap();
    assert_eq!(next.contact_id, twice + 1);
    assert_clean(engine.as_ref());
}

#[test]
fn a_resource_narrows_and_is_subscribed_to() {
    let (core, engine) = memory_core(&config());
    let with = |resource_id, locators: &[Address], csid: Option<&str>| MatchKeys {
        resource_id,
        locators: locators.to_vec(),
        external_customer_id: csid.map(str::to_owned),
        ..MatchKeys::default()
    };
    let email = address(AddressType::Email, "a@example.com");
    let phone = address(AddressType::Msisdn, "+79123456789");
    let token = address(AddressType::Push, "token");
    let all = [email.clone(), phone.clone(), token.clone()];
    let set = |keys| set_member(&core, MemberChange { keys: Some(keys), ..Default::default() });
    set(with(Some(7), &all, Some("A-1"))).unwrap();
    let resources = |id| head_record(engine.as_ref(), id).resource_ids;
    // The external id, the e-mail, the phone, the token: only the two in the middle subscribe.
    assert_eq!(
        [resources(1), resources(2), resources(3), resources(4)],
        [vec![], vec![7], vec![7], vec![]]
    );
    for (resource_id, locator, expected) in [
        (None, &email, 1),
        (Some(7), &email, 1),
        (Some(8), &email, 0),
        (Some(7), &phone, 1),
        (Some(8), &phone, 0),
        (Some(8), &token, 1),
    ] {
        let found = resolve(&core, with(resource_id, std::slice::from_ref(locator), None)).unwrap();
        assert_eq!(found.contact_id, expected, "{resource_id:?} {locator:?}");
    }
    // Found by its external id, the member is subscribed once, however often an address stands.
    let repeated = [email.clone(), phone.clone(), email.clone()];
    let outcome = set(with(Some(3), &repeated, Some("A-1"))).unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Updated);
    assert_eq!((resources(2), resources(3)), (vec![3, 7], vec![3, 7]));
    let outcome = set(with(Some(3), &repeated, Some("A-1"))).unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Unchanged);
    assert_clean(engine.as_ref());
}

#[test]
fn a_member_has_a_thousand_heads_at_most() {
    let (core, engine) = memory_core(&config());
    let head = |number: usize| HeadAttach {
        head: Some(address(AddressType::Vk, &number.to_string())),
        ..Default::default()
    };
    let attach = |numbers: std::ops::Range<usize>| MemberChange {
        heads: numbers.map(head).collect(),
        ..email_change("a@example.com", "name", "1")
    };
    let changes: Vec<MemberChange> = (0..10)
        .map(|step| attach(step * 100..step * 100 + 100))
        .map(|change| MemberChange { datakeys: Vec::new(), ..change })
        .collect();
    let request = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
    let answer: SetMemberBatchResponse = call(&core, SET_MEMBER_BATCH, &request).unwrap();
    let refused =
        |result: &set_member_result::Result| matches!(result, set_member_result::Result::Fault(_));
    // The e-mail is the first of the heads: the last step would make 1,001.
    let refusals: Vec<bool> =
        answer.results.iter().map(|result| refused(result.result.as_ref().unwrap())).collect();
    assert_eq!(refusals, [[false; 9].as_slice(), &[true]].concat());
    assert_eq!(set_member(&core, attach(900..999)).unwrap().status(), OutcomeStatus::Updated);
    assert_eq!(set_member(&core, attach(900..999)).unwrap().status(), OutcomeStatus::Unchanged);
    let fault = set_member(&core, attach(999..1_000)).unwrap_err();
    assert_eq!(described(&fault), "LIMIT_EXCEEDED actual=1001 limit=member.heads max=1000");
    assert_eq!(space_record(engine.as_ref()).next_head_id, 1_001, "a refusal spends no number");
    assert_clean(engine.as_ref());
}

#[test]
fn long_addresses_differ_where_their_keys_are_hashes() {
    let (core, engine) = memory_core(&config());
    let token = |bytes: usize, end: &str| address(AddressType::Push, &("t".repeat(bytes) + end));
    let tokens = [token(399, "a"), token(400, "a"), token(400, "b"), token(4_095, "a")];
    for (contact, token) in (1..).zip(&tokens) {
        let keys = MatchKeys { locators: vec![token.clone()], ..MatchKeys::default() };
        let change = MemberChange { keys: Some(keys.clone()), ..Default::default() };
        assert_eq!(set_member(&core, change).unwrap().contact_id, contact);
        assert_eq!(resolve(&core, keys).unwrap().contact_id, contact);
        let by_head = MatchKeys { head_id: Some(contact), ..MatchKeys::default() };
        assert_eq!(resolve(&core, by_head).unwrap().contact_id, contact);
    }
    let keys = MatchKeys { locators: vec![token(4_096, "a")], ..MatchKeys::default() };
    let fault = set_member(&core, MemberChange { keys: Some(keys), ..Default::default() });
    let described = described(&fault.unwrap_err());
    assert!(described.starts_with("ADDRESS_TOO_LONG actual_bytes=4097"), "{described}");
    assert_clean(engine.as_ref());
}

#[test]
fn validate_only_answers_in_full_and_writes_nothing() {
    let (core, engine) = memory_core(&config());
    set_member(&core, email_change("a@example.com", "name", "1")).unwrap();
    let before = entries(engine.as_ref());
    for change in [
        email_change("a@example.com", "name", "2"),
        MemberChange { request_id: "r".to_owned(), ..email_change("b@example.com", "name", "2") },
    ] {
        let request = |validate_only| SetMemberRequest {
            space: Some(SPACE),
            change: Some(MemberChange { return_fresh: true, ..change.clone() }),
            validate_only,
        };
        let validated: SetMemberResponse = call(&core, SET_MEMBER, &request(true)).unwrap();
        assert_eq!(call::<SetMemberResponse>(&core, SET_MEMBER, &request(true)), Ok(validated));
    }
    assert_eq!(entries(engine.as_ref()), before);
}

#[test]
fn groups_of_a_head_have_a_bound() {
    let (core, engine) = memory_core(&config());
    let join = |from: usize, to: usize| MemberChange {
        keys: Some(email_keys("a@example.com")),
        datakeys: (from..to).map(|group| set(&format!("-group.g{group}"), "1")).collect(),
        ..Default::default()
    };
    set_member(&core, join(0, 1_000)).unwrap();
    let fault = set_member(&core, join(1_000, 1_001)).unwrap_err();
    assert_eq!(described(&fault), "LIMIT_EXCEEDED actual=1001 limit=groups max=1000");
    set_member(&core, join(999, 1_000)).unwrap();
    assert_eq!(head_record(engine.as_ref(), 1).groups.len(), 1_000);
    assert_clean(engine.as_ref());
}

#[test]
fn system_keys_change_the_head() {
    let (core, engine) = memory_core(&config());
    let keys = || email_keys("a@example.com");
    let change = |path: &str, mode: DatakeyMode, value: &str| {
        let mut datakey = set(path, value);
        datakey.mode = mode.into();
        let change =
            MemberChange { keys: Some(keys()), datakeys: vec![datakey], ..Default::default() };
        match set_member(&core, change) {
            Ok(outcome) => format!("{:?} {}", outcome.status(), outcome.warnings.len()),
            Err(fault) => described(&fault),
        }
    };
    let (set, delete) = (DatakeyMode::Set, DatakeyMode::Delete);
    set_member(&core, email_change("a@example.com", "name", "1")).unwrap();
    for (path, mode, value, expected) in [
        ("-group.g1", set, "\"1\"", "Updated 0"),
        ("-group.g1", set, "1", "Unchanged 0"),
        ("-group.g2", set, "1", "Updated 0"),
        ("-group.g1", delete, "", "Updated 0"),
        ("-group.g1", delete, "", "Unchanged 0"),
        ("-group.g1", set, "2", "DATAKEY_RESERVED index=0 path=-group.g1"),
        ("-group", set, "{}", "Unchanged 1"),
        ("member.id", set, "9", "Unchanged 1"),
        ("member.lockconfirm", set, "\"1\"", "Updated 0"),
        ("member.lockconfirm", delete, "", "DATAKEY_RESERVED index=0 path=member.lockconfirm"),
        ("member.origin", set, "\"12\"", "Updated 0"),
        ("member.origin", set, "\"a\"", "ORIGIN_UNKNOWN index=0 path=member.origin"),
        ("member.origin", set, "\" \"", "DATAKEY_RESERVED index=0 path=member.origin"),
        ("member.error.error", delete, "", "Unchanged 0"),
        ("member.error.error", set, "1", "DATAKEY_RESERVED index=0 path=member.error.error"),
    ] {
        assert_eq!(change(path, mode, value), expected, "{path} {mode:?} {value}");
    }
    let groups = value(get_member(&core, keys(), "-group"));
    assert!(groups.starts_with("{\"g2\":\"2026-"), "{groups}");
    let head = head_record(engine.as_ref(), 1);
    assert_eq!((head.confirm_lock, head.origin, head.groups.len()), (true, 12, 1));
    assert_eq!(value(get_member(&core, keys(), "member.dataset")), "1");
    assert_clean(engine.as_ref());
}
