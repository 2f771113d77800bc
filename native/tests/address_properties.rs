//! What holds for every address: canonical forms are stable, and no input costs more than its
//! length.

use _native::address::{Rules, RulesSettings, normalize};
use _native::wire::v1::AddressType as T;
use proptest::prelude::*;

/// The types whose canonical form this module makes itself.
const KINDS: [T; 8] = [T::Email, T::Csid, T::Push, T::Pushapp, T::Umid, T::Vk, T::Tg, T::Max];

fn rules() -> Rules {
    Rules::new(&RulesSettings::default()).expect("the defaults are right")
}

/// Normalises twice; says whether the value was accepted.
fn is_stable(rules: &Rules, kind: T, value: &str) -> bool {
    let (mut once, mut twice) = (String::new(), String::new());
    if normalize(rules, kind, value, &mut once).is_err() {
        return false;
    }
    assert_eq!(normalize(rules, kind, &once, &mut twice), Ok(kind), "{value:?} {once:?}");
    assert_eq!(once, twice, "{value:?}");
    true
}

/// Every character of Unicode, alone, inside and at the end of a local part, in and out of quotes,
/// and in a domain.
#[test]
fn every_character_is_stable() {
    let rules = rules();
    let mut accepted = 0_u32;
    for character in '\0'..=char::MAX {
        let values = [
            format!("{character}@x.com"),
            format!("a{character}b.c{character}@x.com"),
            format!("\"a {character}\"@x.com"),
            format!("a@{character}.com"),
            format!("a@b{character}c.{character}d.com"),
        ];
        for value in values {
            accepted += u32::from(is_stable(&rules, T::Email, &value));
        }
    }
    assert!(accepted > 500_000, "{accepted}");
}

/// Pieces with which the rules have something to do.
fn piece() -> impl Strategy<Value = String> {
    let special = [
        "a", "B", "9", ".", "-", "_", "@", "\"", "\\", "\\\"", " ", "(", "[", "xn--", "XN--",
        "com", ".рф", "Σ", "ς", "σ", "\u{130}", "\u{307}", "\u{301}", "\u{345}", "\u{338}", "=",
        "ß", "ẞ", "\u{212A}", "\u{AD}", "\u{200C}", "\u{200D}", "\u{1100}", "\u{1161}", "\u{11A8}",
        "か", "\u{3099}", "א", "ا", "ǅ", "ﬀ", "。", "ｘ", "企业", "\u{A7DD}",
    ];
    prop_oneof![
        8 => proptest::sample::select(special.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

fn pieces(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..most).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn emails_of_pieces_are_stable(
        local in pieces(8),
        domain in pieces(6),
        quoted in any::<bool>(),
    ) {
        let quote = if quoted { "\"" } else { "" };
        is_stable(&rules(), T::Email, &format!("{quote}{local}{quote}@{domain}.com"));
    }

    #[test]
    fn arbitrary_values_are_stable(value in any::<String>(), number in "-?[0-9]{0,25}") {
        let rules = rules();
        for kind in KINDS {
            is_stable(&rules, kind, &value);
            is_stable(&rules, kind, &number);
        }
    }

    #[test]
    fn case_and_equivalence_do_not_matter(
        local in "[a-zа-яα-ρτ-ωäéß.]{1,20}",
        domain in "[a-zа-яä]{1,10}",
    ) {
        let rules = rules();
        let value = format!("{local}@{domain}.com");
        let mut expected = String::new();
        let found = normalize(&rules, T::Email, &value, &mut expected);
        // Upper-casing ß makes two letters, which are another mailbox.
        let upper = if value.contains('ß') { value.clone() } else { value.to_uppercase() };
        let decomposed: String =
            unicode_normalization::UnicodeNormalization::nfd(value.as_str()).collect();
        for spelling in [upper, decomposed, format!("\u{3000}{value}\n")] {
            let mut canonical = String::new();
            let again = normalize(&rules, T::Email, &spelling, &mut canonical);
            prop_assert_eq!(again.is_ok(), found.is_ok());
            prop_assert_eq!(&canonical, &expected);
        }
    }
}
