//! Damage of list groups and of the index of their heads.

use super::*;
use crate::wire::storage::GroupRecord;

/// A head that is in the group.
const HEAD: u64 = 1;

fn index_key(group: &str, head_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::group_head(key, SPACE, group, head_id))
}

/// A sound store with a group and a head in it.
fn grouped(engine: &dyn Engine) {
    sound(engine, 3);
    change(engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
        space.has_group_heads = true;
    });
    change(engine, Table::Heads, &head_key(HEAD), |head: &mut HeadRecord| {
        head.groups.insert("news".to_owned(), 1);
    });
    put(engine, Table::GroupHeads, &[(&index_key("news", HEAD), b"")]).unwrap();
    let group = keys::owned(|key| keys::group(key, SPACE, "news"));
    write(engine, Table::Groups, &group, &GroupRecord::default());
}

#[test]
fn a_sound_index_has_no_problems() {
    let engine = Memory::default();
    grouped(&engine);
    assert_eq!(run(&engine).problems, Vec::<String>::new());
}

#[test]
fn an_index_that_is_not_complete_yet_lacks_nothing() {
    let engine = Memory::default();
    grouped(&engine);
    change(&engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
        space.has_group_heads = false;
    });
    remove(&engine, Table::GroupHeads, &index_key("news", HEAD));
    assert_eq!(run(&engine).problems, Vec::<String>::new());
}

const CASES: [Case; 9] = [
    ("heads: space 1: a group of head 1 does not have it", |engine| {
        remove(engine, Table::GroupHeads, &index_key("news", HEAD));
    }),
    ("heads: space 1: head 1 is in a group that cannot be", |engine| {
        change(engine, Table::Heads, &head_key(HEAD), |head: &mut HeadRecord| {
            head.groups.insert("g".repeat(300), 1);
        });
    }),
    ("group_heads: space 1: a group has head 1, which is not in it", |engine| {
        put(engine, Table::GroupHeads, &[(&index_key("shop", HEAD), b"")]).unwrap();
    }),
    ("group_heads: space 1: a group has head 99, which is not in it", |engine| {
        put(engine, Table::GroupHeads, &[(&index_key("news", 99), b"")]).unwrap();
    }),
    ("group_heads: space 1: an entry of head 1 has a value", |engine| {
        put(engine, Table::GroupHeads, &[(&index_key("news", HEAD), b"x")]).unwrap();
    }),
    ("group_heads: space 2 is unknown", |engine| {
        let key = keys::owned(|key| keys::group_head(key, 2, "news", HEAD));
        put(engine, Table::GroupHeads, &[(&key, b"")]).unwrap();
    }),
    ("group_heads: a key of 3 bytes does not parse", |engine| {
        put(engine, Table::GroupHeads, &[(b"abc", b"")]).unwrap();
    }),
    ("groups: space 2 is unknown", |engine| {
        let key = keys::owned(|key| keys::group(key, 2, "news"));
        write(engine, Table::Groups, &key, &GroupRecord::default());
    }),
    ("groups: space 1: the code of a group is no text", |engine| {
        put(engine, Table::Groups, &[(b"\0\0\0\x01\xff", b"")]).unwrap();
    }),
];

#[test]
fn damaged_groups_are_found() {
    for (expected, damage) in CASES {
        let engine = Memory::default();
        grouped(&engine);
        damage(&engine);
        let problems = run(&engine).problems;
        assert!(problems.iter().any(|problem| problem == expected), "{expected}: {problems:#?}");
    }
}
