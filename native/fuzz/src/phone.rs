//! Phone numbers dialled from any region: the canonical form is E.164 and its own canonical form.

use _native::phone::{Region, normalize};

/// Three of the country and 17 of the national number: the plan of Indonesia passes E.164's 15.
const DIGITS_MAX: usize = 20;

/// Two letters are the region, the next byte says how strict the plan is; text follows.
pub fn run(data: &[u8]) {
    let Some((&[first, second, strictness], text)) = data.split_first_chunk() else { return };
    let letter = |byte: u8| char::from(b'A' + byte % 26);
    let region = Region::parse(&String::from_iter([letter(first), letter(second)]));
    let possible_is_enough = strictness % 2 == 1;
    let value = String::from_utf8_lossy(text);
    let mut canonical = "former content".to_owned();
    if normalize(region, possible_is_enough, &value, &mut canonical).is_err() {
        return;
    }
    let digits = canonical.strip_prefix('+').expect("E.164 begins with a plus");
    assert!((1..=DIGITS_MAX).contains(&digits.len()), "{canonical}");
    assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{canonical}");
    for region in [region, None] {
        let mut twice = String::new();
        let outcome = normalize(region, possible_is_enough, &canonical, &mut twice);
        assert_eq!((outcome, &twice), (Ok(()), &canonical));
    }
}

/// Numbers as people write them in several countries.
pub fn seeds() -> Vec<Vec<u8>> {
    let values = [
        ("RU", "8 (912) 345-67-89"),
        ("US", "1-800-FLOWERS"),
        ("UA", "050 123 45 67"),
        ("NL", "06-12345678"),
        ("FR", "tel:06.12.34.56.78;phone-context=+33"),
        ("GB", "+44 (0) 20 7031 3000 x 456"),
        ("IT", "0039 02 1234567"),
        ("AR", "011 15-2312-3456"),
        ("MX", "044 55 1234 5678"),
        ("ZZ", "\u{ff0b}１ 650 253 0000"),
    ];
    let seed = |(region, value): (&str, &str)| {
        let letters: Vec<u8> = region.bytes().map(|byte| byte - b'A').collect();
        [&letters, &[0][..], value.as_bytes()].concat()
    };
    values.map(seed).into()
}
