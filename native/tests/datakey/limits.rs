//! Every bound at its last allowed and first refused value, and no quadratic time.

use _native::datakey::{
    ARRAY_ELEMENTS_MAX, BODY_BYTES_MAX, CopySource, VALUE_BYTES_MAX, apply_all,
};
use _native::wire::v1::ErrorReason::{
    BodyTooLarge, DatakeyIndexInvalid, JsonTooDeep, LimitExceeded,
};
use _native::wire::v1::{DatakeyChange, ErrorReason};

use crate::support::{apply, change, compile, described, moment};

fn reason(text: &str, rows: &[(&str, &str, &str)]) -> Option<ErrorReason> {
    apply(text, rows).err().map(|fault| fault.reason)
}

#[test]
fn body_bytes() {
    let value = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let around = "{\"a\":1,\"b\":}".len();
    let fits = value(BODY_BYTES_MAX - around);
    let exceeds = value(BODY_BYTES_MAX - around + 1);
    let text = apply(r#"{"a":1}"#, &[("b", "set", &fits)]).unwrap();
    assert_eq!(text.len(), BODY_BYTES_MAX);
    let fault = apply(r#"{"a":1}"#, &[("b", "set", &exceeds)]).unwrap_err();
    let details = "actual_bytes=1048577 max_bytes=1048576".to_owned();
    assert_eq!(described(&fault), (BodyTooLarge, details));
    // A later change may shrink the body again.
    let rows = [("c", "set", exceeds.as_str()), ("b", "delete", ""), ("a", "delete", "")];
    assert_eq!(reason(&text, &rows), None);
    // An unchanged body is never refused.
    assert_eq!(reason(&text, &[("b", "set", &fits)]), None);
}

#[test]
fn value_bytes() {
    let value = |bytes: usize| format!("{}1", " ".repeat(bytes - 1));
    assert_eq!(reason("{}", &[("a", "set", &value(VALUE_BYTES_MAX))]), None);
    let fault = apply("{}", &[("a", "set", &value(VALUE_BYTES_MAX + 1))]).unwrap_err();
    let details = "actual=1048577 index=0 limit=datakey_value_bytes max=1048576".to_owned();
    assert_eq!(described(&fault), (LimitExceeded, details));
}

#[test]
fn levels() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    // The root object and each element of the path but the last are levels of the body.
    for (path, mode, levels) in
        [("a", "set", 63), ("a.b", "set", 62), ("a[0].b", "insert", 61), ("a", "push", 63)]
    {
        assert_eq!(reason("{}", &[(path, mode, &nested(levels))]), None, "{path}");
        assert_eq!(reason("{}", &[(path, mode, &nested(levels + 1))]), Some(JsonTooDeep), "{path}");
    }
    let object = |levels: usize| format!("{{\"x\":{}}}", nested(levels - 1));
    assert_eq!(reason("{}", &[("a", "push", &object(62))]), None);
    assert_eq!(reason("{}", &[("a", "push", &object(63))]), Some(JsonTooDeep));
    assert_eq!(reason("{}", &[("a", "merge", &object(63))]), None);
    assert_eq!(reason("{}", &[("a", "merge", &object(64))]), Some(JsonTooDeep));
    let copied = |path: &str| {
        let deep = nested(61);
        reason("{}", &[("a", "set", &deep), (path, "set.copy", "a")])
    };
    assert_eq!(copied("b.c.d"), None);
    assert_eq!(copied("b.c.d.e"), Some(JsonTooDeep));
}

#[test]
fn array_elements() {
    let last = format!("a[{}]", ARRAY_ELEMENTS_MAX - 1);
    let beyond = format!("a[{ARRAY_ELEMENTS_MAX}]");
    let text = apply("{}", &[(&last, "set", "1")]).unwrap();
    assert_eq!(text.matches("null,").count(), ARRAY_ELEMENTS_MAX - 1);
    assert_eq!(reason("{}", &[(&beyond, "set", "1")]), Some(DatakeyIndexInvalid));
    assert_eq!(reason("{}", &[(&beyond, "update", "1")]), None);
    // Elements beyond the bound that exist are as good as others.
    assert_eq!(reason(&text, &[("a", "push", "[1,2]"), (&beyond, "set", "3")]), None);
}

fn check_refused(changes: &[DatakeyChange]) {
    let compiled = compile(changes).unwrap();
    let fault = apply_all("{}", &compiled, CopySource::Itself, &moment("UTC")).unwrap_err();
    assert_eq!(fault.reason, BodyTooLarge);
}

/// Few changes that ask for more memory than any machine has.
#[test]
fn runaway_growth() {
    let mut doubling = vec![change(("a", "set", "[0,1]"))];
    doubling.resize(100, change(("a", "push.copy", "a")));
    check_refused(&doubling);
    let path = |number: usize| format!("p{number}{}", "[9999]".repeat(31));
    let paths: Vec<_> = (0..1000).map(path).collect();
    let padding: Vec<_> = paths.iter().map(|path| change((path, "set", "1"))).collect();
    check_refused(&padding);
}

#[test]
fn large_merges() {
    let object = |from: usize, to: usize| {
        let members: Vec<_> = (from..to).map(|number| format!("\"{number}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let before = format!("{{\"a\":{}}}", object(0, 50_000));
    for (mode, after) in [("merge", 75_000), ("merge_insert", 75_000), ("merge_update", 50_000)] {
        let changes = compile(&[change(("a", mode, &object(25_000, 75_000)))]).unwrap();
        let outcome = apply_all(&before, &changes, CopySource::Itself, &moment("UTC")).unwrap();
        let text = outcome.text.unwrap_or_else(|| before.clone());
        assert_eq!(text.matches(':').count(), after + 1);
    }
}

#[test]
fn many_changes_of_a_large_object() {
    let members: Vec<_> = (0..60_000).map(|number| format!("\"k{number}\":0")).collect();
    let before = format!("{{{}}}", members.join(","));
    let rows: Vec<_> = (0..1000).map(|number| format!("k{}", 59_999 - number)).collect();
    let changes: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(number, path)| change((path, ["set", "delete"][number % 2], ["1", ""][number % 2])))
        .collect();
    let changes = compile(&changes).unwrap();
    let outcome = apply_all(&before, &changes, CopySource::Itself, &moment("UTC")).unwrap();
    assert_eq!(outcome.deltas.len(), 1000);
}
