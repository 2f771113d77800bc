//! The types that are phone numbers: what the phone module says, in the words of the contract.

use crate::address::{Rules, faults};
use crate::fault::{Fault, Result};
use crate::phone::{self, PhoneFault, Region};
use crate::wire::v1::{AddressType, ErrorReason};

/// Says whether addresses of a type are phone numbers.
pub fn is_phone(kind: AddressType) -> bool {
    matches!(kind, AddressType::Msisdn | AddressType::Viber | AddressType::Vknotify)
}

/// Appends the E.164 form.
pub fn append(rules: &Rules, kind: AddressType, value: &str, out: &mut String) -> Result<()> {
    phone::normalize(rules.default_region, rules.phone_possible_is_enough, value, out)
        .map_err(|problem| fault(kind, problem))
}

fn fault(kind: AddressType, problem: PhoneFault) -> Fault {
    use ErrorReason as R;
    let (reason, message) = match problem {
        PhoneFault::NotANumber => (R::PhoneNotANumber, "The value is not a phone number."),
        PhoneFault::CountryUnknown => {
            (R::PhoneCountryUnknown, "The phone number has no known country code; begin with '+'.")
        }
        PhoneFault::TooShort => (R::PhoneTooShort, "The phone number has too few digits."),
        PhoneFault::TooLong => (R::PhoneTooLong, "The phone number has too many digits."),
        PhoneFault::NotInPlan { .. } => {
            (R::PhoneNotInPlan, "The numbering plan of the country does not assign this number.")
        }
        PhoneFault::Extension => {
            (R::PhoneExtension, "The phone number has an extension; give the number alone.")
        }
    };
    let fault = faults::typed(kind, reason, message);
    match problem {
        PhoneFault::NotInPlan { country_code } => fault.with("country_code", country_code),
        _ => fault,
    }
}

/// Says whether all national digits of a number are zero: a placeholder of forms and exports.
///
/// A number that the plan refuses is read again as loosely as possible, so that the caller hears
/// "blocked" whether or not the space is strict.
pub fn is_zero(region: Option<Region>, value: &str, canonical: Option<&str>) -> bool {
    if let Some(canonical) = canonical {
        return has_zero_national_digits(canonical);
    }
    let mut loose = String::new();
    if phone::normalize(region, true, value, &mut loose).is_ok() {
        return has_zero_national_digits(&loose);
    }
    let mut digits = value.bytes().filter(u8::is_ascii_digit).peekable();
    digits.peek().is_some() && digits.all(|digit| digit == b'0')
}

fn has_zero_national_digits(canonical: &str) -> bool {
    let digits = canonical.trim_start_matches('+');
    let national = digits.get(country_code_digits(digits)..).unwrap_or_default();
    !national.is_empty() && national.bytes().all(|digit| digit == b'0')
}

/// The number of digits of the country code that begins `digits`; ITU-T E.164 fixes it by the first
/// two.
fn country_code_digits(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_reason() {
        let table = [
            (PhoneFault::NotANumber, ErrorReason::PhoneNotANumber),
            (PhoneFault::CountryUnknown, ErrorReason::PhoneCountryUnknown),
            (PhoneFault::TooShort, ErrorReason::PhoneTooShort),
            (PhoneFault::TooLong, ErrorReason::PhoneTooLong),
            (PhoneFault::NotInPlan { country_code: 7 }, ErrorReason::PhoneNotInPlan),
            (PhoneFault::Extension, ErrorReason::PhoneExtension),
        ];
        for (problem, reason) in table {
            let fault = fault(AddressType::Viber, problem);
            assert_eq!(fault.reason, reason);
            assert_eq!(fault.details["type"], "viber");
            let country_code = fault.details.get("country_code").map(String::as_str);
            assert_eq!(country_code.is_some(), reason == ErrorReason::PhoneNotInPlan);
            assert!(country_code.is_none_or(|code| code == "7"));
        }
    }

    #[test]
    fn zeros_after_the_country_code() {
        let table = [
            ("+70000000000", true),
            ("+10000000000", true),
            ("+2000000000", true),
            ("+380000000000", true),
            ("+390000000000", true),
            ("+800000000000", true),
            ("+70000000001", false),
            ("+78000000000", false),
            ("+201000000000", false),
            ("+380500000000", false),
            ("+380", false),
            ("+7", false),
            ("", false),
        ];
        for (canonical, expected) in table {
            assert_eq!(has_zero_national_digits(canonical), expected, "{canonical}");
        }
    }
}
