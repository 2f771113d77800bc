//! Random documents: the canonical text against `serde_json`.

use _native::json::{canonicalize, elements, levels, members, quote, string, unescape};
use proptest::prelude::*;
use serde_json::Value;

/// Random JSON text with random white space and random spellings of strings. Exponents are spelled
/// as `serde_json` writes them, so that texts can be compared.
pub fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?(e[+-][0-9]{1,3})?",
        spelled_string(),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let name = (spelled_string(), inner.clone());
        prop_oneof![
            (prop::collection::vec(inner, 0..6), space()).prop_map(|(items, space)| format!(
                "[{space}{}]",
                items.join(&format!("{space},"))
            )),
            (prop::collection::vec(name, 0..6), space()).prop_map(|(pairs, space)| {
                let pairs: Vec<_> = pairs
                    .into_iter()
                    .map(|(name, value)| format!("{name}{space}:{value}"))
                    .collect();
                format!("{{{space}{}{space}}}", pairs.join(&format!(",{space}")))
            }),
        ]
    })
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn spelled_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(|char| {
            let mut quoted = String::new();
            quote(&char.to_string(), &mut quoted);
            quoted[1..quoted.len() - 1].to_owned()
        }),
        any::<char>().prop_map(|char| {
            let mut units = [0; 2];
            let units = char.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{unit:04X}")).collect::<Vec<_>>().concat()
        }),
        "[a-c/]",
        Just("\\/".to_owned()),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn canonical(text: &str) -> Option<String> {
    let mut out = String::new();
    canonicalize(text.as_bytes(), &mut out).ok().map(|()| out)
}

/// The value of canonical text, read with the scanner alone.
fn scanned(text: &str) -> Value {
    use _native::json::Kind;
    match _native::json::kind(text) {
        Kind::Object => {
            let pairs = members(text).map(|(name, value)| (unescape(name).into(), scanned(value)));
            Value::Object(pairs.collect())
        }
        Kind::Array => elements(text).map(scanned).collect(),
        Kind::String => Value::String(string(text).unwrap().into_owned()),
        _ => serde_json::from_str(text).unwrap(),
    }
}

proptest! {
    #[test]
    fn canonical_text_means_the_same(text in document()) {
        let expected: Value = serde_json::from_str(&text).unwrap();
        // serde_json keeps the last of repeated members, zmey refuses them.
        let Some(canonical) = canonical(&text) else {
            return Err(TestCaseError::reject("repeated member"));
        };
        prop_assert_eq!(&canonical, &expected.to_string());
        prop_assert_eq!(scanned(&canonical), expected);
    }

    #[test]
    fn canonical_text_is_canonical(text in document()) {
        if let Some(canonical) = canonical(&text) {
            prop_assert!(canonical.len() <= text.len());
            prop_assert_eq!(self::canonical(&canonical), Some(canonical.clone()));
            prop_assert!(levels(&canonical) <= 6);
        }
    }

    #[test]
    fn what_is_accepted_is_json(bytes in "[\\[\\]{}:,\"\\\\/utfnb0-2eE.+\\- ]{0,12}") {
        let expected = serde_json::from_str::<Value>(&bytes);
        match canonical(&bytes) {
            Some(canonical) => {
                let value: Value = serde_json::from_str(&canonical).unwrap();
                prop_assert_eq!(value, expected.unwrap());
            }
            None => prop_assert!(expected.is_err() || has_repeated_member(&bytes)),
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut out = String::new();
        let _ = canonicalize(&bytes, &mut out);
    }

    #[test]
    fn quoting_is_undone(text in any::<String>()) {
        let mut quoted = String::new();
        quote(&text, &mut quoted);
        prop_assert_eq!(canonical(&quoted), Some(quoted.clone()));
        prop_assert_eq!(string(&quoted).unwrap(), text);
    }
}

fn has_repeated_member(text: &str) -> bool {
    let mut out = String::new();
    let fault = canonicalize(text.as_bytes(), &mut out).unwrap_err();
    fault.problem == _native::json::JsonProblem::MemberRepeated
}
