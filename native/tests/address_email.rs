//! E-mail addresses: what becomes of every spelling, every fault and every limit at its edge.

use _native::address::{Rules, RulesSettings, normalize};
use _native::fault::Fault;
use _native::wire::v1::{AddressType, ErrorReason as R};

fn normalized(rules: &Rules, value: &str) -> Result<String, Fault> {
    let mut canonical = "left over".to_owned();
    let found = normalize(rules, AddressType::Email, value, &mut canonical);
    match found {
        Ok(kind) => {
            assert_eq!(kind, AddressType::Email, "{value:?}");
            Ok(canonical)
        }
        Err(fault) => {
            assert_eq!(canonical, "", "a fault leaves nothing: {value:?}");
            assert_eq!(fault.details["type"], "email", "{value:?}");
            Err(fault)
        }
    }
}

fn rules() -> Rules {
    Rules::new(&RulesSettings::default()).expect("the defaults are right")
}

#[track_caller]
fn check(value: &str, expected: Result<&str, R>) {
    let rules = rules();
    let found = normalized(&rules, value).map_err(|fault| fault.reason);
    assert_eq!(found.as_deref(), expected.as_ref().copied(), "{value:?}");
    if let Ok(canonical) = found {
        assert_eq!(normalized(&rules, &canonical), Ok(canonical.clone()), "again {value:?}");
    }
}

#[test]
fn spellings() {
    let table = [
        // Seed 002 writes these.
        ("test@test.RU", "test@test.ru"),
        ("проверка@тест.рф", "проверка@тест.рф"),
        ("企业@企业.企业", "企业@企业.企业"),
        // White space of Unicode at the edges, and case.
        ("\u{A0}\u{3000}\t John.Doe@Example.COM \r\n", "john.doe@example.com"),
        ("ПРОВЕРКА@ТЕСТ.РФ", "проверка@тест.рф"),
        ("K\u{212A}@x.com", "kk@x.com"),
        // Lower-casing may be longer than the capital, and sees the end of a word.
        ("\u{130}@x.com", "i\u{307}@x.com"),
        ("\u{23A}@x.com", "\u{2C65}@x.com"),
        ("ΝΙΚΟΣ@x.com", "νικος@x.com"),
        ("ΝΙΚΟΣ.ΝΙΚΟΣ@x.com", "νικος.νικος@x.com"),
        ("STRAẞE@x.com", "straße@x.com"),
        // Composed and decomposed characters are one.
        ("e\u{301}@x.com", "é@x.com"),
        ("E\u{301}@x.com", "é@x.com"),
        ("\u{1100}\u{1161}@x.com", "가@x.com"),
        // Domains by UTS 46 without transition: every spelling is one key, shown in Unicode.
        ("a@xn--e1aybc.xn--p1ai", "a@тест.рф"),
        ("a@XN--E1AYBC.Xn--P1aI", "a@тест.рф"),
        ("a@тест。рф", "a@тест.рф"),
        ("a@ｅｘａｍｐｌｅ．com", "a@example.com"),
        ("a@exa\u{AD}mple.com", "a@example.com"),
        ("a@faß.de", "a@faß.de"),
        ("a@FAẞ.de", "a@faß.de"),
        ("a@xn--fa-hia.de", "a@faß.de"),
        ("a@fass.de", "a@fass.de"),
        ("a@ΝΙΚΟΣ.gr", "a@νικοσ.gr"),
        ("a@νικος.gr", "a@νικος.gr"),
        ("a@bu\u{308}cher.de", "a@bücher.de"),
        ("a@r3---sn-abc.example.com", "a@r3---sn-abc.example.com"),
        // Quotes go where they are not needed, and stay with the fewest escapes where they are.
        (r#""John.Doe"@x.com"#, "john.doe@x.com"),
        (r#""\J\o\h\n"@x.com"#, "john@x.com"),
        (r#""J D"@x.com"#, r#""j d"@x.com"#),
        (r#""a@b"@x.com"#, r#""a@b"@x.com"#),
        (r#""a\@b"@x.com"#, r#""a@b"@x.com"#),
        (r#""a..b"@x.com"#, r#""a..b"@x.com"#),
        (r#"".a"@x.com"#, r#"".a"@x.com"#),
        (r#""\\\"(),:;<>[]"@x.com"#, r#""\\\"(),:;<>[]"@x.com"#),
        (r#"" "@x.com"#, r#"" "@x.com"#),
        (r#""Имя Отчество"@тест.рф"#, r#""имя отчество"@тест.рф"#),
        (r#""Имя"@тест.рф"#, "имя@тест.рф"),
        // Everything else is the mailbox's own: tags and dots are not removed.
        ("first.last+tag@gmail.com", "first.last+tag@gmail.com"),
        ("!#$%&'*+-/=?^_`{|}~@x.com", "!#$%&'*+-/=?^_`{|}~@x.com"),
        ("❤@x.com", "❤@x.com"),
    ];
    for (value, expected) in table {
        check(value, Ok(expected));
    }
}

/// What is refused, and why.
const FAULTS: &[(&str, R)] = &[
    ("", R::AddressEmpty),
    (" \u{2003}\n", R::AddressEmpty),
    ("a\u{0}@x.com", R::AddressControlCharacter),
    ("a@x\u{7F}.com", R::AddressControlCharacter),
    ("a\u{85}b@x.com", R::AddressControlCharacter),
    ("\u{9B}a@x.com", R::AddressControlCharacter),
    ("user.example.com", R::EmailNoAt),
    ("user＠example.com", R::EmailNoAt),
    (r#""user""#, R::EmailNoAt),
    (r#""us@er""#, R::EmailNoAt),
    ("a@b@x.com", R::EmailManyAt),
    (r#""a"@b@x.com"#, R::EmailManyAt),
    ("@x.com", R::EmailLocalEmpty),
    (r#"""@x.com"#, R::EmailLocalEmpty),
    ("a b@x.com", R::EmailLocalCharacter),
    ("(comment)a@x.com", R::EmailLocalCharacter),
    ("John <a@x.com>", R::EmailLocalCharacter),
    ("a\\b@x.com", R::EmailLocalCharacter),
    ("a\u{A0}b@x.com", R::EmailLocalCharacter),
    ("a\u{200B}b@x.com", R::EmailLocalCharacter),
    ("\u{FEFF}a@x.com", R::EmailLocalCharacter),
    ("a\u{202E}b@x.com", R::EmailLocalCharacter),
    ("\u{301}a@x.com", R::EmailLocalCharacter),
    ("a\u{FFFD}@x.com", R::EmailLocalCharacter),
    ("\u{E000}@x.com", R::EmailLocalCharacter),
    ("\u{378}@x.com", R::EmailLocalCharacter),
    ("a\u{37E}b@x.com", R::EmailLocalCharacter),
    ("\"a\u{A0}b\"@x.com", R::EmailLocalCharacter),
    (".a@x.com", R::EmailLocalDot),
    ("a.@x.com", R::EmailLocalDot),
    ("a..b@x.com", R::EmailLocalDot),
    ("я..я@x.com", R::EmailLocalDot),
    (r#""a@x.com"#, R::EmailLocalQuote),
    (r#""a"b@x.com"#, R::EmailLocalQuote),
    (r#"a"b"@x.com"#, R::EmailLocalQuote),
    (r#""a".b@x.com"#, R::EmailLocalQuote),
    (r#""a\"@x.com"#, R::EmailLocalQuote),
    (r#""\я"@x.com"#, R::EmailLocalQuote),
    ("a@", R::EmailDomainEmpty),
    ("a@\u{AD}", R::EmailDomainEmpty),
    ("a@x..com", R::EmailDomainLabel),
    ("a@.x.com", R::EmailDomainLabel),
    ("a@x.com.", R::EmailDomainLabel),
    ("a@-x.com", R::EmailDomainLabel),
    ("a@x-.com", R::EmailDomainLabel),
    ("a@xn--.com", R::EmailDomainLabel),
    ("a@-я.рф", R::EmailDomainLabel),
    ("a@я-.рф", R::EmailDomainLabel),
    ("a@я。。рф", R::EmailDomainLabel),
    ("a@ex ample.com", R::EmailDomainCharacter),
    ("a@ex_ample.com", R::EmailDomainCharacter),
    ("a@x.com(comment)", R::EmailDomainCharacter),
    ("a@x.com, b", R::EmailDomainCharacter),
    ("a@я_я.рф", R::EmailDomainCharacter),
    ("a@x\u{202E}.com", R::EmailDomainCharacter),
    ("a@\u{301}a.com", R::EmailDomainCharacter),
    ("a@xn--a.com", R::EmailDomainCharacter),
    ("a@àא.com", R::EmailDomainCharacter),
    ("a@a\u{200D}b.com", R::EmailDomainCharacter),
    ("a@x.℀.com", R::EmailDomainCharacter),
    ("a@[127.0.0.1]", R::EmailDomainLiteral),
    ("a@[IPv6:::1]", R::EmailDomainLiteral),
    ("a@[", R::EmailDomainLiteral),
    ("a@localhost", R::EmailTldUnknown),
    ("a@ru", R::EmailTldUnknown),
    ("a@рф", R::EmailTldUnknown),
    ("a@printer.local", R::EmailTldUnknown),
    ("a@x.test", R::EmailTldUnknown),
    ("a@127.0.0.1", R::EmailTldUnknown),
    ("a@тест.рфф", R::EmailTldUnknown),
];

#[test]
fn faults() {
    for &(value, reason) in FAULTS {
        check(value, Err(reason));
    }
}

#[test]
fn limits() {
    let local = |bytes: usize| format!("{}@x.com", "a".repeat(bytes));
    check(&local(64), Ok(&local(64)));
    check(&local(65), Err(R::EmailLocalTooLong));
    let national = |letters: usize| format!("{}@x.com", "я".repeat(letters));
    check(&national(32), Ok(&national(32)));
    check(&national(33), Err(R::EmailLocalTooLong));
    // Quotes count where they stay.
    let quoted = |bytes: usize| format!("\"{} \"@x.com", "a".repeat(bytes - 3));
    check(&quoted(64), Ok(&quoted(64)));
    check(&quoted(65), Err(R::EmailLocalTooLong));
    let dropped = |bytes: usize| format!("\"{}\"@x.com", "a".repeat(bytes));
    check(&dropped(64), Ok(&local(64)));
    check(&dropped(65), Err(R::EmailLocalTooLong));
    // The canonical form counts: three bytes of a Kelvin sign are one of k.
    check(&format!("{}@x.com", "\u{212A}".repeat(64)), Ok(&format!("{}@x.com", "k".repeat(64))));
    check(&format!("{}@x.com", "\u{212A}".repeat(65)), Err(R::EmailLocalTooLong));
    check(&format!("{}@x.com", "\u{212A}".repeat(171)), Err(R::EmailLocalTooLong));

    let label = |bytes: usize| format!("a@{}.com", "b".repeat(bytes));
    check(&label(63), Ok(&label(63)));
    check(&label(64), Err(R::EmailDomainLabel));
    // "xn--" and its digits count: 55 letters of one kind need 63 octets.
    let national = |letters: usize| format!("a@{}.рф", "я".repeat(letters));
    let longest = (1..64).rev().find(|letters| normalized(&rules(), &national(*letters)).is_ok());
    let longest = longest.expect("one letter is fine");
    assert_eq!(idna_bytes(&"я".repeat(longest)), 63);
    check(&national(longest + 1), Err(R::EmailDomainLabel));
    check(&national(500), Err(R::EmailDomainLabel));
    check(&national(600), Err(R::EmailDomainTooLong));
}

fn idna_bytes(label: &str) -> usize {
    idna::domain_to_ascii(label).expect("a valid label").len()
}

/// A domain of exactly so many octets in labels of at most 50.
fn domain(bytes: usize) -> String {
    let mut domain = ".com".to_owned();
    while domain.len() < bytes {
        let rest = bytes - domain.len();
        let dot = usize::from(rest > 50);
        let label = "d".repeat(rest.min(50) - dot);
        domain.insert_str(0, &label);
        if dot == 1 {
            domain.insert(0, '.');
        }
    }
    assert_eq!(domain.len(), bytes);
    domain
}

#[test]
fn total_limits() {
    let address = |total: usize| format!("a@{}", domain(total - 2));
    check(&address(254), Ok(&address(254)));
    check(&address(255), Err(R::AddressTooLong));
    let fault = normalized(&rules(), &address(255)).expect_err("one octet too long");
    assert_eq!(fault.details["max_bytes"], "254");
    assert_eq!(fault.details["actual_bytes"], "255");
    // A domain of 253 octets is legal, but no address fits around it; with 254 it is the fault.
    check(&format!("a@{}", domain(253)), Err(R::AddressTooLong));
    check(&format!("a@{}", domain(254)), Err(R::EmailDomainTooLong));
    // Both spellings count. Chinese is shorter in A-labels than in UTF-8 ...
    let chinese = |labels: usize| format!("a@{}com", "企业企业企业企业企业企业.".repeat(labels));
    assert_eq!(chinese(6).len(), 2 + 6 * 37 + 3);
    check(&chinese(6), Ok(&chinese(6)));
    check(&chinese(7), Err(R::AddressTooLong));
    // ... and single letters of an alphabet are shorter in UTF-8.
    let single = |local: &str, labels: usize| format!("{local}@{}com", "я.".repeat(labels));
    assert_eq!(single("aa", 31).len(), 99);
    check(&single("aa", 31), Ok(&single("aa", 31)));
    check(&single("aaa", 31), Err(R::AddressTooLong));
    check(&single("a", 32), Err(R::EmailDomainTooLong));
    // The bound of any value comes first.
    let padded = |bytes: usize| format!("{:bytes$}", "a@x.com");
    check(&padded(4096), Ok("a@x.com"));
    check(&padded(4097), Err(R::AddressTooLong));
}

#[test]
fn unknown_top_level_domains_are_named() {
    let table = [("a@x.local", Some("local")), ("a@x.Тест", Some("xn--e1aybc")), ("a@x", None)];
    for (value, tld) in table {
        let fault = normalized(&rules(), value).expect_err(value);
        assert_eq!(fault.details.get("tld").map(String::as_str), tld, "{value}");
    }
}

#[test]
fn national_switches() {
    let settings = RulesSettings::default();
    let no_domains = RulesSettings { email_national_domains: false, ..settings.clone() };
    let no_locals = RulesSettings { email_national_local_parts: false, ..settings };
    let table: [(&RulesSettings, &str, Result<&str, R>); 9] = [
        (&no_domains, "я@x.com", Ok("я@x.com")),
        (&no_domains, "a@тест.рф", Err(R::EmailDomainNotAscii)),
        (&no_domains, "a@xn--e1aybc.xn--p1ai", Err(R::EmailDomainNotAscii)),
        (&no_domains, "a@ｘ.com", Ok("a@x.com")),
        (&no_locals, "я@x.com", Err(R::EmailLocalNotAscii)),
        (&no_locals, "\"я я\"@x.com", Err(R::EmailLocalNotAscii)),
        (&no_locals, "\u{212A}@x.com", Ok("k@x.com")),
        (&no_locals, "a@тест.рф", Ok("a@тест.рф")),
        (&no_locals, "a@xn--e1aybc.xn--p1ai", Ok("a@тест.рф")),
    ];
    for (settings, value, expected) in table {
        let rules = Rules::new(settings).expect("right settings");
        let found = normalized(&rules, value).map_err(|fault| fault.reason);
        assert_eq!(found.as_deref(), expected.as_ref().copied(), "{value}");
    }
}

#[test]
fn look_alikes_stay_distinct() {
    let groups = [
        ["a@x.com", "а@x.com", "α@x.com", "ａ@x.com", "ɑ@x.com"],
        ["o@x.com", "о@x.com", "ο@x.com", "0@x.com", "օ@x.com"],
        ["a@apple.com", "a@аpple.com", "a@applе.com", "a@xn--pple-43d.ru", "a@αpple.com"],
        ["ss@x.com", "ß@x.com", "ſs@x.com", "ꜱs@x.com", "ѕs@x.com"],
    ];
    for group in groups {
        let mut keys: Vec<_> =
            group.iter().map(|value| normalized(&rules(), value).expect(value)).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), group.len(), "{group:?}");
    }
}

#[test]
fn faults_do_not_repeat_the_address() {
    let values =
        ["secretname", "secretname@", "secret name@x.com", "secretname@x_y.com", "secretname@x.zz"];
    for value in values {
        let fault = normalized(&rules(), value).expect_err(value);
        assert!(!format!("{fault:?}").contains("secret"), "{fault:?}");
    }
}
