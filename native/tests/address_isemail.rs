//! E-mail addresses against the vectors of isemail, every deviation with its reason.

use std::collections::BTreeMap;
use std::fs;

use _native::address::{Rules, RulesSettings, normalize};
use _native::wire::v1::{AddressType, ErrorReason};
use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/email-isemail/tests.json");

const VECTORS: usize = 164;

/// Vectors that zmey treats otherwise than their category says (`accepted_by_category`).
const DEVIATIONS: [(&str, bool, &[u32]); 7] = [
    ("refused: a top-level domain alone holds no mailbox of a person", false, &[5]),
    ("refused: IANA does not list the top-level domain", false, &[13, 33, 37, 38, 100]),
    ("refused: a name of no characters can only be an accident", false, &[43]),
    ("accepted: quoted pairs count once, as in the canonical form", true, &[60]),
    ("accepted: folding white space at the edges is trimmed", true, &[88, 89, 144, 148, 149]),
    ("accepted: white space at the edges is trimmed", true, &[153, 157, 158]),
    (
        "accepted: line ends at the edges are white space and trimmed",
        true,
        &[99, 127, 128, 132, 141, 142, 143, 145, 146, 147, 150, 151, 152, 154, 155, 156],
    ),
];

/// How many vectors are refused for each reason.
const REFUSED: [(ErrorReason, usize); 15] = [
    (ErrorReason::AddressEmpty, 1),
    (ErrorReason::AddressControlCharacter, 20),
    (ErrorReason::EmailNoAt, 3),
    (ErrorReason::EmailManyAt, 1),
    (ErrorReason::EmailLocalEmpty, 4),
    (ErrorReason::EmailLocalTooLong, 2),
    (ErrorReason::EmailLocalCharacter, 11),
    (ErrorReason::EmailLocalDot, 2),
    (ErrorReason::EmailLocalQuote, 12),
    (ErrorReason::EmailDomainEmpty, 1),
    (ErrorReason::EmailDomainLabel, 7),
    (ErrorReason::EmailDomainCharacter, 9),
    (ErrorReason::EmailDomainTooLong, 2),
    (ErrorReason::EmailDomainLiteral, 33),
    (ErrorReason::EmailTldUnknown, 10),
];

/// Whether zmey accepts what the category of a vector stands for: what is legal everywhere or needs
/// only the DNS to know better, and quoted strings. Comments, obsolete forms and address literals
/// are legal somewhere, but nobody's address in a list of members.
fn accepted_by_category(category: &str, diagnosis: &str) -> bool {
    matches!(category, "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN")
        || diagnosis == "ISEMAIL_RFC5321_QUOTEDSTRING"
}

#[test]
fn vectors_of_isemail() {
    let text = fs::read_to_string(FILE).expect("the vectors are in the repository");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("a list of vectors");
    assert_eq!(vectors.len(), VECTORS);
    let rules = Rules::new(&RulesSettings::default()).expect("the defaults are right");
    let mut refused = BTreeMap::new();
    for vector in &vectors {
        let field = |name: &str| vector[name].as_str().expect("a string");
        let id: u32 = field("id").parse().expect("a number");
        let deviation = DEVIATIONS.iter().find(|(_, _, ids)| ids.contains(&id));
        let by_category = accepted_by_category(field("category"), field("diagnosis"));
        let expected = deviation.map_or(by_category, |(_, accepted, _)| *accepted);
        assert!(deviation.is_none() || expected != by_category, "{id} is no deviation");
        let mut canonical = String::new();
        match normalize(&rules, AddressType::Email, field("address"), &mut canonical) {
            Ok(_) => assert!(expected, "{id} is accepted as {canonical:?}"),
            Err(fault) => {
                assert!(!expected, "{id} is refused: {fault}");
                *refused.entry(fault.reason).or_insert(0) += 1;
            }
        }
    }
    let expected = REFUSED.into_iter().collect();
    assert_eq!(refused, expected);
}
