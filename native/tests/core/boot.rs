//! Starting: spaces get their numbers, indexes follow the declared fields, bad configurations are
//! refused.

use std::sync::Arc;

use _native::config::{CoreConfig, SpaceConfig};
use _native::core::Core;
use _native::fault::Result;
use _native::store::{Engine, Memory};
use _native::wire::v1::{
    Existence, FieldValue, FindMembersRequest, FindMembersResponse, GetDatasetRequest,
    GetDatasetResponse, MatchKeys, MembersExistRequest, MembersExistResponse, Resolution,
    ResolveRequest, ResolveResponse, SetMemberRequest, SetMemberResponse, Space,
};

use crate::faulty::Faulty;
use crate::support::{
    FIND_MEMBERS, GET_DATASET, MEMBERS_EXIST, OTHER_SPACE, RESOLVE, SET_MEMBER, SPACE, address,
    assert_clean, call, config, config_of, core_on, described, email_change, email_keys, entries,
    field, indexed_fields, memory_core, set_member, space_config, start,
};
use _native::wire::v1::AddressType;

/// One space with fields, each as (path, kind, unique).
fn with_fields(fields: &[(&str, &str, bool)]) -> CoreConfig {
    let fields = fields.iter().map(|&(path, kind, unique)| field(path, kind, unique)).collect();
    config_of(vec![SpaceConfig { fields, ..space_config(SPACE) }])
}

fn resolve(core: &Core, space: Space, keys: MatchKeys) -> Result<Resolution> {
    let request =
        ResolveRequest { space: Some(space), keys: Some(keys), ..ResolveRequest::default() };
    let answer: ResolveResponse = call(core, RESOLVE, &request)?;
    Ok(answer.resolution.expect("an answer without a fault has a resolution"))
}

/// The member that a field value leads to, or what is wrong with the search.
fn by_field(core: &Core, path: &str, value: &str) -> std::result::Result<u64, String> {
    let value = FieldValue { path: path.to_owned(), value: value.to_owned() };
    let keys = MatchKeys { fields: vec![value], ..MatchKeys::default() };
    match resolve(core, SPACE, keys) {
        Ok(resolution) => Ok(resolution.contact_id),
        Err(fault) => Err(described(&fault)),
    }
}

/// A store with two members made without any field, and a third without data.
fn fill(engine: &Arc<dyn Engine>) {
    let core = core_on(engine, &config());
    for (email, path, value) in [
        ("a@example.com", "crm", r#"{"id":"A","tags":["x","y"]}"#),
        ("b@example.com", "crm", r#"{"id":"B","tags":"x, z"}"#),
        ("c@example.com", "age", "007"),
    ] {
        // "007" is no JSON number: as a text it is the integer 7.
        let value = if value == "007" { "\"007\"" } else { value };
        set_member(&core, email_change(email, path, value)).unwrap();
    }
}

#[test]
fn a_new_field_is_indexed_for_members_that_are_there() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    fill(&engine);
    let core = core_on(&engine, &config());
    assert_eq!(by_field(&core, "crm.id", "A"), Err("FIELD_NOT_DECLARED field=crm.id".to_owned()));
    let all = [("crm.id", "string", true), ("crm.tags", "tags", false), ("age", "int", true)];
    let core = core_on(&engine, &with_fields(&all));
    for (path, value, expected) in [
        ("crm.id", "A", Ok(1)),
        ("crm.id", "B", Ok(2)),
        ("crm.id", "C", Ok(0)),
        ("age", "7", Ok(3)),
        ("age", "07", Ok(3)),
        ("crm.tags", "y, x", Ok(1)),
        ("crm.tags", "z", Ok(2)),
        ("crm.tags", "x", Err("MATCH_AMBIGUOUS field=crm.tags".to_owned())),
    ] {
        assert_eq!(by_field(&core, path, value), expected, "{path} {value}");
    }
    assert_eq!(indexed_fields(engine.as_ref()), [1, 2, 3]);
    assert_clean(engine.as_ref());
}

#[test]
fn a_field_that_is_removed_loses_its_index_and_its_number() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    fill(&engine);
    let id = ("crm.id", "string", true);
    let tags = ("crm.tags", "tags", false);
    for (fields, numbers) in [
        (&[id, tags][..], &[1, 2][..]),
        (&[tags], &[2]),
        (&[tags, id], &[2, 3]),
        (&[tags, ("crm.id", "string", false)], &[2, 4]),
        (&[("crm.id", "int", false)], &[]),
        (&[], &[]),
        (&[id], &[6]),
    ] {
        let core = core_on(&engine, &with_fields(fields));
        // What is written while a field is not declared is found when it is declared again.
        set_member(&core, email_change("d@example.com", "crm.id", "\"D\"")).unwrap();
        let declared = fields.iter().any(|field| field.0 == "crm.id" && field.1 == "string");
        assert_eq!(by_field(&core, "crm.id", "D").ok(), declared.then_some(4), "{fields:?}");
        assert_eq!(indexed_fields(engine.as_ref()), numbers, "{fields:?}");
        assert_clean(engine.as_ref());
    }
}

#[test]
fn starting_again_writes_nothing() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    fill(&engine);
    let config = with_fields(&[("crm.id", "string", true), ("crm.tags", "tags", false)]);
    drop(core_on(&engine, &config));
    let before = entries(engine.as_ref());
    drop(core_on(&engine, &config));
    assert_eq!(entries(engine.as_ref()), before);
}

#[test]
fn a_unique_field_with_a_value_of_two_members_finds_nobody() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    fill(&engine);
    let core = core_on(&engine, &config());
    set_member(&core, email_change("c@example.com", "crm.id", "\"B\"")).unwrap();
    drop(core);
    let unique = with_fields(&[("crm.id", "string", true)]);
    let core = core_on(&engine, &unique);
    let failed = "FIELD_FAILED contact_id=2 field=crm.id other_contact_id=3";
    for value in ["A", "B"] {
        assert_eq!(by_field(&core, "crm.id", value), Err(failed.to_owned()));
    }
    assert_clean(engine.as_ref());
    // A further one is refused as if the field were whole.
    let fault = set_member(&core, email_change("d@example.com", "crm.id", "\"A\"")).unwrap_err();
    assert_eq!(described(&fault), "FIELD_VALUE_TAKEN contact_id=1 field=crm.id");
    drop(core);
    // Either way out works: another declaration, or another value and one more try.
    let core = core_on(&engine, &with_fields(&[("crm.id", "string", false)]));
    assert_eq!(by_field(&core, "crm.id", "B"), Err("MATCH_AMBIGUOUS field=crm.id".to_owned()));
    assert_clean(engine.as_ref());
    drop(core);
    let core = core_on(&engine, &unique);
    assert_eq!(by_field(&core, "crm.id", "A"), Err(failed.to_owned()));
    set_member(&core, email_change("c@example.com", "crm.id", "\"C\"")).unwrap();
    drop(core);
    let core = core_on(&engine, &unique);
    assert_eq!(by_field(&core, "crm.id", "C"), Ok(3));
    assert_eq!(indexed_fields(engine.as_ref()).len(), 1);
    assert_clean(engine.as_ref());
}

#[test]
fn an_interrupted_build_goes_on_at_the_next_start() {
    let config = with_fields(&[("crm.tags", "tags", false), ("crm.id", "string", true)]);
    for writes in 0..8 {
        let faulty = Faulty::new();
        let engine = Arc::clone(&faulty) as Arc<dyn Engine>;
        fill(&engine);
        drop(core_on(&engine, &with_fields(&[("age", "int", false)])));
        faulty.break_after(writes);
        if let Ok(core) = start(&engine, &config) {
            // The build is refused some time after the start, and tried again and again.
            std::thread::sleep(std::time::Duration::from_millis(20));
            core.close();
        }
        assert_clean(engine.as_ref());
        faulty.repair();
        let core = core_on(&engine, &config);
        assert_eq!(by_field(&core, "crm.id", "B"), Ok(2), "after {writes} writes");
        assert_eq!(by_field(&core, "crm.tags", "y"), Ok(1), "after {writes} writes");
        assert_eq!(indexed_fields(engine.as_ref()).len(), 2, "after {writes} writes");
        assert_clean(engine.as_ref());
    }
}

#[test]
fn spaces_do_not_see_each_other() {
    let (core, engine) =
        memory_core(&config_of(vec![space_config(SPACE), space_config(OTHER_SPACE)]));
    set_member(&core, email_change("a@example.com", "name", "\"A\"")).unwrap();
    set_member(&core, email_change("b@example.com", "name", "\"B\"")).unwrap();
    let numbers = [
        MatchKeys { contact_id: Some(1), ..MatchKeys::default() },
        MatchKeys { dataset_id: Some(1), ..MatchKeys::default() },
        MatchKeys { head_id: Some(1), ..MatchKeys::default() },
        email_keys("a@example.com"),
    ];
    for (space, expected) in [(SPACE, 1), (OTHER_SPACE, 0)] {
        for keys in &numbers {
            let found = resolve(&core, space, keys.clone()).unwrap();
            assert_eq!(found.contact_id, expected, "{keys:?}");
        }
        let addresses = vec![address(AddressType::Email, "a@example.com")];
        let request = MembersExistRequest { space: Some(space), addresses, min_revision: 0 };
        let answer: MembersExistResponse = call(&core, MEMBERS_EXIST, &request).unwrap();
        let exists = answer.existences == [i32::from(Existence::Exists)];
        assert_eq!(exists, expected == 1);
        let request = FindMembersRequest {
            space: Some(space),
            value: "a@example.com".to_owned(),
            min_revision: 0,
        };
        let answer: FindMembersResponse = call(&core, FIND_MEMBERS, &request).unwrap();
        assert_eq!(answer.found.len() as u64, expected);
        let request = GetDatasetRequest { space: Some(space), dataset_id: 1, ..Default::default() };
        let answer: Result<GetDatasetResponse> = call(&core, GET_DATASET, &request);
        assert_eq!(answer.is_ok(), expected == 1);
    }
    let request = SetMemberRequest {
        space: Some(OTHER_SPACE),
        change: Some(email_change("b@example.com", "name", "\"other\"")),
        validate_only: false,
    };
    let answer: SetMemberResponse = call(&core, SET_MEMBER, &request).unwrap();
    let outcome = answer.outcome.unwrap();
    assert_eq!((outcome.newbie, outcome.contact_id, outcome.revision), (true, 1, 3));
    assert_clean(engine.as_ref());
}

#[test]
fn unknown_spaces_are_refused() {
    let (core, _engine) = memory_core(&config());
    let unknown = Space { account_id: 1, db_id: 7 };
    let fault = resolve(&core, unknown, email_keys("a@example.com")).unwrap_err();
    assert_eq!(described(&fault), "SPACE_UNKNOWN account_id=1 db_id=7");
    let fault = call::<ResolveResponse>(&core, RESOLVE, &ResolveRequest::default()).unwrap_err();
    assert_eq!(described(&fault), "FIELD_REQUIRED field=space");
    let fault = core.call("/zmey.v1.MatchService/Guess", bytes::Bytes::new(), None).unwrap_err();
    assert_eq!(described(&fault), "METHOD_UNKNOWN method=/zmey.v1.MatchService/Guess");
}

type Spoil = fn(&mut SpaceConfig);

/// What is wrong with a configuration, and how the fault says so.
const BAD_CONFIGURATIONS: [(Spoil, &str); 13] = [
    (|space| space.account_id = 0, "FIELD_INVALID field=spaces"),
    (|space| space.db_id = 0, "FIELD_INVALID field=spaces"),
    (|space| space.db_id = OTHER_SPACE.db_id, "FIELD_INVALID field=spaces"),
    (
        |space| "XX".clone_into(&mut space.default_region),
        "FIELD_INVALID field=spaces.default_region",
    ),
    (|space| "any".clone_into(&mut space.phone_rule), "FIELD_INVALID field=spaces.phone_rule"),
    (|space| space.phone_rule.clear(), "FIELD_INVALID field=spaces.phone_rule"),
    (|space| "Mars/Base".clone_into(&mut space.time_zone), "FIELD_INVALID field=spaces.time_zone"),
    (|space| space.time_zone.clear(), "FIELD_INVALID field=spaces.time_zone"),
    (|space| "fax".clone_into(&mut space.blocked[0].0), "FIELD_INVALID field=spaces.blocked"),
    (
        |space| "float".clone_into(&mut space.fields[0].kind),
        "FIELD_INVALID field=spaces.fields[0].kind",
    ),
    (
        |space| "crm..id".clone_into(&mut space.fields[0].path),
        "DATAKEY_PATH_INVALID field=spaces.fields[0].path index=0 path=crm..id",
    ),
    (
        |space| space.fields.push(field("crm.id", "int", false)),
        "FIELD_INVALID field=spaces.fields[1].path",
    ),
    (
        |space| "member.id".clone_into(&mut space.fields[0].path),
        "FIELD_INVALID field=spaces.fields[0].path",
    ),
];

#[test]
fn bad_configurations_are_refused_and_leave_no_trace() {
    let fields = vec![field("crm.id", "string", true)];
    let good = SpaceConfig { fields, ..space_config(SPACE) };
    let engine: Arc<dyn Engine> = Arc::new(Memory::default());
    drop(core_on(&engine, &config_of(vec![space_config(OTHER_SPACE), good.clone()])));
    let before = entries(engine.as_ref());
    for (spoil, expected) in BAD_CONFIGURATIONS {
        let mut spoiled = good.clone();
        spoil(&mut spoiled);
        // The first space is good and new in its fields: it must not be touched either.
        let fields = vec![field("new", "int", true)];
        let first = SpaceConfig { fields, ..space_config(OTHER_SPACE) };
        let fault = start(&engine, &config_of(vec![first, spoiled])).err();
        assert_eq!(fault.map(|fault| described(&fault)).as_deref(), Some(expected));
        assert_eq!(entries(engine.as_ref()), before, "{expected}");
    }
}
