//! The type of dates and the expressions of `current`.

use _native::datakey::{CopySource, apply_all};
use _native::fault::Result;
use _native::wire::v1::DatakeyChange;
use _native::wire::v1::ErrorReason::{DatakeyDateInvalid, DatakeyTypeUnknown};
use proptest::prelude::*;

use crate::support::{apply_from, change, compile, date_change, moment, other};

/// The value that a JSON value becomes, in a time zone.
fn written(zone: &str, date_type: &str, value: &str) -> Result<String> {
    let changes = compile(&[date_change(date_type, value)])?;
    let outcome = apply_all("{}", &changes, CopySource::Itself, &moment(zone))?;
    let text = outcome.text.unwrap();
    Ok(text["{\"a\":".len()..text.len() - 1].to_owned())
}

fn check(rows: &[(&str, &str, Option<&str>)]) {
    for (date_type, value, expected) in rows {
        let actual = written("UTC", date_type, &format!("\"{value}\""));
        match expected {
            Some(expected) => assert_eq!(actual.unwrap(), format!("\"{expected}\""), "{value}"),
            None => assert_eq!(actual.unwrap_err().reason, DatakeyDateInvalid, "{value}"),
        }
    }
}

#[test]
fn types() {
    // Absent and empty: no checks.
    assert_eq!(written("UTC", "", "\"current\"").unwrap(), "\"current\"");
    // dt is short for dt:Ys.
    check(&[
        ("dt", "1971-5-4 3:2:1", Some("1971-05-04 03:02:01")),
        ("dt:Ys", "1971-5-4 3:2:1", Some("1971-05-04 03:02:01")),
    ]);
    // Every range from L to R, and none where R is coarser.
    let letters = ['Y', 'M', 'D', 'h', 'm', 's'];
    for (from, coarse) in letters.iter().enumerate() {
        for (to, fine) in letters.iter().enumerate() {
            let result = written("UTC", &format!("dt:{coarse}{fine}"), "\"current\"");
            assert_eq!(result.is_ok(), from <= to, "dt:{coarse}{fine}");
        }
    }
    for other in
        ["int", "DT", "dt:", "dt:Y", "dt:sY", "dt:Yss", "dt:ys", "dt:YX", " dt", "date", "null"]
    {
        assert_eq!(
            written("UTC", other, "\"1\"").unwrap_err().reason,
            DatakeyTypeUnknown,
            "{other}"
        );
    }
}

#[test]
fn ranges() {
    check(&[
        ("dt:YY", "1971", Some("1971")),
        ("dt:YM", "1971-5", Some("1971-05")),
        ("dt:YD", "1971-5-04", Some("1971-05-04")),
        ("dt:Yh", "1971-5-4 3", Some("1971-05-04 03")),
        ("dt:Ym", "1971-5-4 3:2", Some("1971-05-04 03:02")),
        ("dt:Mh", "5-4 3", Some("05-04 03")),
        ("dt:MD", "12-31", Some("12-31")),
        ("dt:DD", "31", Some("31")),
        ("dt:Dm", "1 2:3", Some("01 02:03")),
        ("dt:hs", "3:2:1", Some("03:02:01")),
        ("dt:hm", "23:59", Some("23:59")),
        ("dt:ss", "0", Some("00")),
        // Other parts than those of the type are refused.
        ("dt:YD", "1971-05-04 03:02:01", None),
        ("dt:Ys", "1971-05-04", None),
        ("dt:hs", "1971-05-04 03:02:01", None),
    ]);
}

#[test]
fn spelling() {
    check(&[
        ("dt:YD", " 1971-5-4\\n", Some("1971-05-04")),
        ("dt:YD", "", None),
        ("dt:YD", "-", None),
        // The year always has four digits.
        ("dt:YD", "71-05-04", None),
        ("dt:YD", "01971-05-04", None),
        // The others have one or two.
        ("dt:YD", "1971-005-04", None),
        ("dt:YD", "1971--04", None),
        ("dt:YD", "1971-05-", None),
        ("dt:YD", "1971.05.04", None),
        ("dt:YD", "1971/05/04", None),
        ("dt:YD", "1971- 5-4", None),
        ("dt:YD", "١٩٧١-05-04", None),
        ("dt:YD", "+971-05-04", None),
        ("dt", "1971-05-04T03:02:01", None),
        ("dt", "1971-05-04  03:02:01", None),
        ("dt", "1971-05-04 03:02:01Z", None),
        ("dt", "1971-05-04 03:02:01.5", None),
        ("dt", "1971-05-04 03-02-01", None),
    ]);
}

#[test]
fn impossible_dates() {
    check(&[
        ("dt:YD", "2024-02-29", Some("2024-02-29")),
        ("dt:YD", "2000-02-29", Some("2000-02-29")),
        ("dt:YD", "2023-02-29", None),
        ("dt:YD", "1900-02-29", None),
        ("dt:YD", "2024-02-30", None),
        ("dt:YD", "2024-04-31", None),
        ("dt:YD", "2024-13-01", None),
        ("dt:YD", "2024-00-01", None),
        ("dt:YD", "2024-01-00", None),
        ("dt:YD", "2024-01-32", None),
        ("dt:YD", "0000-01-01", None),
        ("dt:YD", "0001-01-01", Some("0001-01-01")),
        ("dt:YD", "9999-12-31", Some("9999-12-31")),
        // Without a year February may have 29 days, without a month a day may be 31.
        ("dt:MD", "02-29", Some("02-29")),
        ("dt:MD", "02-30", None),
        ("dt:MD", "06-31", None),
        ("dt:Dh", "31 00", Some("31 00")),
        ("dt:Dh", "32 00", None),
        ("dt:hs", "24:00:00", None),
        ("dt:hs", "23:60:00", None),
        ("dt:hs", "23:59:60", None),
    ]);
    // A date is a JSON string.
    for value in ["20240101", "null", "[\"2024-01-01\"]", "{}", "true"] {
        assert_eq!(written("UTC", "dt:YD", value).unwrap_err().reason, DatakeyDateInvalid);
    }
}

#[test]
fn current() {
    // The moment is 2026-05-29 21:04:05 UTC.
    check(&[
        ("dt", "current", Some("2026-05-29 21:04:05")),
        ("dt", "current - 1 month", Some("2026-04-29 21:04:05")),
        ("dt", "current:YD + 25 days", Some("2026-06-23")),
        // The precision of the expression wins.
        ("dt:YD", "current:Yh", Some("2026-05-29 21")),
        ("dt:YD", "current", Some("2026-05-29")),
        ("dt:hs", "current", Some("21:04:05")),
        ("dt:Mh", "current", Some("05-29 21")),
        // Any case, singular or plural, any white space.
        ("dt", "CURRENT - 1 MONTHS", Some("2026-04-29 21:04:05")),
        ("dt", " current-1hour ", Some("2026-05-29 20:04:05")),
        ("dt", "current\\t+  2\\nMinute", Some("2026-05-29 21:06:05")),
        ("dt", "current + 0 days", Some("2026-05-29 21:04:05")),
        ("dt", "current - 5 seconds", Some("2026-05-29 21:04:00")),
        ("dt:YD", "current + 2 weeks", Some("2026-06-12")),
        ("dt:YD", "current + 1 year", Some("2027-05-29")),
        // Months and years end at the last day, from left to right.
        ("dt:YD", "current + 9 months", Some("2027-02-28")),
        ("dt:YD", "current + 21 months", Some("2028-02-29")),
        ("dt:YD", "current + 21 months + 1 year", Some("2029-02-28")),
        ("dt:YD", "current + 9 months - 9 months", Some("2026-05-28")),
        ("dt:YD", "current + 2 days + 1 month - 1 day", Some("2026-06-29")),
        ("dt:YD", "current + 1 month + 2 days", Some("2026-07-01")),
        // The result has a year of four digits.
        ("dt:YD", "current + 7973 years", Some("9999-05-29")),
        ("dt:YD", "current + 7974 years", None),
        ("dt:YD", "current - 2025 years", Some("0001-05-29")),
        ("dt:YD", "current - 2026 years", None),
        ("dt:YD", "current + 999999999 weeks", None),
        ("dt:YD", "current + 999999999 seconds", Some("2058-02-04")),
    ]);
}

#[test]
fn wrong_expressions() {
    let wrong = [
        "currently",
        "current:",
        "current:Y",
        "current:DY",
        "current :YD",
        "current:YD:",
        "current:YDD",
        "current 1 day",
        "current + day",
        "current + 1",
        "current + 1 fortnight",
        "current + 1 dayss",
        "current + 1 d",
        "current + 1.5 days",
        "current + -1 day",
        "current + 1 day + ",
        "current + 1 day 2",
        "current + 1000000000 days",
        "current + ١ day",
        "now",
        "curren",
        "current:ЯЫ",
    ];
    check(&wrong.map(|value| ("dt:YD", value, None)));
}

#[test]
fn time_zones() {
    for (zone, value, expected) in [
        ("Europe/Moscow", "current", "2026-05-30 00:04:05"),
        ("Europe/Moscow", "current - 5 minutes", "2026-05-29 23:59:05"),
        ("America/New_York", "current", "2026-05-29 17:04:05"),
        // The clock goes back on 2026-11-01: days keep the hour, hours count elapsed time.
        ("America/New_York", "current + 156 days", "2026-11-01 17:04:05"),
        ("America/New_York", "current + 3744 hours", "2026-11-01 16:04:05"),
    ] {
        let actual = written(zone, "dt", &format!("\"{value}\"")).unwrap();
        assert_eq!(actual, format!("\"{expected}\""), "{zone} {value}");
    }
}

#[test]
fn copied_dates() {
    let copy = DatakeyChange { r#type: "dt:YD".into(), ..change(("a", "set.copy", "x")) };
    let check = |source: CopySource, expected: Option<&str>| {
        let actual = apply_from("{}", std::slice::from_ref(&copy), source);
        assert_eq!(actual.ok().as_deref(), expected);
    };
    check(other(r#"{"x":"1971-5-4"}"#), Some(r#"{"a":"1971-05-04"}"#));
    check(other(r#"{"x":"current:YM"}"#), Some(r#"{"a":"2026-05"}"#));
    check(other(r#"{"x":"1971-5-32"}"#), None);
    check(other(r#"{"x":19710504}"#), None);
    check(other(r#"{"x":null}"#), None);
    // What does not exist is null, which is no date; only `copy_missing` do asks for it.
    check(other("{}"), None);
    check(CopySource::MissingWritesNull, Some(r#"{"a":null}"#));
}

proptest! {
    #[test]
    fn normal_dates_are_normal(
        text in "[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}",
    ) {
        if let Ok(date) = written("UTC", "dt", &format!("\"{text}\"")) {
            prop_assert_eq!(written("UTC", "dt", &date).unwrap(), date.clone());
            let iso = date.trim_matches('"').replace(' ', "T");
            prop_assert!(iso.parse::<jiff::civil::DateTime>().is_ok());
        }
    }

    #[test]
    fn any_date_is_answered(text in "(current)?[: 0-9+\\-YMDhmsa-d]{0,20}") {
        let _ = written("UTC", "dt", &format!("\"{text}\""));
    }
}
