//! Numbers of accounts: vk, max, and tg, which may be negative (groups and channels).
//!
//! Only ASCII digits are digits. Leading zeros are dropped, so that one account has one key; a plus
//! sign and "-0" are refused, because no service writes them.

use crate::address::faults;
use crate::address::limits::NUMBER_DIGITS_MAX;
use crate::fault::{Fault, Result};
use crate::wire::v1::{AddressType, ErrorReason};

/// Appends a number without a sign.
pub fn append(kind: AddressType, trimmed: &str, out: &mut String) -> Result<()> {
    if trimmed.is_empty() || !trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_digits(kind));
    }
    let significant = match trimmed.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    if significant.len() > NUMBER_DIGITS_MAX {
        return Err(faults::too_long(kind, NUMBER_DIGITS_MAX, significant.len()));
    }
    out.push_str(significant);
    Ok(())
}

/// Appends a number that may be negative.
pub fn append_signed(kind: AddressType, trimmed: &str, out: &mut String) -> Result<()> {
    let Some(magnitude) = trimmed.strip_prefix('-') else {
        return append(kind, trimmed, out);
    };
    out.push('-');
    append(kind, magnitude, out)?;
    if out.ends_with("-0") {
        return Err(not_digits(kind));
    }
    Ok(())
}

fn not_digits(kind: AddressType) -> Fault {
    let message = match kind {
        AddressType::Tg => "The address must be decimal digits, with '-' before them if negative.",
        _ => "The address must be decimal digits.",
    };
    faults::typed(kind, ErrorReason::AddressNotDigits, message)
}
