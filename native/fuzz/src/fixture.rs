//! A core in memory with a space in which every feature is on, and messages that use them.

use std::sync::Arc;

use _native::config::{CoreConfig, FieldConfig, SpaceConfig};
use _native::core::Core;
use _native::fault::Fault;
use _native::store::{Engine, Memory};
use _native::tools;
use _native::wire::v1::{
    Address, AddressType, DatakeyChange, DatakeyMode, ErrorReason, FieldValue, MatchKeys,
    MatchPolicy, MemberChange, Space,
};
use jiff::Timestamp;

/// The space of all messages.
pub const SPACE: Space = Space { account_id: 1, db_id: 1 };

/// The moment of every call, Unix time.
const NOW_SECONDS: i64 = 1_780_000_000;

/// A new core on a new engine.
pub fn core() -> (Arc<Core>, Arc<dyn Engine>) {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    let now = Timestamp::from_second(NOW_SECONDS).expect("a time of this century");
    let core = Core::on(Arc::clone(&engine), &config(), Arc::new(move || now));
    (Arc::new(core.expect("the configuration is good")), engine)
}

/// The configuration of the core.
fn config() -> CoreConfig {
    let field = |path: &str, kind: &str, unique| FieldConfig {
        path: path.to_owned(),
        kind: kind.to_owned(),
        unique,
    };
    CoreConfig {
        store_path: None,
        map_bytes_initial: 1 << 20,
        map_bytes_max: 1 << 30,
        readers_max: 16,
        commit_rows_max: 1_000,
        commit_bytes_max: 1 << 20,
        import_window_bytes: 1 << 20,
        spaces: vec![SpaceConfig {
            account_id: SPACE.account_id,
            db_id: SPACE.db_id,
            default_region: "RU".to_owned(),
            phone_rule: "valid".to_owned(),
            email_national_domains: true,
            email_national_local_parts: true,
            blocked: vec![("*".to_owned(), vec!["null".to_owned()])],
            time_zone: "Europe/Moscow".to_owned(),
            fields: vec![
                field("crm.id", "string", true),
                field("age", "int", false),
                field("tags", "tags", false),
            ],
            ..SpaceConfig::default()
        }],
    }
}

/// A fault of the server itself is never the right answer to an input.
pub fn assert_not_internal(fault: &Fault) {
    assert_ne!(fault.reason, ErrorReason::Internal, "{}", fault.cause);
}

/// Whatever was written, every index is right.
pub fn assert_clean(engine: &dyn Engine) {
    let report = tools::check(engine, &mut |_, _| {}).expect("memory reads");
    assert_eq!(report.problems, Vec::<String>::new());
}

/// An address of a message.
pub fn address(kind: AddressType, value: &str) -> Address {
    Address { r#type: kind.into(), value: value.to_owned() }
}

/// Keys of every kind.
pub fn keys() -> MatchKeys {
    MatchKeys {
        contact_id: Some(1),
        external_customer_id: Some("A-1".to_owned()),
        locators: vec![
            address(AddressType::Unspecified, "Anna@пример.рф"),
            address(AddressType::Msisdn, "8 (912) 345-67-89"),
            address(AddressType::Push, &"t".repeat(420)),
        ],
        fields: vec![FieldValue { path: "tags".to_owned(), value: "x, y".to_owned() }],
        head_id: Some(2),
        dataset_id: Some(1),
        resource_id: Some(7),
    }
}

/// Keys of one address.
pub fn email_keys(email: &str) -> MatchKeys {
    MatchKeys { locators: vec![address(AddressType::Email, email)], ..MatchKeys::default() }
}

/// The policy with one bit set each.
pub fn policy() -> MatchPolicy {
    MatchPolicy { order: 2, explicit_order: Vec::new(), strict: true, on_deleted: 1 }
}

/// A change of one datakey.
pub fn datakey(path: &str, mode: DatakeyMode, value: &str) -> DatakeyChange {
    DatakeyChange {
        path: path.to_owned(),
        mode: mode.into(),
        value: value.to_owned().into(),
        ..DatakeyChange::default()
    }
}

/// A change that uses much of what there is.
pub fn change() -> MemberChange {
    MemberChange {
        keys: Some(email_keys("anna@example.com")),
        datakeys: vec![
            datakey("crm.id", DatakeyMode::Set, "\"A\""),
            datakey("age", DatakeyMode::Insert, "7"),
            datakey("tags", DatakeyMode::Push, "[\"x\",\"y\"]"),
            datakey("a.b[2]", DatakeyMode::Merge, "{\"c\":1.50}"),
            datakey("-group.g1", DatakeyMode::Set, "1"),
        ],
        source: "192.0.2.1".to_owned(),
        request_id: "r-1".to_owned(),
        return_fresh: true,
        ..MemberChange::default()
    }
}
