//! Erasing members: what shares a commit with it, and what failures cost.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use _native::core::Core;
use _native::store::{Engine, Table};
use _native::wire::v1::{
    AddressType, DeleteMembersRequest, DeleteMembersResponse, DetachHeadRequest,
    DetachHeadResponse, EraseMemberRequest, EraseMemberResponse, Erasure, GetErasureRequest,
    GetErasureResponse, GetMemberRequest, GetMemberResponse, HeadAttach, HeadKey, MatchKeys,
    MemberChange, MemberKey, MergeHeadRule, MergeMembersRequest, MergeMembersResponse,
    SetMemberBatchRequest, SetMemberBatchResponse, SetMemberRequest, SetMemberResponse,
    SpacePolicy, UpdatePolicyRequest, UpdatePolicyResponse, WriteOptions, head_key, member_key,
};

use crate::faulty::Faulty;
use crate::support::{
    DELETE_MEMBERS, DETACH_HEAD, ERASE_MEMBER, GET_ERASURE, GET_MEMBER, MERGE_MEMBERS, OTHER_SPACE,
    SET_MEMBER, SET_MEMBER_BATCH, SPACE, UPDATE_POLICY, address, assert_clean, call, config,
    config_of, core_on, described, email_change, email_keys, entries, field, indexed_fields,
    memory_core, set_member, space_config,
};

const ANN: &str = "ann@example.com";
/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn faulty_core() -> (Arc<Core>, Arc<Faulty>) {
    let engine = Faulty::new();
    let shared: Arc<dyn Engine> = Arc::clone(&engine) as Arc<dyn Engine>;
    (core_on(&shared, &config()), engine)
}

fn by_email(email: &str) -> MemberKey {
    MemberKey { key: Some(member_key::Key::Address(address(AddressType::Email, email))) }
}

fn by_number(contact_id: u64) -> MemberKey {
    MemberKey { key: Some(member_key::Key::ContactId(contact_id)) }
}

fn erase(core: &Core, email: &str) -> u64 {
    erase_member(core, by_email(email))
}

fn erase_member(core: &Core, member: MemberKey) -> u64 {
    let request = EraseMemberRequest { space: Some(SPACE), member: Some(member), options: None };
    let response: EraseMemberResponse = call(core, ERASE_MEMBER, &request).expect("one is there");
    response.outcome.expect("an outcome").erasure_id
}

/// The tables that have a text in a key or a value.
fn left(engine: &dyn Engine, text: &str) -> Vec<Table> {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let entries = entries(engine).into_iter();
    entries.filter(|(_, key, value)| has(key) || has(value)).map(|(table, ..)| table).collect()
}

fn erasure(core: &Core, erasure_id: u64) -> Erasure {
    let request = GetErasureRequest { space: Some(SPACE), erasure_id, min_revision: 0 };
    let response: GetErasureResponse = call(core, GET_ERASURE, &request).expect("it is known");
    response.erasure.expect("an erasure")
}

fn metric(core: &Core, wanted: &str) -> f64 {
    let metrics = core.list_metrics();
    metrics.into_iter().find(|(name, _)| *name == wanted).expect("a metric").1
}

fn wait_until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "it does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn made_erased_and_made_again_in_one_commit() {
    let (core, engine) = faulty_core();
    engine.close_gate();
    let writes = engine.writes();
    let change = |value: &str| email_change(ANN, "name", value);
    let (first, last, erasure_id) = thread::scope(|scope| {
        let occupied = scope.spawn(|| set_member(&core, email_change("x@example.com", "a", "1")));
        engine.await_write();
        // In the order of the queue, which nobody tells: they come far apart.
        let apart = || thread::sleep(Duration::from_millis(100));
        let first = scope.spawn(|| set_member(&core, change("\"personal\"")));
        apart();
        let erased = scope.spawn(|| erase(&core, ANN));
        apart();
        let last = scope.spawn(|| set_member(&core, change("\"again\"")));
        apart();
        engine.open_gate();
        occupied.join().unwrap().unwrap();
        let first = first.join().unwrap().unwrap();
        (first, last.join().unwrap().unwrap(), erased.join().unwrap())
    });
    core.upkeep().settle();
    assert_eq!((first.contact_id, last.contact_id), (2, 3));
    assert_eq!(first.member.unwrap().id + 1, last.member.unwrap().id);
    let erasure = erasure(&core, erasure_id);
    assert_eq!(erasure.contact_ids, [2]);
    assert_eq!(erasure.counts.unwrap().changes, 1);
    assert_eq!(engine.writes() - writes, 2 + slices(&core), "one commit for all three");
    core.close();
    assert_clean(engine.as_ref());
    assert_eq!(left(engine.as_ref(), "personal"), []);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small counter")]
fn slices(core: &Core) -> usize {
    metric(core, "zmey_upkeep_slices_total") as usize
}

#[test]
fn a_slice_that_fails_is_tried_again_and_counted() {
    let (core, engine) = faulty_core();
    set_member(&core, email_change(ANN, "name", "\"A\"")).unwrap();
    // The erasure itself is written; nothing behind it is.
    engine.break_after(1);
    let erasure_id = erase(&core, ANN);
    wait_until(|| metric(&core, "zmey_upkeep_failures_total") >= 2.0);
    assert_eq!(erasure(&core, erasure_id).finished_seconds, 0);
    assert!(metric(&core, "zmey_upkeep_tasks") > 0.0);
    engine.repair();
    core.upkeep().settle();
    assert_ne!(erasure(&core, erasure_id).finished_seconds, 0);
    assert!(metric(&core, "zmey_upkeep_tasks") < 1.0);
    core.close();
    assert_clean(engine.as_ref());
}

#[test]
fn the_task_of_a_space_that_is_not_served_waits() {
    let both = config_of(vec![space_config(SPACE), space_config(OTHER_SPACE)]);
    let faulty = Faulty::new();
    let shared: Arc<dyn Engine> = Arc::clone(&faulty) as Arc<dyn Engine>;
    let core = core_on(&shared, &both);
    set_member(&core, email_change(ANN, "name", "\"A\"")).unwrap();
    faulty.break_after(1);
    let erasure_id = erase(&core, ANN);
    core.close();
    drop(core);
    faulty.repair();
    let core = core_on(&shared, &config_of(vec![space_config(OTHER_SPACE)]));
    core.upkeep().settle();
    assert!(metric(&core, "zmey_upkeep_tasks") > 0.0);
    core.close();
    drop(core);
    let core = core_on(&shared, &both);
    core.upkeep().settle();
    assert_ne!(erasure(&core, erasure_id).finished_seconds, 0);
    core.close();
}

#[test]
fn closing_waits_for_no_task_and_the_next_start_goes_on() {
    let (core, engine) = faulty_core();
    set_member(&core, email_change(ANN, "name", "\"A\"")).unwrap();
    engine.break_after(1);
    let erasure_id = erase(&core, ANN);
    wait_until(|| metric(&core, "zmey_upkeep_failures_total") >= 1.0);
    core.close();
    drop(core);
    engine.repair();
    assert_clean(engine.as_ref());
    let shared: Arc<dyn Engine> = Arc::clone(&engine) as Arc<dyn Engine>;
    let core = core_on(&shared, &config());
    core.upkeep().settle();
    assert_ne!(erasure(&core, erasure_id).finished_seconds, 0);
    core.close();
    let tasks = entries(engine.as_ref()).into_iter().filter(|entry| entry.0 == Table::Tasks);
    assert_eq!(tasks.count(), 0);
}

#[test]
fn an_answer_kept_in_the_commit_of_the_erasure_and_the_first_slice() {
    let (core, engine) = faulty_core();
    set_member(&core, email_change("bob@example.com", "a", "1")).unwrap();
    set_member(&core, email_change(ANN, "a", "1")).unwrap();
    // The task waits for its first slice, which will be tried again behind the closed gate.
    engine.break_after(1);
    erase(&core, "bob@example.com");
    wait_until(|| metric(&core, "zmey_upkeep_failures_total") >= 4.0);
    engine.repair();
    engine.close_gate();
    let erasure_id = thread::scope(|scope| {
        let occupied = scope.spawn(|| set_member(&core, email_change("x@example.com", "a", "1")));
        engine.await_write();
        let set = scope.spawn(|| {
            let change = email_change(ANN, "a", "\"secret\"");
            let request_id = "r1".to_owned();
            set_member(&core, MemberChange { request_id, return_fresh: true, ..change })
        });
        thread::sleep(Duration::from_millis(50));
        let erased = scope.spawn(|| erase(&core, ANN));
        // Longer than the upkeep waits after the failures, so that the slice is behind both.
        thread::sleep(Duration::from_millis(2_500));
        engine.open_gate();
        occupied.join().unwrap().unwrap();
        set.join().unwrap().unwrap();
        erased.join().unwrap()
    });
    core.upkeep().settle();
    assert_ne!(erasure(&core, erasure_id).finished_seconds, 0);
    core.close();
    assert_eq!(left(engine.as_ref(), ANN), []);
    assert_eq!(left(engine.as_ref(), "secret"), []);
    assert_clean(engine.as_ref());
}

/// Makes a member of two addresses by a request with an id; answers its change.
fn member_of_two() -> MemberChange {
    let head = Some(address(AddressType::Email, "y@example.com"));
    MemberChange {
        request_id: "r1".to_owned(),
        heads: vec![HeadAttach { head, ..Default::default() }],
        ..email_change(ANN, "a", "1")
    }
}

fn transplant_to(core: &Core, receiver: &str) {
    let request = MergeMembersRequest {
        space: Some(SPACE),
        receiver: Some(email_keys(receiver)),
        source: Some(email_keys(ANN)),
        head_rule: MergeHeadRule::Transplant.into(),
        ..Default::default()
    };
    let _: MergeMembersResponse = call(core, MERGE_MEMBERS, &request).unwrap();
}

#[test]
fn an_answer_names_an_identifier_that_was_erased_with_a_later_owner() {
    let (core, engine) = faulty_core();
    set_member(&core, member_of_two()).unwrap();
    let later = set_member(&core, email_change("b@example.com", "a", "1")).unwrap().contact_id;
    transplant_to(&core, "b@example.com");
    engine.break_after(1);
    let erasure_id = erase_member(&core, by_number(later));
    // Before the upkeep has come to it, it is refused already. Nothing is written for that, or the
    // answer would share the commit of a slice that fails.
    let change = Some(member_of_two());
    let request = SetMemberRequest { space: Some(SPACE), change, validate_only: true };
    let refused = call::<SetMemberResponse>(&core, SET_MEMBER, &request);
    assert_eq!(described(&refused.unwrap_err()), "REQUEST_ERASED request_id=r1");
    engine.repair();
    core.upkeep().settle();
    assert_eq!(left(engine.as_ref(), ANN), []);
    assert_eq!(erasure(&core, erasure_id).counts.unwrap().requests, 1);
    let refused = set_member(&core, member_of_two()).map_err(|fault| described(&fault));
    assert_eq!(refused.unwrap_err(), "REQUEST_ERASED request_id=r1");
    core.close();
    assert_clean(engine.as_ref());
}

#[test]
fn an_answer_names_an_identifier_that_only_changes_tell_of() {
    let (core, engine) = memory_core(&config());
    set_member(&core, member_of_two()).unwrap();
    let later = set_member(&core, email_change("b@example.com", "a", "1")).unwrap().contact_id;
    transplant_to(&core, "b@example.com");
    // Nobody has it now; that the erased one had it, only the changes know.
    let ann = address(AddressType::Email, ANN);
    let request = DetachHeadRequest {
        space: Some(SPACE),
        head: Some(HeadKey { key: Some(head_key::Key::Address(ann)) }),
        options: Some(WriteOptions { request_id: "r2".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let _: DetachHeadResponse = call(&core, DETACH_HEAD, &request).unwrap();
    let erasure_id = erase_member(&core, by_number(later));
    core.upkeep().settle();
    assert_eq!(left(engine.as_ref(), ANN), []);
    assert_eq!(erasure(&core, erasure_id).counts.unwrap().requests, 2);
    core.close();
    assert_clean(engine.as_ref());
}

#[test]
fn a_deleted_member_does_not_show_what_was_erased_with_a_later_owner() {
    let (core, engine) = faulty_core();
    let deleted = set_member(&core, email_change(ANN, "a", "1")).unwrap().contact_id;
    let request = DeleteMembersRequest {
        space: Some(SPACE),
        members: vec![by_number(deleted)],
        ..Default::default()
    };
    let _: DeleteMembersResponse = call(&core, DELETE_MEMBERS, &request).unwrap();
    set_member(&core, email_change(ANN, "a", "1")).unwrap();
    let read = || {
        let request = GetMemberRequest {
            space: Some(SPACE),
            keys: Some(MatchKeys { contact_id: Some(deleted), ..Default::default() }),
            with_heads: true,
            missing_too: true,
            ..Default::default()
        };
        let response: GetMemberResponse = call(&core, GET_MEMBER, &request).unwrap();
        response.member.unwrap().heads
    };
    assert_eq!(read().len(), 1);
    engine.break_after(1);
    erase(&core, ANN);
    assert_eq!(read(), []);
    engine.repair();
    core.upkeep().settle();
    assert_eq!(read(), []);
    core.close();
}

#[test]
fn an_erasure_waits_for_the_index_of_a_former_field() {
    const BATCHES: usize = 12;
    let mut space = space_config(SPACE);
    space.fields = vec![field("name", "string", false)];
    let mut config = config_of(vec![space]);
    config.commit_bytes_max = 16 << 20;
    let (core, engine) = memory_core(&config);
    // More slices of entries before that of Ann than the erasure needs for all of its tables.
    for batch in 0..BATCHES {
        let change = |n: usize| {
            email_change(&format!("m{batch}x{n}@example.com"), "name", &format!("\"{batch} {n}\""))
        };
        let changes = (0..10_000).map(change).collect();
        let request = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
        let _: SetMemberBatchResponse = call(&core, SET_MEMBER_BATCH, &request).unwrap();
    }
    set_member(&core, email_change(ANN, "name", "\"zzz personal\"")).unwrap();
    let policy = Some(SpacePolicy::default());
    let request = UpdatePolicyRequest { space: Some(SPACE), policy, ..Default::default() };
    let _: UpdatePolicyResponse = call(&core, UPDATE_POLICY, &request).unwrap();
    let erasure_id = erase(&core, ANN);
    wait_until(|| erasure(&core, erasure_id).finished_seconds != 0);
    assert_eq!(left(engine.as_ref(), "zzz personal"), []);
    core.upkeep().settle();
    assert_eq!(indexed_fields(engine.as_ref()), Vec::<u16>::new());
    core.close();
    assert_clean(engine.as_ref());
}
