//! Reading at datakeys and patterns.

use _native::datakey::{Path, Pattern, Reader, read, read_path};

const TEXT: &str = concat!(
    r#"{"a":1,"b":{"c":null,"d":[{"e":1,"f":2},{"e":[3,4]},5,{"f":6}],"g":{}},"#,
    r#""h":[[1,2],[],{"e":7},[3]],"i":"\n","k\".":"quoted","z":18446744073709551616}"#
);

#[test]
fn paths() {
    let mut reader = Reader::new(TEXT);
    for (path, expected) in [
        ("a", Some("1")),
        ("b.c", Some("null")),
        ("b.g", Some("{}")),
        ("b.d[0].f", Some("2")),
        ("b.d[-1]", Some(r#"{"f":6}"#)),
        ("b.d[-4].e", Some("1")),
        ("b.d[-5]", None),
        ("b.d[4]", None),
        ("b.d[99999999999999999999999]", None),
        ("h[0][1]", Some("2")),
        ("h[1][-1]", None),
        ("i", Some(r#""\n""#)),
        ("k\"\\.", Some("\"quoted\"")),
        ("z", Some("18446744073709551616")),
        ("A", None),
        ("a.b", None),
        ("a[0]", None),
        ("b[0]", None),
        ("h.e", None),
        ("b.c.d", None),
    ] {
        assert_eq!(read_path(TEXT, &Path::parse(0, path).unwrap()), expected, "{path}");
        let pattern = Pattern::parse(0, path).unwrap();
        assert_eq!(read(TEXT, &pattern).as_deref(), expected, "{path}");
        // Scanned, then indexed.
        for time in 1..=3 {
            assert_eq!(reader.read(&pattern).as_deref(), expected, "{path}, time {time}");
        }
    }
}

#[test]
fn patterns() {
    let mut reader = Reader::new(TEXT);
    for (pattern, expected) in [
        ("*", Some(TEXT)),
        ("b.g.*", Some("{}")),
        ("b.d[0].*", Some(r#"{"e":1,"f":2}"#)),
        ("b.d[*]", Some(r#"[{"e":1,"f":2},{"e":[3,4]},5,{"f":6}]"#)),
        // What lacks the rest of the path is left out.
        ("b.d[*].e", Some("[1,[3,4]]")),
        ("b.d[*].none", Some("[]")),
        ("*.c", Some(r#"{"b":null}"#)),
        ("*.none", Some("{}")),
        // Nested wildcards nest.
        ("h[*][*]", Some("[[1,2],[],[3]]")),
        ("h[*].*", Some(r#"[{"e":7}]"#)),
        ("*[*].e", Some(r#"{"h":[7]}"#)),
        ("*.*[*].f", Some(r#"{"b":{"d":[2,6]}}"#)),
        ("h[*][-1]", Some("[2,3]")),
        // A wildcard of another kind finds nothing.
        ("h.*", None),
        ("b[*]", None),
        ("a.*", None),
        ("none[*]", None),
        ("b.c.*", None),
    ] {
        let parsed = Pattern::parse(0, pattern).unwrap();
        assert_eq!(read(TEXT, &parsed).as_deref(), expected, "{pattern}");
        assert_eq!(reader.read(&parsed).as_deref(), expected, "{pattern}");
    }
}
