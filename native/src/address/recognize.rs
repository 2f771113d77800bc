//! The type of a value that comes without one (seed 002: e-mails and phones are recognised).

use crate::address::limits::{PHONE_LIKE_DIGITS_MAX, PHONE_LIKE_DIGITS_MIN};
use crate::wire::v1::AddressType;

/// Returns the type of a value, where it can be told.
pub fn type_of(value: &str) -> Option<AddressType> {
    if value.contains('@') {
        Some(AddressType::Email)
    } else if looks_like_phone(value) {
        Some(AddressType::Msisdn)
    } else {
        None
    }
}

/// Says whether a value without a type is taken for a phone number.
///
/// It is one when it has 5 to 20 ASCII digits and nothing else than white space, the separators
/// `( ) - . /`, typographic dashes, and at most one plus sign before all digits. Letters, and so
/// extensions and `tel:`, need an explicit type: they occur in identifiers of clients too.
pub fn looks_like_phone(value: &str) -> bool {
    let mut digits = 0_usize;
    let mut plus_seen = false;
    for character in value.chars() {
        match character {
            '0'..='9' => digits += 1,
            '+' | '\u{FF0B}' if !plus_seen && digits == 0 => plus_seen = true,
            '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            _ if character.is_whitespace() => {}
            _ => return false,
        }
    }
    (PHONE_LIKE_DIGITS_MIN..=PHONE_LIKE_DIGITS_MAX).contains(&digits)
}
