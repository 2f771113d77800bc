//! The e-mails that may come in without confirmation, month by month.

use std::sync::Arc;

use _native::config::SpaceConfig;
use _native::core::Core;
use _native::store::{Engine, Memory, Mutations, Table, keys, records};
use _native::wire::storage::SpaceRecord;
use _native::wire::v1::MemberOutcome;

use crate::support::{
    SPACE, TestClock, assert_clean, config_of, core_with, email_change, set_member, space_config,
};

fn open(engine: &Arc<dyn Engine>, clock: &TestClock, free_max: u32, members_max: u32) -> Arc<Core> {
    let space =
        SpaceConfig { confirm_free_per_month_max: free_max, members_max, ..space_config(SPACE) };
    core_with(engine, &config_of(vec![space]), clock)
}

/// Makes a member; answers whether its e-mail waits, as the warning says.
fn waits(core: &Core, email: &str) -> bool {
    let MemberOutcome { warnings, .. } =
        set_member(core, email_change(email, "x", "1")).expect("nobody is refused");
    !warnings.is_empty()
}

#[test]
fn the_month_is_that_of_the_zone_of_the_space() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let clock = TestClock::new();
    // 2026-05-28, 20:26:40 UTC; the last second of May in Moscow is 3 d 0 h 33 min 19 s later.
    let core = open(&engine, &clock, 1, 0);
    assert!(!waits(&core, "a@example.com"));
    assert!(waits(&core, "b@example.com"));
    clock.advance(3 * 86_400 + 33 * 60 + 19);
    assert!(waits(&core, "c@example.com"), "still May in Moscow");
    clock.advance(1);
    assert!(!waits(&core, "d@example.com"), "June in Moscow, May in UTC");
    assert!(waits(&core, "e@example.com"));
    clock.advance(-1);
    assert!(waits(&core, "f@example.com"), "an import of May does not begin May again");
    clock.advance(1);
    assert!(waits(&core, "g@example.com"), "nor does it begin June again");
    assert_clean(engine.as_ref());
}

#[test]
fn a_store_from_before_counts_its_members_when_it_is_opened() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let clock = TestClock::new();
    let core = open(&engine, &clock, 0, 0);
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        assert!(!waits(&core, email));
    }
    core.close();
    let key = keys::owned(|key| keys::space(key, 1, 1));
    let forget = engine.write(&mut |snapshot| {
        let record: SpaceRecord = records::get(snapshot, Table::Spaces, &key)?.expect("a space");
        assert_eq!(record.members, Some(3));
        let mut mutations = Mutations::default();
        let record = SpaceRecord { members: None, ..record };
        mutations.put(Table::Spaces, &key, &records::encode(&record));
        Ok(mutations)
    });
    forget.expect("memory writes");
    assert_clean(engine.as_ref());
    assert!(!waits(&open(&engine, &clock, 9, 3), "d@example.com"), "three are not over three");
    assert!(waits(&open(&engine, &clock, 9, 3), "e@example.com"), "four are");
    assert_clean(engine.as_ref());
}
