//! A row for every sentence of seed 002, member.set, on modes and paths.

use _native::datakey::CopySource;
use _native::wire::v1::ErrorReason::{
    self, DatakeyIndexInvalid, DatakeyNotAnArray, DatakeyNotAnObject,
};

use crate::support::{Row, apply, apply_from, change, other};

/// (sentence, text before, change, text after or reason)
type Case<'t> = (&'t str, &'t str, Row<'t>, Result<&'t str, ErrorReason>);

fn check(cases: &[Case]) {
    for (sentence, before, row, expected) in cases {
        let actual = apply(before, &[*row]).map_err(|fault| fault.reason);
        assert_eq!(actual.as_deref(), expected.as_deref(), "{sentence}: {row:?} on {before}");
    }
}

#[test]
fn set() {
    check(&[
        (
            "set replaces fully",
            r#"{"a":{"x":1}}"#,
            ("a", "set", r#"{"y":2}"#),
            Ok(r#"{"a":{"y":2}}"#),
        ),
        ("set replaces unconditionally", "{}", ("a", "set", "1"), Ok(r#"{"a":1}"#)),
        ("set keeps the order", r#"{"a":1,"b":2}"#, ("a", "set", "3"), Ok(r#"{"a":3,"b":2}"#)),
        ("any value", "{}", ("a", "set", " [ 1e400 , { } ] "), Ok(r#"{"a":[1e400,{}]}"#)),
        (
            "a set element that is not the first is preceded by nulls",
            "{}",
            ("a[2]", "set", "1"),
            Ok(r#"{"a":[null,null,1]}"#),
        ),
        (
            "padding of an existing array",
            r#"{"a":[7]}"#,
            ("a[3]", "set", "1"),
            Ok(r#"{"a":[7,null,null,1]}"#),
        ),
        ("the first element needs no padding", "{}", ("a[0]", "set", "1"), Ok(r#"{"a":[1]}"#)),
        (
            "the next element needs no padding",
            r#"{"a":[7]}"#,
            ("a[1]", "set", "1"),
            Ok(r#"{"a":[7,1]}"#),
        ),
        (
            "an existing element is replaced",
            r#"{"a":[7,8]}"#,
            ("a[0]", "set", "1"),
            Ok(r#"{"a":[1,8]}"#),
        ),
    ]);
}

#[test]
fn update() {
    check(&[
        ("update replaces what exists", r#"{"a":1}"#, ("a", "update", "2"), Ok(r#"{"a":2}"#)),
        ("null exists", r#"{"a":null}"#, ("a", "update", "2"), Ok(r#"{"a":2}"#)),
        ("an empty string exists", r#"{"a":""}"#, ("a", "update", "2"), Ok(r#"{"a":2}"#)),
        ("an empty array exists", r#"{"a":[]}"#, ("a", "update", "2"), Ok(r#"{"a":2}"#)),
        ("an empty object exists", r#"{"a":{}}"#, ("a", "update", "2"), Ok(r#"{"a":2}"#)),
        ("otherwise ignored", r#"{"b":1}"#, ("a", "update", "2"), Ok(r#"{"b":1}"#)),
        (
            "otherwise no path is created",
            r#"{"b":1}"#,
            ("a.b[2].c", "update", "2"),
            Ok(r#"{"b":1}"#),
        ),
        (
            "nothing exists inside of null",
            r#"{"a":null}"#,
            ("a.b", "update", "2"),
            Ok(r#"{"a":null}"#),
        ),
        ("an element", r#"{"a":[1,2]}"#, ("a[1]", "update", "3"), Ok(r#"{"a":[1,3]}"#)),
        ("an element that is null", r#"{"a":[null]}"#, ("a[0]", "update", "3"), Ok(r#"{"a":[3]}"#)),
        (
            "a missing element: no padding",
            r#"{"a":[1]}"#,
            ("a[3]", "update", "3"),
            Ok(r#"{"a":[1]}"#),
        ),
        ("a scalar as object", r#"{"a":1}"#, ("a.b", "update", "2"), Err(DatakeyNotAnObject)),
    ]);
}

#[test]
fn insert() {
    check(&[
        ("insert adds what is missing", r#"{"b":1}"#, ("a", "insert", "2"), Ok(r#"{"b":1,"a":2}"#)),
        ("otherwise ignored", r#"{"a":1}"#, ("a", "insert", "2"), Ok(r#"{"a":1}"#)),
        ("null exists", r#"{"a":null}"#, ("a", "insert", "2"), Ok(r#"{"a":null}"#)),
        ("an empty string exists", r#"{"a":""}"#, ("a", "insert", "2"), Ok(r#"{"a":""}"#)),
        ("an empty array exists", r#"{"a":[]}"#, ("a", "insert", "2"), Ok(r#"{"a":[]}"#)),
        ("an empty object exists", r#"{"a":{}}"#, ("a", "insert", "2"), Ok(r#"{"a":{}}"#)),
        (
            "elements as with set",
            r#"{"a":[1]}"#,
            ("a[3]", "insert", "2"),
            Ok(r#"{"a":[1,null,null,2]}"#),
        ),
        ("an element that exists", r#"{"a":[1]}"#, ("a[0]", "insert", "2"), Ok(r#"{"a":[1]}"#)),
        (
            "an element that is null",
            r#"{"a":[null]}"#,
            ("a[0]", "insert", "2"),
            Ok(r#"{"a":[null]}"#),
        ),
        ("the path is created", "{}", ("a.b[1]", "insert", "2"), Ok(r#"{"a":{"b":[null,2]}}"#)),
        (
            "null parts count as missing",
            r#"{"a":null}"#,
            ("a.b", "insert", "2"),
            Ok(r#"{"a":{"b":2}}"#),
        ),
    ]);
}

#[test]
fn merge() {
    check(&[
        (
            "missing members are added, existing are replaced",
            r#"{"a":{"x":1,"y":2}}"#,
            ("a", "merge", r#"{"z":3,"x":4}"#),
            Ok(r#"{"a":{"x":4,"y":2,"z":3}}"#),
        ),
        (
            "only one level is merged",
            r#"{"a":{"x":{"y":1}}}"#,
            ("a", "merge", r#"{"x":{}}"#),
            Ok(r#"{"a":{"x":{}}}"#),
        ),
        (
            "a missing datakey is created",
            "{}",
            ("a.b", "merge", r#"{"x":1}"#),
            Ok(r#"{"a":{"b":{"x":1}}}"#),
        ),
        ("even by an empty object", "{}", ("a", "merge", "{}"), Ok(r#"{"a":{}}"#)),
        (
            "an existing array is an error",
            r#"{"a":[]}"#,
            ("a", "merge", "{}"),
            Err(DatakeyNotAnObject),
        ),
        (
            "an existing scalar is an error",
            r#"{"a":1}"#,
            ("a", "merge", "{}"),
            Err(DatakeyNotAnObject),
        ),
        (
            "an existing null counts as missing",
            r#"{"a":null}"#,
            ("a", "merge", "{}"),
            Ok(r#"{"a":{}}"#),
        ),
        ("a new array is an error", r#"{"a":{}}"#, ("a", "merge", "[]"), Err(DatakeyNotAnObject)),
        ("a new scalar is an error", "{}", ("a", "merge", "1"), Err(DatakeyNotAnObject)),
        ("a new null is an error", r#"{"a":{}}"#, ("a", "merge", "null"), Err(DatakeyNotAnObject)),
    ]);
}

#[test]
fn merge_update() {
    check(&[
        (
            "existing members are replaced, others ignored",
            r#"{"a":{"x":1,"y":null}}"#,
            ("a", "merge_update", r#"{"y":3,"z":4}"#),
            Ok(r#"{"a":{"x":1,"y":3}}"#),
        ),
        ("a missing datakey stays missing", "{}", ("a.b", "merge_update", r#"{"x":1}"#), Ok("{}")),
        (
            "an existing non-object is an error",
            r#"{"a":[]}"#,
            ("a", "merge_update", "{}"),
            Err(DatakeyNotAnObject),
        ),
        (
            "a new non-object is an error",
            r#"{"a":{}}"#,
            ("a", "merge_update", "[]"),
            Err(DatakeyNotAnObject),
        ),
        ("also where nothing exists", "{}", ("a", "merge_update", "1"), Err(DatakeyNotAnObject)),
    ]);
}

#[test]
fn merge_insert() {
    check(&[
        (
            "missing members are added, existing ignored",
            r#"{"a":{"x":1,"y":null}}"#,
            ("a", "merge_insert", r#"{"z":4,"y":3}"#),
            Ok(r#"{"a":{"x":1,"y":null,"z":4}}"#),
        ),
        (
            "a missing datakey is created",
            "{}",
            ("a", "merge_insert", r#"{"x":1}"#),
            Ok(r#"{"a":{"x":1}}"#),
        ),
        (
            "an existing non-object is an error",
            r#"{"a":""}"#,
            ("a", "merge_insert", "{}"),
            Err(DatakeyNotAnObject),
        ),
        (
            "a new non-object is an error",
            r#"{"a":{}}"#,
            ("a", "merge_insert", "\"\""),
            Err(DatakeyNotAnObject),
        ),
    ]);
}

#[test]
fn push_and_unshift() {
    check(&[
        ("push of an array", r#"{"a":[1]}"#, ("a", "push", "[2,3]"), Ok(r#"{"a":[1,2,3]}"#)),
        (
            "push of another value",
            r#"{"a":[1]}"#,
            ("a", "push", r#"{"x":2}"#),
            Ok(r#"{"a":[1,{"x":2}]}"#),
        ),
        ("push of an array creates", "{}", ("a", "push", "[2,3]"), Ok(r#"{"a":[2,3]}"#)),
        (
            "push of another value creates",
            "{}",
            ("a.b", "push", "null"),
            Ok(r#"{"a":{"b":[null]}}"#),
        ),
        ("push of nothing creates", "{}", ("a", "push", "[]"), Ok(r#"{"a":[]}"#)),
        ("push onto an element", r#"{"a":[[1]]}"#, ("a[0]", "push", "2"), Ok(r#"{"a":[[1,2]]}"#)),
        ("push onto an object", r#"{"a":{}}"#, ("a", "push", "1"), Err(DatakeyNotAnArray)),
        ("push onto a scalar", r#"{"a":1}"#, ("a", "push", "[1]"), Err(DatakeyNotAnArray)),
        ("push onto null", r#"{"a":null}"#, ("a", "push", "[1]"), Ok(r#"{"a":[1]}"#)),
        (
            "unshift of an array keeps its order",
            r#"{"a":[1]}"#,
            ("a", "unshift", "[2,3]"),
            Ok(r#"{"a":[2,3,1]}"#),
        ),
        ("unshift of another value", r#"{"a":[1]}"#, ("a", "unshift", "2"), Ok(r#"{"a":[2,1]}"#)),
        ("unshift of an array creates", "{}", ("a", "unshift", "[2,3]"), Ok(r#"{"a":[2,3]}"#)),
        ("unshift of another value creates", "{}", ("a", "unshift", "2"), Ok(r#"{"a":[2]}"#)),
        ("unshift onto a non-array", r#"{"a":""}"#, ("a", "unshift", "2"), Err(DatakeyNotAnArray)),
    ]);
}

#[test]
fn delete() {
    check(&[
        ("data are removed", r#"{"a":1,"b":2}"#, ("a", "delete", ""), Ok(r#"{"b":2}"#)),
        ("the last", r#"{"a":1}"#, ("a", "delete", ""), Ok("{}")),
        ("a member of a member", r#"{"a":{"b":1}}"#, ("a.b", "delete", ""), Ok(r#"{"a":{}}"#)),
        ("an empty value is allowed", r#"{"a":1}"#, ("a", "delete", "\"\""), Ok("{}")),
        ("null is an empty value", r#"{"a":1}"#, ("a", "delete", "null"), Ok("{}")),
        (
            "the last element shrinks the array by one",
            r#"{"a":[1,null,3]}"#,
            ("a[2]", "delete", ""),
            Ok(r#"{"a":[1,null]}"#),
        ),
        ("the only element", r#"{"a":[1]}"#, ("a[0]", "delete", ""), Ok(r#"{"a":[]}"#)),
        (
            "another element becomes null",
            r#"{"a":[1,2]}"#,
            ("a[0]", "delete", ""),
            Ok(r#"{"a":[null,2]}"#),
        ),
        ("a negative index", r#"{"a":[1,2]}"#, ("a[-1]", "delete", ""), Ok(r#"{"a":[1]}"#)),
        (
            "another negative index",
            r#"{"a":[1,2]}"#,
            ("a[-2]", "delete", ""),
            Ok(r#"{"a":[null,2]}"#),
        ),
        ("a missing element", r#"{"a":[1]}"#, ("a[1]", "delete", ""), Ok(r#"{"a":[1]}"#)),
        ("a missing datakey", r#"{"a":1}"#, ("b.c[3]", "delete", ""), Ok(r#"{"a":1}"#)),
        ("nothing is inside of null", r#"{"a":null}"#, ("a.b", "delete", ""), Ok(r#"{"a":null}"#)),
        ("a scalar as object", r#"{"a":1}"#, ("a.b", "delete", ""), Err(DatakeyNotAnObject)),
        ("an object as array", r#"{"a":{}}"#, ("a[0]", "delete", ""), Err(DatakeyNotAnArray)),
        ("no last element", r#"{"a":[]}"#, ("a[-1]", "delete", ""), Err(DatakeyIndexInvalid)),
        ("no array", "{}", ("a[-1]", "delete", ""), Err(DatakeyIndexInvalid)),
    ]);
}

#[test]
fn creation_of_paths() {
    check(&[
        ("a missing datakey is created", "{}", ("a", "set", "1"), Ok(r#"{"a":1}"#)),
        (
            "all missing parts are created",
            "{}",
            ("a.b[1][0].c", "set", "1"),
            Ok(r#"{"a":{"b":[null,[{"c":1}]]}}"#),
        ),
        (
            "some missing parts are created",
            r#"{"a":{}}"#,
            ("a.b.c", "set", "1"),
            Ok(r#"{"a":{"b":{"c":1}}}"#),
        ),
        (
            "null counts as missing, object",
            r#"{"a":null}"#,
            ("a.b", "set", "1"),
            Ok(r#"{"a":{"b":1}}"#),
        ),
        (
            "null counts as missing, array",
            r#"{"a":null}"#,
            ("a[1]", "set", "1"),
            Ok(r#"{"a":[null,1]}"#),
        ),
        (
            "padding counts as missing",
            r#"{"a":[null,2]}"#,
            ("a[0].b", "set", "1"),
            Ok(r#"{"a":[{"b":1},2]}"#),
        ),
        ("an object as array", r#"{"a":{}}"#, ("a[0]", "set", "1"), Err(DatakeyNotAnArray)),
        ("a string as array", r#"{"a":""}"#, ("a[0]", "set", "1"), Err(DatakeyNotAnArray)),
        ("false as array", r#"{"a":false}"#, ("a[0].b", "set", "1"), Err(DatakeyNotAnArray)),
        ("an array as object", r#"{"a":[]}"#, ("a.b", "set", "1"), Err(DatakeyNotAnObject)),
        ("a number as object", r#"{"a":0}"#, ("a.b", "set", "1"), Err(DatakeyNotAnObject)),
        (
            "true as object, insert",
            r#"{"a":true}"#,
            ("a.b", "insert", "1"),
            Err(DatakeyNotAnObject),
        ),
        (
            "a number in a name is a name",
            r#"{"a":[1]}"#,
            ("a.0", "set", "1"),
            Err(DatakeyNotAnObject),
        ),
    ]);
}

#[test]
fn negative_indexes() {
    check(&[
        ("the last element", r#"{"a":[1,2]}"#, ("a[-1]", "set", "3"), Ok(r#"{"a":[1,3]}"#)),
        ("from the back", r#"{"a":[1,2]}"#, ("a[-2].b", "merge", "{}"), Err(DatakeyNotAnObject)),
        (
            "inside of the last element",
            r#"{"a":[null]}"#,
            ("a[-1].b", "set", "3"),
            Ok(r#"{"a":[{"b":3}]}"#),
        ),
        (
            "before the first element",
            r#"{"a":[1,2]}"#,
            ("a[-3]", "set", "3"),
            Err(DatakeyIndexInvalid),
        ),
        ("no last element", r#"{"a":[]}"#, ("a[-1]", "insert", "3"), Err(DatakeyIndexInvalid)),
        (
            "null has no last element",
            r#"{"a":null}"#,
            ("a[-1]", "update", "3"),
            Err(DatakeyIndexInvalid),
        ),
        ("nor has what is missing", "{}", ("a[-1]", "set", "3"), Err(DatakeyIndexInvalid)),
        ("not even deep in it", "{}", ("a.b[-1].c", "update", "3"), Err(DatakeyIndexInvalid)),
    ]);
}

/// Every mode with `.copy` does the same with the value found elsewhere.
#[test]
fn copies() {
    const BEFORE: &str =
        r#"{"from":{"o":{"x":9},"l":[8],"s":"7","n":null},"o":{"x":1},"l":[1],"s":1}"#;
    let twins = [
        ("set", "s"),
        ("set", "new.path[1]"),
        ("update", "s"),
        ("update", "new"),
        ("insert", "s"),
        ("insert", "new"),
        ("merge", "o"),
        ("merge_update", "o"),
        ("merge_insert", "o"),
        ("merge", "new"),
        ("push", "l"),
        ("unshift", "l"),
        ("push", "new"),
    ];
    let values =
        [("o", r#"{"x":9}"#), ("l", "[8]"), ("s", "\"7\""), ("n", "null"), ("none", "null")];
    let reason = |result: _native::fault::Result<String>| result.map_err(|fault| fault.reason);
    for (mode, path) in twins {
        for (name, value) in values {
            let expected = reason(apply(BEFORE, &[(path, mode, value)]));
            let copy_mode = format!("{mode}.copy");
            let from = format!("from.{name}");
            let copied = reason(apply(BEFORE, &[(path, &copy_mode, &from)]));
            assert_eq!(copied, expected, "{copy_mode} {path} {from}");
            let row = change((path, &copy_mode, name));
            let source = r#"{"o":{"x":9},"l":[8],"s":"7","n":null}"#;
            let copied = reason(apply_from(BEFORE, &[row], other(source)));
            assert_eq!(copied, expected, "{copy_mode} {path} {from} of another");
        }
    }
}

#[test]
fn copy_sources() {
    let copy = change(("a.b", "set.copy", "x[-1]"));
    let check = |source: CopySource, expected: &str| {
        let actual = apply_from(r#"{"x":[1,2]}"#, std::slice::from_ref(&copy), source);
        assert_eq!(actual.unwrap(), expected);
    };
    // Without copy_email and copy_data the source is the member itself.
    check(CopySource::Itself, r#"{"x":[1,2],"a":{"b":2}}"#);
    // copy_email of an existing member, or copy_data.
    check(other(r#"{"x":[3,[4]]}"#), r#"{"x":[1,2],"a":{"b":[4]}}"#);
    // A datakey that the source has not, or cannot have, is null.
    check(other("{}"), r#"{"x":[1,2],"a":{"b":null}}"#);
    check(other(r#"{"x":[]}"#), r#"{"x":[1,2],"a":{"b":null}}"#);
    check(other(r#"{"x":7}"#), r#"{"x":[1,2],"a":{"b":null}}"#);
    // copy_missing do writes undef.
    check(CopySource::MissingWritesNull, r#"{"x":[1,2],"a":{"b":null}}"#);
    // copy_missing skip keeps the former values.
    check(CopySource::MissingSkips, r#"{"x":[1,2]}"#);
}

#[test]
fn order_of_changes() {
    let check = |before: &str, rows: &[Row], expected: Result<&str, ErrorReason>| {
        let actual = apply(before, rows).map_err(|fault| fault.reason);
        assert_eq!(actual.as_deref(), expected.as_deref(), "{rows:?}");
    };
    // Each change sees the earlier ones.
    check(
        "{}",
        &[("a", "set", "1"), ("a", "insert", "2"), ("b", "set.copy", "a")],
        Ok(r#"{"a":1,"b":1}"#),
    );
    check(
        "{}",
        &[("a.b", "set", "1"), ("a", "merge", r#"{"c":2}"#), ("a.b", "delete", "")],
        Ok(r#"{"a":{"c":2}}"#),
    );
    // All or nothing: an error anywhere refuses all of them.
    check(
        "{}",
        &[("a", "set", "1"), ("a.b", "set", "1"), ("c", "set", "1")],
        Err(DatakeyNotAnObject),
    );
    // A copied structure is independent of its source.
    check(
        r#"{"a":{"x":1}}"#,
        &[("b", "set.copy", "a"), ("a.x", "set", "2"), ("b.y", "set", "3")],
        Ok(r#"{"a":{"x":2},"b":{"x":1,"y":3}}"#),
    );
    check(r#"{"a":{"x":1}}"#, &[("a.x", "set.copy", "a")], Ok(r#"{"a":{"x":{"x":1}}}"#));
    check(
        r#"{"a":[1]}"#,
        &[("a", "push.copy", "a"), ("a", "unshift.copy", "a")],
        Ok(r#"{"a":[1,1,1,1]}"#),
    );
    // A member that was deleted and written again is the last one.
    check(r#"{"a":1,"b":2}"#, &[("a", "delete", ""), ("a", "set", "1")], Ok(r#"{"b":2,"a":1}"#));
}
