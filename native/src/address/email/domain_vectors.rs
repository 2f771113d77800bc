//! The domain function against the vectors of Unicode, every deviation with its reason.

use std::collections::BTreeMap;
use std::fs;

use super::domain::append;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/idna-uts46/");

/// The lines of IdnaTestV2-13.0.0.txt with a vector.
const VECTORS: usize = 6225;

/// The entries of unicode17-accepted.json, and how many of them have an A-label form.
const ACCEPTED: usize = 449;
const ACCEPTED_WITH_A_LABELS: usize = 386;

/// One line of `IdnaTestV2.txt`; the columns of transitional processing are left out.
struct Vector {
    source: String,
    unicode: String,
    ascii: String,
    statuses: String,
}

/// A family of vectors with which zmey disagrees, and how many there are.
struct Deviation {
    reason: &'static str,
    count: usize,
    holds: fn(&Vector) -> bool,
}

const DEVIATIONS: [Deviation; 7] = [
    Deviation {
        reason: "accepted: hyphens in the third and fourth place occur in living domains",
        count: 8,
        holds: |vector| vector.statuses == "[V2] [V2]",
    },
    Deviation {
        reason: "refused: RFC 5321 has no dot at the end of a domain",
        count: 50,
        holds: |vector| vector.statuses.is_empty() && vector.unicode.ends_with('.'),
    },
    Deviation {
        reason: "accepted: a later Unicode makes these three mathematical signs valid",
        count: 59,
        holds: |vector| disallowed_then(vector, |c| matches!(c, '≠' | '≮' | '≯')),
    },
    Deviation {
        reason: "accepted: a later Unicode maps these capitals, which were disallowed",
        count: 38,
        holds: |vector| {
            disallowed_then(vector, |c| {
                matches!(c, '\u{10A0}'..='\u{10CD}' | '\u{2132}' | '\u{2183}' | '\u{4C0}')
            })
        },
    },
    Deviation {
        reason: "accepted: a later Unicode ignores the Hangul filler, which was disallowed",
        count: 2,
        holds: |vector| disallowed_then(vector, |c| c == '\u{115F}'),
    },
    Deviation {
        reason: "accepted: Unicode 17 assigns these ideographs",
        count: 1,
        holds: |vector| disallowed_then(vector, |c| matches!(c, '\u{323B0}'..='\u{33479}')),
    },
    Deviation {
        reason: "accepted: Unicode 18 assigns the seal script",
        count: 4,
        holds: |vector| disallowed_then(vector, |c| matches!(c, '\u{3D000}'..='\u{3FC3F}')),
    },
];

fn disallowed_then(vector: &Vector, changed: fn(char) -> bool) -> bool {
    matches!(vector.statuses.as_str(), "[P1, V6] [P1, V6]" | "[V6] [V6]")
        && vector.unicode.chars().any(changed)
}

fn parse(line: &str) -> Vector {
    let columns: Vec<_> = line.split(';').map(str::trim).collect();
    let or = |index: usize, other: &str| match columns[index] {
        "" => other.to_owned(),
        column => unescape(column),
    };
    let source = unescape(columns[0]);
    let unicode = or(1, &source);
    let ascii = or(3, &unicode);
    let to_unicode = columns[2];
    let to_ascii = if columns[4].is_empty() { to_unicode } else { columns[4] };
    let fine = |status| matches!(status, "" | "[]");
    let statuses = if fine(to_unicode) && fine(to_ascii) {
        String::new()
    } else {
        format!("{to_unicode} {to_ascii}")
    };
    Vector { source, unicode, ascii, statuses }
}

/// Reads `\uXXXX` and `\x{XXXX}`.
fn unescape(column: &str) -> String {
    let mut parts = column.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = match part.strip_prefix("x{") {
            Some(braced) => braced.split_once('}').expect("a closing brace"),
            None => part[1..].split_at(4),
        };
        let code = u32::from_str_radix(digits, 16).expect("hexadecimal digits");
        text.push(char::from_u32(code).expect("a character"));
        text.push_str(rest);
    }
    text
}

/// Says whether zmey does what the vector says.
fn agrees(vector: &Vector) -> bool {
    let mut canonical = String::new();
    match append(&vector.source, &mut canonical) {
        Err(_) => !vector.statuses.is_empty(),
        Ok(ascii_bytes) => {
            vector.statuses.is_empty()
                && canonical == vector.unicode
                && ascii_bytes == vector.ascii.len()
        }
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("{DATA}{name}")).expect("the vectors are in the repository")
}

#[test]
fn vectors_of_unicode_13() {
    let text = read("IdnaTestV2-13.0.0.txt");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let vectors: Vec<_> = lines.map(parse).collect();
    assert_eq!(vectors.len(), VECTORS);
    let mut counts = BTreeMap::new();
    for vector in vectors.iter().filter(|vector| !agrees(vector)) {
        let deviation = DEVIATIONS.iter().find(|deviation| (deviation.holds)(vector));
        let Some(deviation) = deviation else {
            panic!("{:?} {:?} {}", vector.source, vector.unicode, vector.statuses);
        };
        *counts.entry(deviation.reason).or_insert(0) += 1;
    }
    let expected = DEVIATIONS.iter().map(|deviation| (deviation.reason, deviation.count)).collect();
    assert_eq!(counts, expected);
}

/// What even IDNA2008 accepts is accepted when it has an A-label form; without one it has a dot at
/// the end or a label over 63 octets.
#[test]
fn vectors_accepted_by_unicode_17() {
    type Row = (String, Option<String>, Option<String>);
    let rows: Vec<Row> =
        serde_json::from_str(&read("unicode17-accepted.json")).expect("rows of three");
    assert_eq!(rows.len(), ACCEPTED);
    let mut accepted = 0;
    for (source, unicode, ascii) in rows {
        let mut canonical = String::new();
        let found = append(&source, &mut canonical).ok();
        assert_eq!(found, ascii.map(|ascii| ascii.len()), "{source:?}");
        if found.is_some() {
            accepted += 1;
            assert!(unicode.is_none_or(|unicode| unicode == canonical), "{source:?}");
        }
    }
    assert_eq!(accepted, ACCEPTED_WITH_A_LABELS);
}

/// Every accepted form is its own canonical form, and the A-labels of its vector are the same key.
#[test]
fn canonical_domains_are_stable() {
    let mut seen = 0;
    for line in read("IdnaTestV2-13.0.0.txt").lines().filter(|line| line.contains(';')) {
        if line.starts_with('#') {
            continue;
        }
        let vector = parse(line);
        let mut canonical = String::new();
        let Ok(ascii_bytes) = append(&vector.source, &mut canonical) else { continue };
        let spellings = [canonical.as_str(), vector.ascii.as_str()];
        for spelling in &spellings[..if vector.statuses.is_empty() { 2 } else { 1 }] {
            let mut again = String::new();
            assert_eq!(append(spelling, &mut again), Ok(ascii_bytes), "{:?}", vector.source);
            assert_eq!(again, canonical, "{:?}", vector.source);
        }
        seen += 1;
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn labels_that_are_a_labels_twice_are_refused() {
    for label in ["xn--xn---epa", "xn--xn--a-ecp", "xn--a", "xn--", "xn--a-", "xn--ls8h="] {
        let mut canonical = String::new();
        assert!(append(&format!("{label}.com"), &mut canonical).is_err(), "{label} {canonical}");
    }
}
