//! Every address type except the inside of e-mails and phones: recognition, limits, blocked values.

use _native::address::{
    BlockedSettings, BlockedValue, Rules, RulesSettings, looks_like_phone, normalize, type_name,
};
use _native::fault::Fault;
use _native::wire::v1::{AddressType as T, ErrorReason as R};

fn normalized(rules: &Rules, kind: T, value: &str) -> Result<(T, String), Fault> {
    let mut canonical = "left over".to_owned();
    let found = normalize(rules, kind, value, &mut canonical);
    assert!(found.is_ok() || canonical.is_empty(), "a fault leaves nothing: {value:?}");
    Ok((found?, canonical))
}

fn russian() -> RulesSettings {
    RulesSettings { default_region: Some("RU".to_owned()), ..RulesSettings::default() }
}

#[track_caller]
fn check(kind: T, value: &str, expected: Result<&str, R>) {
    let rules = Rules::new(&russian()).expect("right settings");
    let found = normalized(&rules, kind, value);
    if let Err(fault) = &found {
        assert_eq!(fault.details["type"], type_name(kind), "{value:?}");
    }
    let found = found.map_err(|fault| fault.reason);
    assert_eq!(found, expected.map(|canonical| (kind, canonical.to_owned())), "{kind:?} {value:?}");
    if let Ok((kind, canonical)) = found {
        let again = normalized(&rules, kind, &canonical);
        assert_eq!(again, Ok((kind, canonical)), "again {value:?}");
    }
}

#[test]
fn customer_ids() {
    let table = [
        ("A-17", Ok("A-17")),
        // Seed 002: only white space at the edges goes, case stays.
        ("\u{A0}\t test@test.RU\u{3000}\n", Ok("test@test.RU")),
        ("a  b", Ok("a  b")),
        ("a\u{0}\tb", Ok("a\u{0}\tb")),
        ("e\u{301}", Ok("e\u{301}")),
        ("\u{200B}", Ok("\u{200B}")),
        ("", Err(R::AddressEmpty)),
        (" \u{2028} ", Err(R::AddressEmpty)),
    ];
    for (value, expected) in table {
        check(T::Csid, value, expected);
    }
    let long = |bytes: usize| "x".repeat(bytes);
    check(T::Csid, &long(1024), Ok(&long(1024)));
    check(T::Csid, &format!(" {} ", long(1024)), Ok(&long(1024)));
    check(T::Csid, &long(1025), Err(R::AddressTooLong));
    check(T::Csid, &"я".repeat(512), Ok(&"я".repeat(512)));
    check(T::Csid, &"я".repeat(513), Err(R::AddressTooLong));
}

#[test]
fn tokens() {
    for kind in [T::Push, T::Pushapp, T::Umid] {
        let table = [
            ("  dGVz:APA91b-_= ", Ok("dGVz:APA91b-_=")),
            (
                r#"{"endpoint": "https://push.example/1"}"#,
                Ok(r#"{"endpoint": "https://push.example/1"}"#),
            ),
            ("", Err(R::AddressEmpty)),
            ("\t", Err(R::AddressEmpty)),
            ("a\tb", Err(R::AddressControlCharacter)),
            ("a\u{0}", Err(R::AddressControlCharacter)),
            ("a\u{7F}b", Err(R::AddressControlCharacter)),
            ("a\u{80}b", Err(R::AddressControlCharacter)),
            ("a\u{AD}b", Ok("a\u{AD}b")),
        ];
        for (value, expected) in table {
            check(kind, value, expected);
        }
        let long = |bytes: usize| "t".repeat(bytes);
        check(kind, &long(4096), Ok(&long(4096)));
        check(kind, &long(4097), Err(R::AddressTooLong));
        check(kind, &format!("{} ", long(4096)), Err(R::AddressTooLong));
    }
}

#[test]
fn numbers() {
    let table = [
        (T::Vk, " 42 ", Ok("42")),
        (T::Vk, "007", Ok("7")),
        (T::Vk, "0", Ok("0")),
        (T::Max, "000", Ok("0")),
        (T::Max, "18446744073709551615", Ok("18446744073709551615")),
        (T::Max, "99999999999999999999", Ok("99999999999999999999")),
        (T::Max, "100000000000000000000", Err(R::AddressTooLong)),
        (T::Max, "00000000000000000000000001", Ok("1")),
        (T::Vk, "-1", Err(R::AddressNotDigits)),
        (T::Vk, "+1", Err(R::AddressNotDigits)),
        (T::Vk, "id1", Err(R::AddressNotDigits)),
        (T::Vk, "1 2", Err(R::AddressNotDigits)),
        (T::Vk, "1.0", Err(R::AddressNotDigits)),
        (T::Vk, "٤٢", Err(R::AddressNotDigits)),
        (T::Vk, "４２", Err(R::AddressNotDigits)),
        (T::Vk, "1\u{0}", Err(R::AddressNotDigits)),
        (T::Vk, "", Err(R::AddressEmpty)),
        (T::Tg, "-1001234567890", Ok("-1001234567890")),
        (T::Tg, "-0042", Ok("-42")),
        (T::Tg, "-10", Ok("-10")),
        (T::Tg, "42", Ok("42")),
        (T::Tg, "-0", Err(R::AddressNotDigits)),
        (T::Tg, "-000", Err(R::AddressNotDigits)),
        (T::Tg, "-", Err(R::AddressNotDigits)),
        (T::Tg, "--1", Err(R::AddressNotDigits)),
        (T::Tg, "\u{2212}1", Err(R::AddressNotDigits)),
        (T::Tg, "- 1", Err(R::AddressNotDigits)),
        (T::Tg, "-99999999999999999999", Ok("-99999999999999999999")),
        (T::Tg, "-100000000000000000000", Err(R::AddressTooLong)),
    ];
    for (kind, value, expected) in table {
        check(kind, value, expected);
    }
}

#[test]
fn phones() {
    for kind in [T::Msisdn, T::Viber, T::Vknotify] {
        check(kind, " 8 (912) 123-45-67 ", Ok("+79121234567"));
        check(kind, "", Err(R::AddressEmpty));
        check(kind, &"1".repeat(4097), Err(R::AddressTooLong));
        check(kind, "no number", Err(R::PhoneNotANumber));
    }
}

#[test]
fn types_are_recognised() {
    let rules = Rules::new(&russian()).expect("right settings");
    let table = [
        ("Test@Test.RU", Ok((T::Email, "test@test.ru"))),
        ("8 (912) 123-45-67", Ok((T::Msisdn, "+79121234567"))),
        ("+7\u{A0}912\u{2011}123\u{2011}45\u{2011}67", Ok((T::Msisdn, "+79121234567"))),
        ("@", Err(R::EmailLocalEmpty)),
        ("A-17", Err(R::AddressTypeRequired)),
        ("1234", Err(R::AddressTypeRequired)),
        ("-1001234567890abc", Err(R::AddressTypeRequired)),
        ("", Err(R::AddressEmpty)),
        ("  ", Err(R::AddressEmpty)),
    ];
    for (value, expected) in table {
        let found = normalized(&rules, T::Unspecified, value).map_err(|fault| fault.reason);
        let expected = expected.map(|(kind, canonical)| (kind, canonical.to_owned()));
        assert_eq!(found, expected, "{value:?}");
    }
    let long = normalized(&rules, T::Unspecified, &"x".repeat(4097));
    assert_eq!(long.expect_err("too long").reason, R::AddressTooLong);
}

#[test]
fn phone_likeness() {
    let table = [
        ("12345", true),
        ("1234", false),
        ("01234567890123456789", true),
        ("012345678901234567890", false),
        ("+7 (912) 123-45.67/8", true),
        ("+7 +912 12345", false),
        ("7+91212345", false),
        ("\u{FF0B}7 912 1234567", true),
        ("8–912–1234567", true),
        ("8,9121234567", false),
        ("tel:+79121234567", false),
        ("+79121234567 ext. 5", false),
        ("8912123456A", false),
        ("٨٩١٢١٢٣", false),
        ("()-./+", false),
        ("", false),
    ];
    for (value, expected) in table {
        assert_eq!(looks_like_phone(value), expected, "{value:?}");
    }
}

fn blocking(values: &[(T, &str)], zero_phones: bool) -> Rules {
    let values = values
        .iter()
        .map(|(kind, value)| BlockedValue { kind: *kind, value: (*value).to_owned() })
        .collect();
    let blocked = BlockedSettings { values, zero_phones };
    Rules::new(&RulesSettings { blocked, ..russian() }).expect("right settings")
}

#[test]
fn blocked_values() {
    let rules = blocking(
        &[
            (T::Unspecified, "NULL"),
            (T::Unspecified, "Нет"),
            (T::Unspecified, "Test@Test.com"),
            (T::Email, "noreply@ТЕСТ.рф"),
            (T::Email, "n/a"),
            (T::Msisdn, "8 912 123-45-67"),
            (T::Csid, "Guest"),
            (T::Vk, "001"),
        ],
        false,
    );
    let table = [
        (T::Unspecified, " null ", true),
        (T::Email, "Null", true),
        (T::Msisdn, "null", true),
        (T::Csid, "NULL", true),
        (T::Csid, "null", true),
        (T::Csid, "nULL\n", true),
        (T::Csid, "nullable", false),
        (T::Push, "null", true),
        (T::Tg, "null", true),
        (T::Csid, "НЕТ", true),
        (T::Unspecified, "нет", true),
        (T::Email, "TEST@test.COM", true),
        (T::Unspecified, "\"test\"@test.com", true),
        (T::Email, "test@test.com.ru", false),
        (T::Csid, "TEST@test.com", true),
        (T::Email, "NoReply@xn--e1aybc.xn--p1ai", true),
        (T::Csid, "noreply@тест.рф", false),
        (T::Email, "N/A", true),
        (T::Csid, "N/A", false),
        (T::Msisdn, "+7 (912) 123 45 67", true),
        (T::Unspecified, "89121234567", true),
        (T::Viber, "+79121234567", false),
        (T::Csid, "Guest", true),
        (T::Csid, "guest", false),
        (T::Vk, "1", true),
        (T::Vk, "01", true),
        (T::Max, "1", false),
    ];
    for (kind, value, blocked) in table {
        let found = normalized(&rules, kind, value);
        let reason = found.as_ref().err().map(|fault| fault.reason);
        assert_eq!(reason == Some(R::AddressBlocked), blocked, "{kind:?} {value:?} {found:?}");
    }
    let fault = normalized(&rules, T::Unspecified, "test@test.com").expect_err("blocked");
    assert_eq!(fault.details["type"], "email");
}

#[test]
fn zero_phones() {
    let (on, off) = (blocking(&[], true), blocking(&[], false));
    let table = [
        (T::Msisdn, "+7 000 000-00-00", true),
        (T::Unspecified, "80000000000", true),
        (T::Viber, "000-000-00-00", true),
        (T::Vknotify, "0", true),
        (T::Msisdn, "+7 000 000-00-01", false),
        (T::Msisdn, "8 912 123-45-67", false),
        (T::Csid, "0000000000", false),
        (T::Vk, "00000", false),
    ];
    for (kind, value, blocked) in table {
        let is_blocked = |rules: &Rules| {
            normalized(rules, kind, value).is_err_and(|fault| fault.reason == R::AddressBlocked)
        };
        assert_eq!(is_blocked(&on), blocked, "{kind:?} {value:?}");
        assert!(!is_blocked(&off), "{kind:?} {value:?}");
    }
}

#[test]
fn wrong_settings() {
    let blocked = |value: &str, count: usize| {
        let value = BlockedValue { kind: T::Csid, value: value.to_owned() };
        let blocked = BlockedSettings { values: vec![value; count], zero_phones: false };
        RulesSettings { blocked, ..RulesSettings::default() }
    };
    let region = |code: &str| RulesSettings {
        default_region: Some(code.to_owned()),
        ..RulesSettings::default()
    };
    let table = [
        (region("Russia"), Some((R::FieldInvalid, "field", "default_region"))),
        (region(""), Some((R::FieldInvalid, "field", "default_region"))),
        (region("RU"), None),
        (blocked(" ", 1), Some((R::FieldInvalid, "field", "blocked.values[0]"))),
        (blocked(&"x".repeat(4096), 1), None),
        (blocked(&"x".repeat(4097), 1), Some((R::LimitExceeded, "limit", "blocked.values[0]"))),
        (blocked("x", 10_000), None),
        (blocked("x", 10_001), Some((R::LimitExceeded, "limit", "blocked.values"))),
    ];
    for (settings, expected) in table {
        let found = Rules::new(&settings).map(|_| ()).err();
        match expected {
            None => assert_eq!(found, None),
            Some((reason, name, value)) => {
                let fault = found.expect("a fault");
                assert_eq!((fault.reason, fault.details[name].as_str()), (reason, value));
            }
        }
    }
}
