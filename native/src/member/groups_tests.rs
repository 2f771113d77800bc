//! List groups through the writer of a core in memory.

use jiff::Timestamp;

use super::*;
use crate::config::{CoreConfig, SpaceConfig};
use crate::store::{Engine, Memory};
use crate::tools;
use crate::wire::storage::SpaceRecord;
use crate::wire::v1::{
    self, Address, AddressType, DatakeyChange, DatakeyMode, MatchKeys, MemberChange,
    SetMemberBatchRequest,
};

const SPACE: v1::Space = v1::Space { account_id: 1, db_id: 1 };

fn open(engine: &Arc<dyn Engine>) -> Core {
    let space = SpaceConfig {
        account_id: 1,
        db_id: 1,
        phone_rule: "valid".to_owned(),
        time_zone: "UTC".to_owned(),
        ..SpaceConfig::default()
    };
    let config = CoreConfig {
        commit_rows_max: 100_000,
        commit_bytes_max: 64 << 20,
        spaces: vec![space],
        ..CoreConfig::default()
    };
    let clock = Arc::new(|| Timestamp::from_second(1_780_000_000).unwrap());
    Core::on(Arc::clone(engine), &config, clock).unwrap()
}

/// Members who are in the groups `news` and `shop`.
fn join(core: &Core, members: usize) {
    let set_one = |group: &str| DatakeyChange {
        path: format!("-group.{group}"),
        mode: DatakeyMode::Set.into(),
        value: "1".into(),
        ..Default::default()
    };
    let change = |number: usize| MemberChange {
        keys: Some(MatchKeys {
            locators: vec![Address {
                r#type: AddressType::Email.into(),
                value: format!("a{number}@example.com"),
            }],
            ..Default::default()
        }),
        datakeys: vec![set_one("news"), set_one("shop")],
        ..Default::default()
    };
    let changes = (0..members).map(change).collect();
    let request = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
    core.call("/zmey.v1.MemberService/SetMemberBatch", request.encode_to_vec().into(), None)
        .unwrap();
}

fn space_of(core: &Core) -> Arc<Space> {
    core.spaces().named((1, 1)).unwrap()
}

fn make(core: &Core, id: &str, name: &str) -> GroupRecord {
    let work = || -> GroupWork { Box::new(MakeGroup::new(id, name).unwrap()) };
    GroupRecord::decode(run(core, &space_of(core), work).unwrap()).unwrap()
}

fn clean(core: &Core, id: &str, from: u64) -> GroupCleaned {
    let work = || -> GroupWork { Box::new(CleanGroup::new(id, from).unwrap()) };
    GroupCleaned::decode(run(core, &space_of(core), work).unwrap()).unwrap()
}

fn entries(engine: &dyn Engine, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    engine
        .read(&mut |snapshot| {
            found.clear();
            snapshot.scan(table, &[], usize::MAX, &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
        })
        .unwrap();
    found
}

fn problems(engine: &dyn Engine) -> Vec<String> {
    tools::check(engine, &mut |_, _| {}).unwrap().problems
}

#[test]
fn a_group_is_made_once() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let core = open(&engine);
    let made = make(&core, "news", "News");
    assert_eq!((made.name.as_str(), make(&core, "news", "Others")), ("News", made.clone()));
    assert_eq!(made.created.unwrap().time_seconds, 1_780_000_000);
    assert_eq!(make(&core, "shop", "").name, "");
    assert_eq!(entries(engine.as_ref(), Table::Groups).len(), 2);
    assert_eq!(problems(engine.as_ref()), Vec::<String>::new());
}

#[test]
fn codes_and_names_are_bounded() {
    use v1::ErrorReason as R;
    let long = "n".repeat(NAME_BYTES_MAX);
    assert!(MakeGroup::new("news", &long).is_ok());
    assert_eq!(MakeGroup::new("news", &(long + "n")).unwrap_err().reason, R::LimitExceeded);
    assert_eq!(MakeGroup::new("", "News").unwrap_err().reason, R::FieldRequired);
    assert_eq!(CleanGroup::new(&"g".repeat(129), 0).unwrap_err().reason, R::LimitExceeded);
}

#[test]
fn a_group_is_cleaned_slice_by_slice() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let core = open(&engine);
    join(&core, SLICE_HEADS_MAX + 2);
    assert_eq!(entries(engine.as_ref(), Table::GroupHeads).len(), 2 * (SLICE_HEADS_MAX + 2));
    let before = tools::check(engine.as_ref(), &mut |_, _| {}).unwrap().revision;
    let heads = SLICE_HEADS_MAX as u64;
    let first = clean(&core, "news", 0);
    assert_eq!(first, GroupCleaned { left: heads, next_head_id: heads + 1 });
    let second = clean(&core, "news", first.next_head_id);
    assert_eq!(second, GroupCleaned { left: 2, next_head_id: 0 });
    assert_eq!(clean(&core, "news", 0), GroupCleaned::default());
    // The other group stays as it was, and each head that left is in the log.
    assert_eq!(entries(engine.as_ref(), Table::GroupHeads).len(), SLICE_HEADS_MAX + 2);
    let report = tools::check(engine.as_ref(), &mut |_, _| {}).unwrap();
    assert_eq!((report.problems, report.revision), (Vec::new(), before + heads + 2));
}

#[test]
fn a_store_from_before_gets_its_index_when_it_is_opened() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let core = open(&engine);
    join(&core, 3);
    core.close();
    let complete = entries(engine.as_ref(), Table::GroupHeads);
    let key = keys::owned(|key| keys::space(key, 1, 1));
    engine
        .write(&mut |snapshot| {
            let mut mutations = Mutations::default();
            for (key, _) in &complete {
                mutations.delete(Table::GroupHeads, key);
            }
            let record: SpaceRecord = records::get(snapshot, Table::Spaces, &key)?.unwrap();
            let record = SpaceRecord { has_group_heads: false, ..record };
            mutations.put_record(Table::Spaces, &key, &record);
            Ok(mutations)
        })
        .unwrap();
    assert_eq!(problems(engine.as_ref()), Vec::<String>::new(), "what is not promised");
    open(&engine).close();
    assert_eq!(entries(engine.as_ref(), Table::GroupHeads), complete);
    assert_eq!(problems(engine.as_ref()), Vec::<String>::new());
}
