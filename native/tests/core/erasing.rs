//! Erasing members: what shares a commit with it, and what failures cost.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use _native::core::Core;
use _native::store::{Engine, Table};
use _native::wire::v1::{
    EraseMemberRequest, EraseMemberResponse, Erasure, GetErasureRequest, GetErasureResponse,
    MemberKey, member_key,
};

use crate::faulty::Faulty;
use crate::support::{
    ERASE_MEMBER, GET_ERASURE, OTHER_SPACE, SPACE, address, assert_clean, call, config, config_of,
    core_on, email_change, entries, set_member, space_config,
};

const ANN: &str = "ann@example.com";
/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn faulty_core() -> (Arc<Core>, Arc<Faulty>) {
    let engine = Faulty::new();
    let shared: Arc<dyn Engine> = Arc::clone(&engine) as Arc<dyn Engine>;
    (core_on(&shared, &config()), engine)
}

fn erase(core: &Core, email: &str) -> u64 {
    let ann = address(_native::wire::v1::AddressType::Email, email);
    let request = EraseMemberRequest {
        space: Some(SPACE),
        member: Some(MemberKey { key: Some(member_key::Key::Address(ann)) }),
        options: None,
    };
    let response: EraseMemberResponse = call(core, ERASE_MEMBER, &request).expect("Ann is there");
    response.outcome.expect("an outcome").erasure_id
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
    let personal = b"personal";
    let left = entries(engine.as_ref()).into_iter();
    let has = |value: &[u8]| value.windows(personal.len()).any(|window| window == personal);
    assert_eq!(left.filter(|(_, _, value)| has(value)).count(), 0);
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
