//! What changes come to: the new text or nothing, and the changed members of the root object.

use _native::datakey::{Applied, CopySource, Document, apply_all};

use crate::support::{Row, change, compile, moment};

/// (text before, changes, text after, deltas as (key, before, after))
type Delta<'t> = (&'t str, Option<&'t str>, Option<&'t str>);

fn check(before: &str, rows: &[Row], text: Option<&str>, deltas: &[Delta]) {
    let changes: Vec<_> = rows.iter().copied().map(change).collect();
    let changes = compile(&changes).unwrap();
    let outcome = apply_all(before, &changes, CopySource::Itself, &moment("UTC")).unwrap();
    assert_eq!(outcome.text.as_deref(), text, "{rows:?}");
    let actual: Vec<Delta> = outcome
        .deltas
        .iter()
        .map(|delta| (&*delta.key, delta.before, delta.after.as_deref()))
        .collect();
    assert_eq!(actual, deltas, "{rows:?}");
}

#[test]
fn unchanged() {
    check(r#"{"a":1}"#, &[], None, &[]);
    check("{}", &[], None, &[]);
    check("", &[], None, &[]);
    check(r#"{"a":"A"}"#, &[("a", "set", r#""\u0041""#)], None, &[]);
    check(r#"{"a":{"b":[1]}}"#, &[("a", "set", r#"{ "b" : [ 1 ] }"#)], None, &[]);
    check(r#"{"a":{"b":[1]}}"#, &[("a.b[0]", "set", "1")], None, &[]);
    check(r#"{"a":1}"#, &[("a", "set", "2"), ("a", "set", "1")], None, &[]);
    check(r#"{"a":1}"#, &[("a", "delete", ""), ("a", "set", "1")], None, &[]);
    check(r#"{"a":1}"#, &[("b", "set", "2"), ("b", "delete", "")], None, &[]);
    check("", &[("b", "set", "2"), ("b", "delete", "")], None, &[]);
}

#[test]
fn changed() {
    check("", &[("a", "set", "1")], Some(r#"{"a":1}"#), &[("a", None, Some("1"))]);
    check(
        r#"{"a":1}"#,
        &[("a", "set", "1.0")],
        Some(r#"{"a":1.0}"#),
        &[("a", Some("1"), Some("1.0"))],
    );
    check(r#"{"a":1}"#, &[("a", "delete", "")], Some("{}"), &[("a", Some("1"), None)]);
    check(
        r#"{"a":1,"b":{"c":2},"d":[3]}"#,
        &[("e", "set", "4"), ("d", "push", "5"), ("b.c", "set", "2"), ("a", "delete", "")],
        Some(r#"{"b":{"c":2},"d":[3,5],"e":4}"#),
        &[("a", Some("1"), None), ("d", Some("[3]"), Some("[3,5]")), ("e", None, Some("4"))],
    );
    // Keys are given without escapes.
    check(
        r#"{"a\n":1}"#,
        &[("a\n", "set", "2"), ("b\"", "set", "3")],
        Some(r#"{"a\n":2,"b\"":3}"#),
        &[("a\n", Some("1"), Some("2")), ("b\"", None, Some("3"))],
    );
}

#[test]
fn deleted_and_written_again() {
    check(
        r#"{"a":1,"b":2}"#,
        &[("a", "delete", ""), ("a", "set", "1")],
        Some(r#"{"b":2,"a":1}"#),
        &[("a", Some("1"), Some("1"))],
    );
    check(
        r#"{"a":1,"b":2}"#,
        &[("a", "delete", ""), ("a", "set", "3"), ("a", "delete", ""), ("a", "set", "4")],
        Some(r#"{"b":2,"a":4}"#),
        &[("a", Some("1"), Some("4"))],
    );
    check(
        r#"{"a":1,"b":2}"#,
        &[("a", "delete", ""), ("a", "set", "3"), ("a", "delete", "")],
        Some(r#"{"b":2}"#),
        &[("a", Some("1"), None)],
    );
}

#[test]
fn applied() {
    use Applied::{Ignored, Written};
    let rows = [
        ("a", "set", "1"),
        ("a", "insert", "2"),
        ("b", "update", "2"),
        ("b", "merge_update", "{}"),
        ("b", "delete", ""),
        ("a", "delete", ""),
    ];
    let changes = compile(&rows.map(change)).unwrap();
    let mut document = Document::new("{}");
    let mut source = CopySource::MissingSkips;
    let mut apply = |change| document.apply(change, &mut source, &moment("UTC")).unwrap();
    let applied: Vec<Applied> = changes.iter().map(&mut apply).collect();
    assert_eq!(applied, [Written, Ignored, Ignored, Ignored, Ignored, Written]);
}
