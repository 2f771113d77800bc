//! The canonical text of documents, and where others are refused.

use std::fmt::Write as _;

use _native::json::{JsonProblem, LEVELS_MAX, canonicalize, quote};

/// (input, canonical text or problem and its offset)
type Row<'t> = (&'t [u8], Result<&'t str, (JsonProblem, usize)>);

fn check(rows: &[Row]) {
    for (input, expected) in rows {
        let mut out = "before".to_owned();
        let result = canonicalize(input, &mut out)
            .map(|()| out.strip_prefix("before").unwrap())
            .map_err(|fault| (fault.problem, fault.offset_bytes));
        assert_eq!(result, *expected, "{}", String::from_utf8_lossy(input));
        if expected.is_err() {
            assert_eq!(out, "before", "a refused document leaves no trace");
        }
    }
}

#[test]
fn canonical_text() {
    check(&[
        (b" { \"a\" : [ 1 , 2 ] , \"b\" :\r\n{ } }\t", Ok(r#"{"a":[1,2],"b":{}}"#)),
        (b"[ ]", Ok("[]")),
        (b" null ", Ok("null")),
        (b"[true,false]", Ok("[true,false]")),
        // Members keep their order.
        (br#"{"b":1,"a":2}"#, Ok(r#"{"b":1,"a":2}"#)),
        // Numbers stay as they were written.
        (b"18446744073709551616", Ok("18446744073709551616")),
        (b"[-0,1.10,1E+2,1e400,0.1e-7]", Ok("[-0,1.10,1E+2,1e400,0.1e-7]")),
        // Equal strings have one spelling.
        (br#""\u0041\/\u00e9\u20ac\ud83d\ude00""#, Ok("\"A/é€😀\"")),
        (br#""\u0022\u005C\u0008\u000C\u000a\u000D\u0009""#, Ok(r#""\"\\\b\f\n\r\t""#)),
        (br#""\u0000\u001F\u007f""#, Ok("\"\\u0000\\u001f\u{7f}\"")),
        (br#""\"\\\b\f\n\r\t""#, Ok(r#""\"\\\b\f\n\r\t""#)),
        (br#"{"\u0061\/b":1,"c":"\u0064"}"#, Ok(r#"{"a/b":1,"c":"d"}"#)),
    ]);
}

#[test]
fn refused() {
    use JsonProblem::{LoneSurrogate, MemberRepeated, NotUtf8, Syntax};
    check(&[
        (b"", Err((Syntax, 0))),
        (b"  ", Err((Syntax, 2))),
        (b"1 2", Err((Syntax, 2))),
        (b"{\"a\":1,}", Err((Syntax, 7))),
        (b"[1,]", Err((Syntax, 3))),
        (b"[1\0]", Err((Syntax, 2))),
        (b"null\0", Err((Syntax, 4))),
        (b"01", Err((Syntax, 1))),
        (b"-", Err((Syntax, 1))),
        (b"1.", Err((Syntax, 2))),
        (b"1e", Err((Syntax, 2))),
        (b"+1", Err((Syntax, 0))),
        (b"NaN", Err((Syntax, 0))),
        (b"Infinity", Err((Syntax, 0))),
        (b"nul", Err((Syntax, 0))),
        (b"\"a\nb\"", Err((Syntax, 2))),
        (b"\"a", Err((Syntax, 2))),
        (br#""\x""#, Err((Syntax, 1))),
        (br#""\u12g4""#, Err((Syntax, 1))),
        (b"\"\xff\"", Err((NotUtf8, 1))),
        (b"\xef\xbb\xbf1", Err((Syntax, 0))),
        (br#""\ud800""#, Err((LoneSurrogate, 1))),
        (br#""a\udc00""#, Err((LoneSurrogate, 2))),
        (br#""\ud800\n""#, Err((LoneSurrogate, 1))),
        (br#""\ud800\ud800""#, Err((LoneSurrogate, 1))),
        (br#"{"a":1,"a":2}"#, Err((MemberRepeated, 8))),
        (br#"{"a":1,"\u0061":2}"#, Err((MemberRepeated, 8))),
        (br#"[{"a":{"b":1,"b":1}}]"#, Err((MemberRepeated, 14))),
    ]);
    check(&[(br#"{"a":{"a":1},"b":{"a":1}}"#, Ok(r#"{"a":{"a":1},"b":{"a":1}}"#))]);
}

#[test]
fn repeated_members_of_long_objects() {
    for repeated in [0, 20, 59] {
        let mut text = "{".to_owned();
        for number in 0..60 {
            write!(text, "\"name{number}\":0,").unwrap();
        }
        let offset = text.len() + 1;
        write!(text, "\"n\\u0061me{repeated}\":0}}").unwrap();
        check(&[(text.as_bytes(), Err((JsonProblem::MemberRepeated, offset)))]);
    }
}

#[test]
fn levels() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let deepest = nested(LEVELS_MAX);
    let too_deep = nested(LEVELS_MAX + 1);
    check(&[
        (deepest.as_bytes(), Ok(&deepest)),
        (too_deep.as_bytes(), Err((JsonProblem::TooDeep, LEVELS_MAX))),
        ("{\"a\":".repeat(70).as_bytes(), Err((JsonProblem::TooDeep, LEVELS_MAX * 5))),
    ]);
}

#[test]
fn quoted_text() {
    for (text, expected) in [
        ("", r#""""#),
        ("a", r#""a""#),
        ("\"\\/\n\u{1}\u{1f}\u{7f}", "\"\\\"\\\\/\\n\\u0001\\u001f\u{7f}\""),
        ("тест тест 😀", r#""тест тест 😀""#),
    ] {
        let mut out = String::new();
        quote(text, &mut out);
        assert_eq!(out, expected);
    }
}
