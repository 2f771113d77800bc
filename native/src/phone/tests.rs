//! Tables of what people write and what it means. The comparison with `phonenumbers` itself, over
//! all regions, is `tests/test_phone_oracle.py`.

use super::PhoneFault::{CountryUnknown, Extension, NotANumber, NotInPlan, TooLong, TooShort};
use super::{PhoneFault, Region, normalize};

type Expected = Result<&'static str, PhoneFault>;

#[track_caller]
fn check(region: &str, value: &str, expected: Expected) {
    check_strictness(region, false, value, expected);
}

#[track_caller]
fn check_strictness(region: &str, possible_is_enough: bool, value: &str, expected: Expected) {
    let mut canonical = "former content".to_owned();
    let result = normalize(Region::parse(region), possible_is_enough, value, &mut canonical);
    let written = expected.unwrap_or_default();
    assert_eq!((result, canonical.as_str()), (expected.map(|_| ()), written), "{region} {value:?}");
}

#[track_caller]
fn check_all(region: &str, canonical: &'static str, values: &[&str]) {
    for value in values {
        check(region, value, Ok(canonical));
    }
}

#[test]
fn spellings_in_russia() {
    let mobile = [
        "8 (912) 345-67-89",
        "+7 912 345 67 89",
        "+7(912)3456789.",
        "89123456789",
        "79123456789",
        "9123456789",
        "8-912-345-67-89",
        "+7\u{A0}912\u{A0}345\u{2013}67\u{2013}89",
        "тел. +7 912 345 67 89",
    ];
    check_all("RU", "+79123456789", &mobile);
    check_all("RU", "+74951234567", &["(495) 123-45-67", "8 495 123 45 67"]);
    check_all("RU", "+78005553535", &["8 800 555-35-35", "+7 800 5553535"]);
    check_all("RU", "+77172123456", &["+7 (7172) 12-34-56", "8 7172 123456"]);
    check_all("RU", "+442070313000", &["8~10 44 20 7031 3000", "810442070313000"]);
}

#[test]
fn spellings_in_north_america() {
    let plain = ["(415) 555-2671", "415.555.2671", "1-415-555-2671", "+1 415 555 2671"];
    check_all("US", "+14155552671", &plain);
    check_all("US", "+18003569377", &["1-800-FLOWERS", "1 800 flowers", "800 FLOWERS"]);
    check_all("US", "+442070313000", &["011 44 20 7031 3000", "0114420 7031 3000"]);
    check_all("JM", "+18765550123", &["876 555 0123", "1 876 555 0123", "+1 876 555 0123"]);
    // Antigua writes its own area code in front of local numbers.
    check_all("AG", "+12684641234", &["464 1234", "268 464 1234"]);
    check("JM", "555 0123", Err(TooShort));
}

#[test]
fn spellings_in_ukraine_netherlands_and_france() {
    let ukraine =
        ["067 123 45 67", "(067) 123-45-67", "+380 67 123 45 67", "380671234567", "00380671234567"];
    check_all("UA", "+380671234567", &ukraine);
    let netherlands = ["06 12345678", "06-12345678", "+31 (0)6 12345678", "0031612345678"];
    check_all("NL", "+31612345678", &netherlands);
    check_all("NL", "+31612345678", &["612345678", "31612345678"]);
    let france = ["06 12 34 56 78", "06.12.34.56.78", "+33 (0)6 12 34 56 78", "336 12 34 56 78"];
    check_all("FR", "+33612345678", &france);
    check_all("FR", "+33142685300", &["01 42 68 53 00", "0033142685300"]);
}

#[test]
fn italian_zeros_belong_to_the_number() {
    let fixed = ["06 1234 5678", "+39 06 1234 5678", "0039 06 12345678", "39 06 12345678"];
    check_all("IT", "+390612345678", &fixed);
    check_all("IT", "+393123456789", &["312 345 6789", "+39 312 345 6789"]);
}

#[test]
fn numbers_are_rewritten_where_plans_ask() {
    let mobile = [
        "011 15 2345 6789",
        "(011) 15-2345-6789",
        "+54 9 11 2345 6789",
        "9 11 2345 6789",
        "0 11 15 2345 6789",
    ];
    check_all("AR", "+5491123456789", &mobile);
    check_all("AR", "+541123456789", &["011 2345-6789", "+54 11 2345 6789"]);
    check_all("AR", "+5493435551212", &["0343 15 555 1212", "54 0343 15 555 1212"]);
    let mexico = ["55 1234 5678", "+52 55 1234 5678", "00 52 55 1234 5678"];
    check_all("MX", "+525512345678", &mexico);
    let brazil = ["(11) 96123-4567", "011 96123 4567", "0 15 11 96123-4567", "0xx11 96123 4567"];
    check_all("BR", "+5511961234567", &brazil);
    check_all("BR", "+551123456789", &["90 21 11 2345 6789", "11 2345-6789"]);
    check_all("GA", "+24106031234", &["06 03 12 34", "+241 06 03 12 34"]);
    // Two branches of Jersey's prefix match this: a local number, preferred, and a carrier.
    check("JE", "180020", Ok("+441534180020"));
}

#[test]
fn other_scripts_and_telephone_uris() {
    let values = [
        "＋４４　２０７０３１３０００",
        "٠٢٠٧٠٣١٣٠٠٠",
        "020\u{A0}7031\u{2011}3000",
        "tel:2070313000;phone-context=+44",
        "tel:020-7031-3000;phone-context=example.com",
        "tel:+44-20-7031-3000;isub=12345",
        "(020) 7031 3000 / x123",
        "+0044 20 7031 3000",
    ];
    check_all("GB", "+442070313000", &values);
    check("GB", "tel:2070313000;phone-context=", Err(NotANumber));
    check("GB", "tel:2070313000;phone-context=-a.com", Err(NotANumber));
}

#[test]
fn every_extension_is_refused() {
    let spelled = [
        "ext. 5",
        " доб. 5",
        " ДОБ 5",
        ";ext=5",
        ",,5",
        ";5",
        ",5",
        " x5",
        " #5",
        " - 5#",
        " int 5",
        " anexo: 5",
        " extensión 5",
        " extensio\u{301}n 5",
        " ｅｘｔ５",
        " xtn 5",
        ",:5",
        "~5",
    ];
    for extension in spelled {
        check("RU", &format!("+7 912 345 67 89{extension}"), Err(Extension));
    }
    // The longest extension behind each kind of label, and one digit more.
    for (label, digits_max) in [("ext", 20), (";ext=", 20), (";", 15), (",,", 15), ("x", 9)] {
        let longest = format!("+7 912 345 67 89{label}{}", "5".repeat(digits_max));
        check("RU", &longest, Err(Extension));
        let longer = format!("{longest}5");
        let is_vanity_text = label.chars().all(char::is_alphabetic);
        check("RU", &longer, Err(if is_vanity_text { TooLong } else { NotANumber }));
    }
    check("RU", "+7 912 345 67 - 666666#", Err(Extension));
    check("RU", "+7 912 345 67 - 7777777#", Err(NotANumber));
}

#[test]
fn every_fault() {
    let rows = [
        ("RU", "", NotANumber),
        ("RU", "hello", NotANumber),
        ("RU", "+", NotANumber),
        ("RU", "1", NotANumber),
        ("RU", "8 912 345 67 89 (Иван)", NotANumber),
        ("GB", "020 7031 3000, 020 7031 3001", NotANumber),
        ("", "89123456789", CountryUnknown),
        ("", "79123456789", CountryUnknown),
        ("RU", "+8 912 345 67 89", CountryUnknown),
        ("RU", "+999 123 45 67", CountryUnknown),
        ("", "+0044 20 7031 3000", CountryUnknown),
        ("US", "011 999 123 4567", CountryUnknown),
        ("US", "253-0000", TooShort),
        ("RU", "+7 912", TooShort),
        ("RU", "8", NotANumber),
        ("RU", "15", TooShort),
        ("US", "011 44", TooShort),
        ("US", "+1 415 555 2671 0", TooLong),
        // Russia has numbers of 10 and of 14 digits.
        ("RU", "+7 912 345 67 890", NotInPlan { country_code: 7 }),
        ("RU", "+7 912 345 67 890 1234", TooLong),
        ("RU", "8 012 345 67 89", NotInPlan { country_code: 7 }),
        ("US", "(310) 1xx-xxxx", NotInPlan { country_code: 1 }),
    ];
    for (region, value, fault) in rows {
        check(region, value, Err(fault));
    }
}

#[test]
fn a_number_that_names_its_country_needs_no_region() {
    let rows = [
        ("+7 912 345 67 89", "+79123456789"),
        ("tel:+1-415-555-2671", "+14155552671"),
        ("＋31612345678", "+31612345678"),
        ("+800 1234 5678", "+80012345678"),
    ];
    for (value, canonical) in rows {
        check("", value, Ok(canonical));
    }
}

#[test]
fn possible_numbers_have_a_length_of_the_plan() {
    let rows: [(&str, &str, Expected); 10] = [
        // Russia has numbers of 10 and of 14 digits, and of 7 within an area.
        ("RU", "+7 012 345 67 8", Err(TooShort)),
        ("RU", "+7 012 345 67 89", Ok("+70123456789")),
        ("RU", "+7 012 345 67 890", Err(NotInPlan { country_code: 7 })),
        ("RU", "+7 012 345 67 890 123", Ok("+701234567890123")),
        ("RU", "+7 012 345 67 890 1234", Err(TooLong)),
        ("RU", "8 012 345 67 89", Ok("+70123456789")),
        ("US", "(310) 155-0000", Ok("+13101550000")),
        // Numbers of an area are possible, as libphonenumber says.
        ("US", "253-0000", Ok("+12530000")),
        // Each reading takes a zero for the national prefix.
        ("AR", "+5400153542155", Ok("+540153542155")),
        ("AR", "+540153542155", Ok("+540153542155")),
    ];
    for (region, value, expected) in rows {
        check_strictness(region, true, value, expected);
    }
}

#[test]
fn bounds_of_length() {
    let number = "+79123456789";
    let padded = |length: usize| format!("{number}{}", " ".repeat(length - number.len()));
    check("RU", &padded(250), Ok(number));
    check("RU", &padded(251), Err(TooLong));
    // The bound counts characters, not bytes.
    let wide = |length: usize| format!("{number}{}", "\u{3000}".repeat(length - number.len()));
    check("RU", &wide(250), Ok(number));
    check("RU", &wide(251), Err(TooLong));
    check("RU", &"9".repeat(1_000_000), Err(TooLong));
    // Two digits are a number only if nothing else is there.
    check("RU", "15", Err(TooShort));
    check("RU", "1-5", Err(NotANumber));
    check("RU", "1-5-0", Err(TooShort));
}

#[test]
fn regions_are_two_letters_in_either_case() {
    for code in ["RU", "ru", "Ru", "US", "AC", "ZW"] {
        assert!(Region::parse(code).is_some(), "{code}");
    }
    assert_eq!(Region::parse("gb"), Region::parse("GB"));
    for code in ["", "R", "RUS", "ZZ", "AQ", "001", "R1", "РУ", "\u{20AC}"] {
        assert_eq!(Region::parse(code), None, "{code}");
    }
}
