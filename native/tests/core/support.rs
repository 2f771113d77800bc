//! A core with a small configuration, a clock that stands still, and short spellings of requests.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use _native::config::{CoreConfig, FieldConfig, SpaceConfig};
use _native::core::{Clock, Core};
use _native::fault::{Fault, Result};
use _native::store::{Engine, Memory, Table, keys};
use _native::tools;
use _native::wire::v1::{
    Address, AddressType, DatakeyChange, DatakeyMode, MatchKeys, MemberChange, MemberOutcome,
    SetMemberRequest, SetMemberResponse, Space,
};
use jiff::Timestamp;
use prost::Message;

/// The space that most tests use.
pub const SPACE: Space = Space { account_id: 1, db_id: 1 };
/// Another one.
pub const OTHER_SPACE: Space = Space { account_id: 1, db_id: 2 };

pub const SET_MEMBER: &str = "/zmey.v1.MemberService/SetMember";
pub const SET_MEMBER_BATCH: &str = "/zmey.v1.MemberService/SetMemberBatch";
pub const GET_MEMBER: &str = "/zmey.v1.MemberService/GetMember";
pub const LIST_HEADS: &str = "/zmey.v1.HeadService/ListHeads";
pub const ATTACH_HEAD: &str = "/zmey.v1.HeadService/AttachHead";
pub const DETACH_HEAD: &str = "/zmey.v1.HeadService/DetachHead";
pub const REPLACE_HEAD: &str = "/zmey.v1.HeadService/ReplaceHead";
pub const RECORD_HEAD_EVENTS: &str = "/zmey.v1.HeadService/RecordHeadEvents";
pub const DEFINE_ORIGIN: &str = "/zmey.v1.OriginService/DefineOrigin";
pub const LIST_ORIGINS: &str = "/zmey.v1.OriginService/ListOrigins";
pub const DELETE_ORIGIN: &str = "/zmey.v1.OriginService/DeleteOrigin";
pub const MERGE_MEMBERS: &str = "/zmey.v1.MemberService/MergeMembers";
pub const UNMERGE_MEMBERS: &str = "/zmey.v1.MemberService/UnmergeMembers";
pub const DELETE_MEMBERS: &str = "/zmey.v1.MemberService/DeleteMembers";
pub const RESTORE_MEMBER: &str = "/zmey.v1.MemberService/RestoreMember";
pub const ERASE_MEMBER: &str = "/zmey.v1.MemberService/EraseMember";
pub const GET_ERASURE: &str = "/zmey.v1.MemberService/GetErasure";
pub const UPDATE_POLICY: &str = "/zmey.v1.AdminService/UpdatePolicy";
pub const RESET_POLICY: &str = "/zmey.v1.AdminService/ResetPolicy";
pub const SIMULATE_POLICY: &str = "/zmey.v1.AdminService/SimulatePolicy";
pub const LIST_MERGES: &str = "/zmey.v1.MemberService/ListMerges";
pub const GET_DATASET: &str = "/zmey.v1.MemberService/GetDataset";
pub const MEMBERS_EXIST: &str = "/zmey.v1.MemberService/MembersExist";
pub const FIND_MEMBERS: &str = "/zmey.v1.MemberService/FindMembers";
pub const RESOLVE: &str = "/zmey.v1.MatchService/Resolve";
pub const EXPLAIN_DECISION: &str = "/zmey.v1.MatchService/ExplainDecision";
pub const RESOLVE_BATCH: &str = "/zmey.v1.MatchService/ResolveBatch";
pub const NORMALIZE: &str = "/zmey.v1.MatchService/Normalize";

/// A space without fields.
pub fn space_config(space: Space) -> SpaceConfig {
    SpaceConfig {
        account_id: space.account_id,
        db_id: space.db_id,
        default_region: "RU".to_owned(),
        phone_rule: "valid".to_owned(),
        email_national_domains: true,
        email_national_local_parts: true,
        blocked: vec![("*".to_owned(), vec!["null".to_owned(), "test@test.com".to_owned()])],
        time_zone: "Europe/Moscow".to_owned(),
        ..SpaceConfig::default()
    }
}

pub fn field(path: &str, kind: &str, unique: bool) -> FieldConfig {
    FieldConfig { path: path.to_owned(), kind: kind.to_owned(), unique }
}

/// A configuration with these spaces.
pub fn config_of(spaces: Vec<SpaceConfig>) -> CoreConfig {
    CoreConfig {
        store_path: None,
        map_bytes_initial: 1 << 20,
        map_bytes_max: 1 << 30,
        readers_max: 16,
        commit_rows_max: 1_000,
        commit_bytes_max: 1 << 20,
        import_window_bytes: 1 << 20,
        spaces,
    }
}

/// A configuration with one space without fields.
pub fn config() -> CoreConfig {
    config_of(vec![space_config(SPACE)])
}

/// A clock that tests move.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Stands at the end of May 2026.
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_780_000_000)))
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Arc::new(move || {
            Timestamp::from_second(seconds.load(Ordering::Relaxed)).expect("a time of this century")
        })
    }
}

/// A core in memory with what it stands on.
pub struct SetUp {
    pub core: Arc<Core>,
    pub engine: Arc<dyn Engine>,
    pub clock: TestClock,
}

impl SetUp {
    pub fn new(config: &CoreConfig) -> Self {
        let (engine, clock): (Arc<dyn Engine>, _) = (Arc::<Memory>::default(), TestClock::new());
        Self { core: core_with(&engine, config, &clock), engine, clock }
    }
}

/// A core in memory, with its engine.
pub fn memory_core(config: &CoreConfig) -> (Arc<Core>, Arc<dyn Engine>) {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    (core_on(&engine, config), engine)
}

/// A core on an engine.
pub fn core_on(engine: &Arc<dyn Engine>, config: &CoreConfig) -> Arc<Core> {
    core_with(engine, config, &TestClock::new())
}

/// A core on an engine with a clock of the test.
pub fn core_with(engine: &Arc<dyn Engine>, config: &CoreConfig, clock: &TestClock) -> Arc<Core> {
    let core = Core::on(Arc::clone(engine), config, clock.clock());
    let core = core.expect("the configuration is good");
    // Indexes of new fields are built in the background.
    core.upkeep().settle();
    Arc::new(core)
}

/// Tries to start a core on an engine.
pub fn start(engine: &Arc<dyn Engine>, config: &CoreConfig) -> Result<Core> {
    Core::on(Arc::clone(engine), config, TestClock::new().clock())
}

/// Calls a method with typed messages.
pub fn call<A: Message + Default>(core: &Core, method: &str, request: &impl Message) -> Result<A> {
    let answer = core.call(method, request.encode_to_vec().into(), None)?;
    Ok(A::decode(answer.as_slice()).expect("the core answers with the method's message"))
}

/// Sets one member.
pub fn set_member(core: &Core, change: MemberChange) -> Result<MemberOutcome> {
    let request =
        SetMemberRequest { space: Some(SPACE), change: Some(change), validate_only: false };
    let response: SetMemberResponse = call(core, SET_MEMBER, &request)?;
    Ok(response.outcome.expect("an answer without a fault has an outcome"))
}

/// A change of the member with an e-mail that sets one datakey to a JSON document.
pub fn email_change(email: &str, path: &str, value: &str) -> MemberChange {
    MemberChange {
        keys: Some(email_keys(email)),
        datakeys: vec![set(path, value)],
        ..Default::default()
    }
}

pub fn set(path: &str, value: &str) -> DatakeyChange {
    DatakeyChange {
        path: path.to_owned(),
        mode: DatakeyMode::Set.into(),
        value: value.to_owned().into(),
        ..Default::default()
    }
}

pub fn email_keys(email: &str) -> MatchKeys {
    MatchKeys { locators: vec![address(AddressType::Email, email)], ..Default::default() }
}

pub fn address(kind: AddressType, value: &str) -> Address {
    Address { r#type: kind.into(), value: value.to_owned() }
}

/// Every entry of every table.
pub fn entries(engine: &dyn Engine) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    let read = engine.read(&mut |snapshot| {
        entries.clear();
        Table::ALL.into_iter().try_for_each(|table| {
            snapshot.scan(table, &[], usize::MAX, &mut |key, value| {
                entries.push((table, key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
        })
    });
    read.expect("the engine reads");
    entries
}

/// The keys of one table.
pub fn keys_of(engine: &dyn Engine, table: Table) -> Vec<Vec<u8>> {
    let entries = entries(engine).into_iter();
    entries.filter(|entry| entry.0 == table).map(|(_, key, _)| key).collect()
}

/// The numbers of fields that have index entries.
pub fn indexed_fields(engine: &dyn Engine) -> Vec<u16> {
    let keys = keys_of(engine, Table::Fields);
    let number = |key: &Vec<u8>| keys::parse_field(key).expect("a key that parses").field;
    let mut numbers: Vec<u16> = keys.iter().map(number).collect();
    numbers.dedup();
    numbers
}

/// Fails where the store has a problem.
pub fn assert_clean(engine: &dyn Engine) {
    let report = tools::check(engine, &mut |_, _| {}).expect("the check can be done");
    assert_eq!(report.problems, Vec::<String>::new());
}

/// Reason and details of a fault, the details as `name=value` in alphabetic order.
pub fn described(fault: &Fault) -> String {
    let details = fault.details.iter().map(|(name, value)| format!(" {name}={value}"));
    let reason = fault.reason.as_str_name().trim_start_matches("ERROR_REASON_");
    format!("{reason}{}", details.collect::<String>())
}
