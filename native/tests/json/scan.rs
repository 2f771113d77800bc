//! Reading of canonical text.

use _native::json::{Kind, elements, kind, levels, members, string, unescape};

#[test]
fn kinds() {
    for (text, expected) in [
        ("{}", Kind::Object),
        ("[]", Kind::Array),
        ("\"\"", Kind::String),
        ("0", Kind::Number),
        ("-1.5e3", Kind::Number),
        ("true", Kind::Boolean),
        ("false", Kind::Boolean),
        ("null", Kind::Null),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
}

#[test]
fn members_of_objects() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        assert_eq!(members(text).collect::<Vec<_>>(), expected, "{text}");
    };
    check("{}", &[]);
    check("[1]", &[]);
    check("", &[]);
    check(
        r#"{"a":1,"":"x,}]","\"\\":[{"b":"]}"},2],"c":{"d":{}},"e":null}"#,
        &[
            ("a", "1"),
            ("", r#""x,}]""#),
            (r#"\"\\"#, r#"[{"b":"]}"},2]"#),
            ("c", r#"{"d":{}}"#),
            ("e", "null"),
        ],
    );
}

#[test]
fn elements_of_arrays() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(elements(text).collect::<Vec<_>>(), expected, "{text}");
    };
    check("[]", &[]);
    check("{\"a\":1}", &[]);
    check("", &[]);
    check(r#"[1,"a\",]",[[],{}],null]"#, &["1", r#""a\",]""#, "[[],{}]", "null"]);
}

#[test]
fn nesting() {
    for (text, expected) in
        [("1", 0), ("\"[[\"", 0), ("{}", 1), ("[[],{\"a\":[\"[\\\"[\"]}]", 3), ("[[],[]]", 2)]
    {
        assert_eq!(levels(text), expected, "{text}");
    }
}

#[test]
fn strings() {
    assert_eq!(string("1"), None);
    assert_eq!(string(r#""a\"\\\b\f\n\r\t\u001fé""#).unwrap(), "a\"\\\u{8}\u{c}\n\r\t\u{1f}é");
    assert_eq!(unescape("plain"), "plain");
}
