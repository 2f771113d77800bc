//! What a check finds in stores that were damaged on purpose.

use crate::store::conformance::{get, put};
use crate::store::{Memory, Mutations};
use crate::wire::storage::{
    AddressRecord, ChangeList, ChangeRecord, ChangeSegment, FieldBuild, HeadRecord, ImportRecord,
    MergeRecord, OriginRecord, PolicyRecord, RedirectRecord, RequestRecord, TrashRecord,
};
use crate::wire::v1::AddressType;

use super::*;

mod erasures;
mod groups;
mod jobs;

const SPACE: u32 = 1;
const HOUR: u64 = 3_600;
const LONG: &str = "a long token ";

/// The index of field 1 has the data of a member as they are; that is enough for a test.
const RULES: Rules<'static> = Rules {
    field_values: &|body, _| vec![body.data.clone().into_bytes()],
    data_is_canonical: &|data| data.starts_with('{'),
};

fn write<M: prost::Message>(engine: &dyn Engine, table: Table, key: &[u8], record: &M) {
    put(engine, table, &[(key, &records::encode(record))]).unwrap();
}

fn remove(engine: &dyn Engine, table: Table, key: &[u8]) {
    crate::store::conformance::delete(engine, table, &[key]).unwrap();
}

/// Reads a record, changes it, writes it back.
fn change<M: prost::Message + Default>(
    engine: &dyn Engine,
    table: Table,
    key: &[u8],
    alter: impl FnOnce(&mut M),
) {
    let mut record: M = records::decode(table, &get(engine, table, key).unwrap()).unwrap();
    alter(&mut record);
    write(engine, table, key, &record);
}

fn address_of(head_id: u64) -> (AddressType, String) {
    if head_id.is_multiple_of(2) {
        (AddressType::Push, format!("{}{head_id}", LONG.repeat(40)))
    } else {
        (AddressType::Email, format!("{head_id}@example.org"))
    }
}

fn address_key(head_id: u64) -> Vec<u8> {
    let (kind, address) = address_of(head_id);
    keys::owned(|key| keys::address(key, SPACE, kind, address.as_bytes()))
}

fn head_key(head_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::head(key, SPACE, head_id))
}

fn body_key(dataset_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::body(key, SPACE, dataset_id))
}

fn redirect_key(dataset_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::redirect(key, SPACE, dataset_id))
}

fn data_of(dataset_id: u64) -> String {
    format!("{{\"n\":{dataset_id}}}")
}

fn field_key(field: u16, value: &str, dataset_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::field(key, SPACE, field, value.as_bytes(), dataset_id))
}

fn request_key() -> Vec<u8> {
    keys::owned(|key| keys::request(key, SPACE, b"request"))
}

fn import_key() -> Vec<u8> {
    keys::owned(|key| keys::import(key, SPACE, b"import"))
}

fn trash_key() -> Vec<u8> {
    keys::owned(|key| keys::trash(key, SPACE, 2))
}

fn origin_key(number: u32) -> Vec<u8> {
    keys::owned(|key| keys::origin(key, SPACE, number))
}

fn expiry_key(table: Table, target: &[u8]) -> Vec<u8> {
    keys::owned(|key| keys::expiry(key, HOUR, table, target))
}

fn merge_key(merge_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::merge(key, SPACE, merge_id))
}

fn member_merge_key(member: u64, merge_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::member_merge(key, SPACE, member, merge_id))
}

fn change_key(revision: u64) -> Vec<u8> {
    keys::owned(|key| keys::change(key, revision))
}

fn segment(dataset_ids: &[u64]) -> ChangeSegment {
    let change = |&dataset_id| ChangeRecord { dataset_id, version: 1, ..Default::default() };
    let list = ChangeList { changes: dataset_ids.iter().map(change).collect() };
    let (content, content_bytes) = records::pack_changes(&list);
    let count = u32::try_from(dataset_ids.len()).unwrap();
    ChangeSegment { space_number: SPACE, count, content, content_bytes, ..Default::default() }
}

/// Members 1 to `members` with two heads each, head `2 * members + 1` of nobody, member
/// `members + 1` merged into 1, `members + 2` into that one.
fn sound(engine: &dyn Engine, members: u64) {
    let heads = members * 2 + 1;
    for head_id in 1..=heads {
        let (kind, address) = address_of(head_id);
        let record = HeadRecord { r#type: kind as u32, address, ..Default::default() };
        write(engine, Table::Heads, &head_key(head_id), &record);
        let dataset_id = if head_id == heads { 0 } else { head_id.div_ceil(2) };
        let record = AddressRecord { head_id, dataset_id, deleted_dataset_id: 0 };
        write(engine, Table::Addresses, &address_key(head_id), &record);
    }
    for id in 1..=members {
        let head_ids = vec![id * 2 - 1, id * 2];
        let record = BodyRecord { data: data_of(id), head_ids, version: 1, ..Default::default() };
        write(engine, Table::Bodies, &body_key(id), &record);
        put(engine, Table::Fields, &[(&field_key(1, &data_of(id), id), b"")]).unwrap();
    }
    let to_survivor = RedirectRecord { to_dataset_id: 1, erasure_id: 0 };
    write(engine, Table::Redirects, &redirect_key(members + 1), &to_survivor);
    let to_merged = RedirectRecord { to_dataset_id: members + 1, erasure_id: 0 };
    write(engine, Table::Redirects, &redirect_key(members + 2), &to_merged);
    sound_beside(engine, members, heads);
}

/// Everything but the members.
fn sound_beside(engine: &dyn Engine, members: u64, heads: u64) {
    let field = FieldRecord { number: 1, path: "n".to_owned(), kind: 1, unique: true };
    let space = SpaceRecord {
        number: SPACE,
        next_head_id: heads + 1,
        next_dataset_id: members + 3,
        fields: vec![field],
        next_field_number: 3,
        next_origin_number: 4,
        ..Default::default()
    };
    write(engine, Table::Spaces, &keys::owned(|key| keys::space(key, 7, 8)), &space);
    let request = RequestRecord {
        fingerprint: vec![0; 32].into(),
        expires_seconds: 3_600,
        ..Default::default()
    };
    write(engine, Table::Requests, &request_key(), &request);
    let import = ImportRecord { next_chunk: 3, expires_seconds: 3_600 };
    write(engine, Table::Imports, &import_key(), &import);
    let trash = TrashRecord { expires_seconds: 3_600, ..Default::default() };
    write(engine, Table::Trash, &trash_key(), &trash);
    let expiring = [
        (Table::Requests, request_key()),
        (Table::Imports, import_key()),
        (Table::Trash, trash_key()),
    ];
    for (table, key) in expiring {
        put(engine, Table::Expiries, &[(&expiry_key(table, &key), b"")]).unwrap();
    }
    let merge = MergeRecord {
        receiver_dataset_id: 1,
        source_dataset_id: members + 1,
        ..Default::default()
    };
    write(engine, Table::Merges, &merge_key(2), &merge);
    for member in [1, members + 1] {
        put(engine, Table::MemberMerges, &[(&member_merge_key(member, 2), b"")]).unwrap();
    }
    for number in 1..=2 {
        let origin = OriginRecord { label: format!("origin {number}") };
        write(engine, Table::Origins, &origin_key(number), &origin);
    }
    write(engine, Table::Changes, &change_key(1), &segment(&[1, 0]));
    write(engine, Table::Changes, &change_key(3), &segment(&[1]));
    change(engine, Table::Meta, keys::HEADER, |header: &mut StoreHeader| {
        header.revision = 3;
        header.next_space_number = 2;
    });
}

fn run(engine: &dyn Engine) -> Report {
    check(engine, RULES, &mut |_, _| {}).unwrap()
}

#[test]
fn a_sound_store_has_no_problems() {
    let engine = Memory::default();
    assert_eq!(run(&engine).problems, Vec::<String>::new());
    sound(&engine, 3);
    let mut seen = BTreeMap::new();
    let report = check(&engine, RULES, &mut |table, entries| {
        seen.insert(table.name(), entries);
    })
    .unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    let expected = [
        ("addresses", 7),
        ("bodies", 3),
        ("changes", 2),
        ("erasures", 0),
        ("expiries", 3),
        ("express_lists", 0),
        ("express_rows", 0),
        ("fields", 3),
        ("group_heads", 0),
        ("groups", 0),
        ("heads", 7),
        ("imports", 1),
        ("job_progress", 0),
        ("jobs", 0),
        ("member_merges", 2),
        ("merges", 1),
        ("meta", 1),
        ("origins", 2),
        ("policies", 0),
        ("redirects", 2),
        ("rejects", 0),
        ("requests", 1),
        ("spaces", 1),
        ("tasks", 0),
        ("trash", 1),
    ];
    assert_eq!(report.counts, BTreeMap::from(expected));
    assert_eq!((report.format_version, report.revision, report.problems_total), (1, 3, 0));
    seen.extend([("meta", 1), ("spaces", 1), ("tasks", 0), ("erasures", 0), ("policies", 0)]);
    seen.extend([("groups", 0), ("group_heads", 0)]);
    seen.extend([("jobs", 0), ("job_progress", 0), ("rejects", 0)]);
    seen.extend([("express_lists", 0), ("express_rows", 0)]);
    assert_eq!(seen, report.counts);
}

#[test]
fn tables_of_several_pages_are_read_whole() {
    let engine = Memory::default();
    sound(&engine, 10_001);
    let report = run(&engine);
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.counts["heads"], 20_003);
}

/// Damages a sound store and compares the first problem, or any where several follow.
fn check_damage(expected: &str, damage: fn(&dyn Engine)) {
    let engine = Memory::default();
    sound(&engine, 3);
    damage(&engine);
    let report = run(&engine);
    assert!(report.problems.iter().any(|problem| problem == expected), "{expected}: {report:#?}");
    assert_eq!(report.problems_total, report.problems.len() as u64);
    for problem in report.problems {
        assert!(!problem.contains("example.org") && !problem.contains(LONG), "{problem}");
    }
}

/// A problem and the damage that it is of.
type Case = (&'static str, fn(&dyn Engine));

const MEMBER_CASES: [Case; 25] = [
    (
        "addresses: a value of 1 bytes does not decode: \
         failed to decode Protobuf message: invalid varint",
        |engine| put(engine, Table::Addresses, &[(&address_key(1), &[0xff])]).unwrap(),
    ),
    ("addresses: a key of 2 bytes does not parse", |engine| {
        put(engine, Table::Addresses, &[(b"ab", b"")]).unwrap();
    }),
    ("addresses: space 1: head 1 has no record", |engine| {
        remove(engine, Table::Heads, &head_key(1));
    }),
    ("addresses: space 1: the record of head 2 has another address", |engine| {
        change(engine, Table::Heads, &head_key(2), |head: &mut HeadRecord| {
            head.address.push('x');
        });
    }),
    ("addresses: space 1: head 3 belongs to member 2, who does not live", |engine| {
        remove(engine, Table::Bodies, &body_key(2));
    }),
    ("addresses: space 1: member 2 does not list its head 4", |engine| {
        change(engine, Table::Bodies, &body_key(2), |body: &mut BodyRecord| {
            body.head_ids.truncate(1);
        });
    }),
    ("addresses: space 1: head 0 was never given out", |engine| {
        change(engine, Table::Addresses, &address_key(7), |address: &mut AddressRecord| {
            address.head_id = 0;
        });
    }),
    ("addresses: space 1: member 6 was never given out", |engine| {
        change(engine, Table::Addresses, &address_key(7), |address: &mut AddressRecord| {
            address.dataset_id = 6;
        });
    }),
    ("addresses: space 2 is unknown", |engine| {
        let key = keys::owned(|key| keys::address(key, 2, AddressType::Tg, b"1"));
        write(engine, Table::Addresses, &key, &AddressRecord { head_id: 1, ..Default::default() });
    }),
    ("heads: space 1: the address of head 7 has no entry", |engine| {
        remove(engine, Table::Addresses, &address_key(7));
    }),
    ("heads: space 1: the address of head 7 is another head", |engine| {
        change(engine, Table::Addresses, &address_key(7), |address: &mut AddressRecord| {
            address.head_id = 5;
        });
    }),
    ("heads: space 1: head 7 has no type", |engine| {
        change(engine, Table::Heads, &head_key(7), |head: &mut HeadRecord| head.r#type = 0);
    }),
    ("heads: space 1: head 8 was never given out", |engine| {
        write(engine, Table::Heads, &head_key(8), &HeadRecord { r#type: 1, ..Default::default() });
    }),
    ("bodies: space 1: member 1 has no head", |engine| {
        change(engine, Table::Bodies, &body_key(1), |body: &mut BodyRecord| {
            body.head_ids.clear();
        });
    }),
    ("bodies: space 1: member 1 lists a head twice", |engine| {
        change(engine, Table::Bodies, &body_key(1), |body: &mut BodyRecord| {
            body.head_ids.push(1);
        });
    }),
    ("bodies: space 1: member 1 has no version", |engine| {
        change(engine, Table::Bodies, &body_key(1), |body: &mut BodyRecord| body.version = 0);
    }),
    ("bodies: space 1: member 1 has data that are no canonical object", |engine| {
        change(engine, Table::Bodies, &body_key(1), |body: &mut BodyRecord| body.data.clear());
    }),
    ("bodies: space 1: member 1 lists head 1 without a record", |engine| {
        remove(engine, Table::Heads, &head_key(1));
    }),
    ("bodies: space 1: head 1 of member 1 does not belong to it", |engine| {
        change(engine, Table::Addresses, &address_key(1), |address: &mut AddressRecord| {
            address.dataset_id = 2;
        });
    }),
    ("bodies: space 1: head 7 of member 1 does not belong to it", |engine| {
        change(engine, Table::Bodies, &body_key(1), |body: &mut BodyRecord| {
            body.head_ids.push(7);
        });
    }),
    ("bodies: space 1: a value of member 1 is not in field 1", |engine| {
        remove(engine, Table::Fields, &field_key(1, &data_of(1), 1));
    }),
    ("redirects: space 1: member 4 leads back to itself", |engine| {
        write(
            engine,
            Table::Redirects,
            &redirect_key(4),
            &RedirectRecord { to_dataset_id: 5, erasure_id: 0 },
        );
    }),
    ("redirects: space 1: member 5 leads back to itself", |engine| {
        write(
            engine,
            Table::Redirects,
            &redirect_key(5),
            &RedirectRecord { to_dataset_id: 5, erasure_id: 0 },
        );
    }),
    ("redirects: space 1: member 2 is merged or erased but lives", |engine| {
        write(
            engine,
            Table::Redirects,
            &redirect_key(2),
            &RedirectRecord { to_dataset_id: 1, erasure_id: 0 },
        );
    }),
    ("redirects: space 1: member 9 was never given out", |engine| {
        write(
            engine,
            Table::Redirects,
            &redirect_key(5),
            &RedirectRecord { to_dataset_id: 9, erasure_id: 0 },
        );
    }),
];

#[test]
fn damaged_members_are_found() {
    for (expected, damage) in MEMBER_CASES {
        check_damage(expected, damage);
    }
}

const OTHER_CASES: [Case; 26] = [
    ("meta: there is an entry beside the header", |engine| {
        put(engine, Table::Meta, &[(b"other", b"")]).unwrap();
    }),
    ("spaces: space 1: two spaces have this number", |engine| {
        write(engine, Table::Spaces, b"12345678", &SpaceRecord { number: 1, ..Default::default() });
    }),
    ("spaces: space 1: 7 members are counted, 3 live", |engine| {
        change(engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
            space.members = Some(7);
        });
    }),
    ("spaces: space 2: the number was never given out", |engine| {
        write(engine, Table::Spaces, b"12345678", &SpaceRecord { number: 2, ..Default::default() });
    }),
    ("spaces: space 1: the number of field 3 was never given out", |engine| {
        change(engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
            space.fields[0].number = 3;
        });
    }),
    ("spaces: space 1: two fields have the number 1", |engine| {
        change(engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
            space.fields.push(space.fields[0].clone());
        });
    }),
    ("spaces: space 1: two fields have the number 1", |engine| {
        change(engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
            let field = Some(space.fields[0].clone());
            space.builds.push(FieldBuild { field, ..Default::default() });
        });
    }),
    ("policies: space 2 is unknown", |engine| {
        let policy = PolicyRecord { version: 1, ..Default::default() };
        write(engine, Table::Policies, &keys::owned(|key| keys::policy(key, 2)), &policy);
    }),
    ("policies: space 1: the policy has no version", |engine| {
        let policy = PolicyRecord::default();
        write(engine, Table::Policies, &keys::owned(|key| keys::policy(key, 1)), &policy);
    }),
    ("fields: space 1: field 3 was never given out", |engine| {
        put(engine, Table::Fields, &[(&field_key(3, "x", 1), b"")]).unwrap();
    }),
    ("fields: space 1: an entry of field 1 has a value", |engine| {
        put(engine, Table::Fields, &[(&field_key(1, &data_of(1), 1), b"x")]).unwrap();
    }),
    ("fields: space 1: field 1 has a value that member 1 lacks", |engine| {
        put(engine, Table::Fields, &[(&field_key(1, "x", 1), b"")]).unwrap();
    }),
    ("fields: space 1: field 1 has member 4, who does not live", |engine| {
        put(engine, Table::Fields, &[(&field_key(1, "x", 4), b"")]).unwrap();
    }),
    ("requests: space 1: an entry that expires at 3600 has no expiry", |engine| {
        remove(engine, Table::Expiries, &expiry_key(Table::Requests, &request_key()));
    }),
    ("requests: the fingerprint of a request has 0 bytes", |engine| {
        change(engine, Table::Requests, &request_key(), |request: &mut RequestRecord| {
            request.fingerprint.clear();
        });
    }),
    ("imports: space 1: an entry that expires at 7200 has no expiry", |engine| {
        change(engine, Table::Imports, &import_key(), |import: &mut ImportRecord| {
            import.expires_seconds = 7_200;
        });
    }),
    ("imports: space 1: an entry expires before 1970", |engine| {
        change(engine, Table::Imports, &import_key(), |import: &mut ImportRecord| {
            import.expires_seconds = -1;
        });
    }),
    (
        "expiries: an expiry at 3600 for imports is of an entry that expires at another time",
        |engine| {
            change(engine, Table::Imports, &import_key(), |import: &mut ImportRecord| {
                import.expires_seconds = 7_200;
            });
        },
    ),
    ("expiries: an expiry at 3600 for requests is of an entry that is not there", |engine| {
        remove(engine, Table::Requests, &request_key());
    }),
    ("expiries: entries of heads do not expire", |engine| {
        put(engine, Table::Expiries, &[(&expiry_key(Table::Heads, &head_key(1)), b"")]).unwrap();
    }),
    ("expiries: an expiry at 3600 has a value", |engine| {
        put(engine, Table::Expiries, &[(&expiry_key(Table::Imports, &import_key()), b"x")])
            .unwrap();
    }),
    ("changes: revision 3 does not follow the segment before it", |engine| {
        write(engine, Table::Changes, &change_key(1), &segment(&[1]));
    }),
    ("changes: they end at 3, the header at 4", |engine| {
        change(engine, Table::Meta, keys::HEADER, |header: &mut StoreHeader| {
            header.revision = 4;
        });
    }),
    ("changes: revision 3 counts 2 changes and holds 1", |engine| {
        change(engine, Table::Changes, &change_key(3), |segment: &mut ChangeSegment| {
            segment.count = 2;
        });
    }),
    ("changes: 6 bytes do not decompress", |engine| {
        change(engine, Table::Changes, &change_key(3), |segment: &mut ChangeSegment| {
            segment.content_bytes = 900;
        });
    }),
    ("changes: space 1: member 6 was never given out", |engine| {
        write(engine, Table::Changes, &change_key(3), &segment(&[6]));
    }),
];

const MERGE_CASES: [Case; 7] = [
    ("trash: space 1: an entry that expires at 3600 has no expiry", |engine| {
        remove(engine, Table::Expiries, &expiry_key(Table::Trash, &trash_key()));
    }),
    ("expiries: an expiry at 3600 for trash is of an entry that is not there", |engine| {
        remove(engine, Table::Trash, &trash_key());
    }),
    ("merges: space 1: member 1 does not find merge 2", |engine| {
        remove(engine, Table::MemberMerges, &member_merge_key(1, 2));
    }),
    ("merges: space 1: merge 9 is of the future", |engine| {
        write(engine, Table::Merges, &merge_key(9), &MergeRecord::default());
    }),
    ("merges: space 1: merge 2 has member 99, never given out", |engine| {
        change(engine, Table::Merges, &merge_key(2), |merge: &mut MergeRecord| {
            merge.source_dataset_id = 99;
        });
    }),
    ("member_merges: space 1: member 2 has merge 2, which is not of it", |engine| {
        put(engine, Table::MemberMerges, &[(&member_merge_key(2, 2), b"")]).unwrap();
    }),
    ("member_merges: space 1: member 1 has merge 3, which is not of it", |engine| {
        put(engine, Table::MemberMerges, &[(&member_merge_key(1, 3), b"")]).unwrap();
    }),
];

const ORIGIN_CASES: [Case; 5] = [
    ("origins: a key of 3 bytes does not parse", |engine| {
        put(engine, Table::Origins, &[(b"abc", b"")]).unwrap();
    }),
    ("origins: space 9 is unknown", |engine| {
        let key = keys::owned(|key| keys::origin(key, 9, 1));
        put(engine, Table::Origins, &[(&key, b"")]).unwrap();
    }),
    ("origins: space 1: origin 4 was never given out", |engine| {
        let origin = OriginRecord { label: "origin 4".to_owned() };
        write(engine, Table::Origins, &origin_key(4), &origin);
    }),
    ("origins: space 1: origin 2 has no label", |engine| {
        put(engine, Table::Origins, &[(&origin_key(2), b"")]).unwrap();
    }),
    ("origins: space 1: origin 3 has the label of another one", |engine| {
        let origin = OriginRecord { label: "origin 1".to_owned() };
        write(engine, Table::Origins, &origin_key(3), &origin);
    }),
];

#[test]
fn damage_of_origins_is_found() {
    for (expected, damage) in ORIGIN_CASES {
        check_damage(expected, damage);
    }
}

#[test]
fn damage_of_merges_and_of_what_was_deleted_is_found() {
    for (expected, damage) in MERGE_CASES {
        check_damage(expected, damage);
    }
}

#[test]
fn damage_beside_the_members_is_found() {
    for (expected, damage) in OTHER_CASES {
        check_damage(expected, damage);
    }
}

#[test]
fn an_index_that_is_not_complete_is_left_alone() {
    let engine = Memory::default();
    sound(&engine, 3);
    put(&engine, Table::Fields, &[(&field_key(2, "x", 1), b"")]).unwrap();
    assert_eq!(run(&engine).problems, ["fields: space 1: nobody removes an entry of field 2"]);
    change(&engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
        let field = Some(FieldRecord { number: 2, ..Default::default() });
        space.builds.push(FieldBuild { field, ..Default::default() });
    });
    assert_eq!(run(&engine).problems, Vec::<String>::new());
}

#[test]
fn problems_are_counted_beyond_the_list() {
    let engine = Memory::default();
    engine
        .write(&mut |_| {
            let mut mutations = Mutations::default();
            for number in 0..=PROBLEMS_LISTED_MAX as u64 {
                mutations.put(Table::Heads, &head_key(number), b"");
            }
            Ok(mutations)
        })
        .unwrap();
    let report = run(&engine);
    assert_eq!(report.problems.len(), PROBLEMS_LISTED_MAX);
    assert_eq!(report.problems_total, PROBLEMS_LISTED_MAX as u64 + 1);
}

#[test]
fn a_store_without_header_is_refused() {
    let engine = Memory::default();
    remove(&engine, Table::Meta, keys::HEADER);
    assert_eq!(check(&engine, RULES, &mut |_, _| {}), Err(header::missing()));
}
