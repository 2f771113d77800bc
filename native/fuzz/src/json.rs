//! JSON documents: what is accepted, and what it means, against `serde_json`.

use _native::json::{JsonProblem, LEVELS_MAX, canonicalize, levels};
use serde_json::Value;

/// A member with this name means something to `serde_json`, and nothing to JSON.
const PRIVATE_NAME: &[u8] = b"$serde_json";

/// The input is the document.
pub fn run(data: &[u8]) {
    if data.windows(PRIVATE_NAME.len()).any(|window| window == PRIVATE_NAME) {
        return;
    }
    let expected = serde_json::from_slice::<Value>(data);
    let mut canonical = "former ".to_owned();
    match canonicalize(data, &mut canonical) {
        Ok(()) => {
            let canonical = &canonical["former ".len()..];
            assert!(canonical.len() <= data.len());
            assert!(levels(canonical) <= LEVELS_MAX);
            let value: Value = serde_json::from_str(canonical).expect("canonical text is JSON");
            assert_eq!(value, expected.expect("what is accepted is JSON"));
            let mut twice = String::new();
            assert_eq!(canonicalize(canonical.as_bytes(), &mut twice), Ok(()));
            assert_eq!(twice, canonical);
        }
        Err(fault) => {
            assert_eq!(canonical, "former ", "a refused document leaves nothing");
            assert!(fault.offset_bytes <= data.len());
            let stricter =
                matches!(fault.problem, JsonProblem::MemberRepeated | JsonProblem::TooDeep);
            assert!(stricter || expected.is_err(), "{fault} of good JSON");
        }
    }
}

/// Documents at the edges of the grammar.
pub fn seeds() -> Vec<Vec<u8>> {
    let documents = [
        r#" { "a" : [ 1 , -0.50e+10 , true , false , null , "" ] , "b" : { } } "#,
        r#""\u0041\ud83d\ude00\/\b\f\n\r\t\\\"""#,
        r#"{"a":1,"\u0061":2}"#,
        r#""\ud800""#,
        "[[[[[[[[]]]]]]]]",
        "123456789012345678901234567890.000",
        "\"\u{7f}\u{2028}п\"",
    ];
    let mut seeds: Vec<Vec<u8>> = documents.map(|document| document.as_bytes().to_vec()).into();
    seeds.push([b"[".repeat(LEVELS_MAX), b"]".repeat(LEVELS_MAX)].concat());
    seeds
}
