//! Addresses of every type: a canonical form is its own canonical form.

use _native::address::{BlockedSettings, BlockedValue, Rules, RulesSettings, normalize, type_name};
use _native::wire::v1::AddressType;

/// The first byte is the type, the second the rules of the space; text follows.
pub fn run(data: &[u8]) {
    let Some((&[kind, switches], text)) = data.split_first_chunk() else { return };
    let kind = AddressType::try_from(i32::from(kind % 12)).expect("there are twelve types");
    let value = String::from_utf8_lossy(text);
    let rules = rules(switches);
    let mut canonical = "former content".to_owned();
    let Ok(found) = normalize(&rules, kind, &value, &mut canonical) else {
        assert!(canonical.is_empty(), "a refused value leaves nothing");
        return;
    };
    assert!(kind == AddressType::Unspecified || kind == found);
    assert!(!canonical.is_empty());
    for again in [found, kind] {
        let mut twice = String::new();
        let outcome = normalize(&rules, again, &canonical, &mut twice);
        assert_eq!(outcome, Ok(found), "{} {canonical:?}", type_name(again));
        assert_eq!(twice, canonical, "{}", type_name(again));
    }
}

fn rules(switches: u8) -> Rules {
    let is_on = |bit: u8| switches & (1 << bit) != 0;
    let blocked = BlockedValue { kind: AddressType::Unspecified, value: "null".to_owned() };
    let settings = RulesSettings {
        default_region: is_on(0).then(|| if is_on(1) { "RU" } else { "US" }.to_owned()),
        phone_possible_is_enough: is_on(2),
        email_national_domains: !is_on(3),
        email_national_local_parts: !is_on(4),
        email_substitutes: false,
        blocked: BlockedSettings { values: vec![blocked], zero_phones: is_on(5) },
    };
    Rules::new(&settings).expect("the settings are good")
}

/// Values of each type.
pub fn seeds() -> Vec<Vec<u8>> {
    let values = [
        (0, "Anna@Example.com"),
        (0, "8 (912) 345-67-89"),
        (1, "\"a b\"@example.com"),
        (1, "анна.К@пример.рф"),
        (1, "a@xn--e1afmkfd.xn--p1ai"),
        (1, "Straße@FAẞ.de"),
        (2, "+7 912 345-67-89 ext. 5"),
        (3, "tel:+1-650-253-0000"),
        (4, "  A-1\u{a0}"),
        (5, "token"),
        (6, "0012345"),
        (7, "-100500"),
        (8, "٠٩١٢"),
        (9, "app"),
        (10, "55"),
        (11, "null"),
    ];
    let seed = |(kind, value): (u8, &str)| [&[kind, 0b0000_0011], value.as_bytes()].concat();
    values.map(seed).into()
}
