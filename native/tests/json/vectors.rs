//! The vectors of `JSONTestSuite`: what every parser must accept and refuse.

use std::fs;
use std::path::Path;

use _native::json::canonicalize;

/// Documents that the suite wants accepted and zmey refuses, with the reason.
const DEVIATIONS: [(&str, &str); 2] = [
    ("y_object_duplicated_key.json", "a member that is written twice has no single value"),
    ("y_object_duplicated_key_and_value.json", "the same, even with equal values"),
];

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/json-parsing-nst");
    let entries = fs::read_dir(root.join(folder)).unwrap();
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(|entry| read(entry.unwrap())).collect()
}

/// Whether a document is accepted; its canonical text must be canonical.
fn accepts(name: &str, input: &[u8]) -> bool {
    let mut text = String::new();
    if canonicalize(input, &mut text).is_err() {
        return false;
    }
    let mut again = String::new();
    canonicalize(text.as_bytes(), &mut again).unwrap();
    assert_eq!(again, text, "{name}");
    true
}

#[test]
fn parsing() {
    let (mut accepted, mut refused, mut free) = (0, 0, 0);
    for (name, input) in files("test_parsing") {
        let is_accepted = accepts(&name, &input);
        let is_deviation = DEVIATIONS.iter().any(|(deviation, _)| *deviation == name);
        match name.as_bytes()[0] {
            b'y' => {
                assert_eq!(is_accepted, !is_deviation, "{name}");
                accepted += 1;
            }
            b'n' => {
                assert!(!is_accepted, "{name}");
                refused += 1;
            }
            _ => free += 1,
        }
    }
    assert_eq!((accepted, refused, free), (95, 188, 35));
}

#[test]
fn transforming() {
    let files = files("test_transform");
    assert_eq!(files.len(), 22);
    for (name, input) in files {
        accepts(&name, &input);
    }
}
