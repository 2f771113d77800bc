//! The whole e-mail address: the one '@' outside quotes, the total length, the switches.

use crate::address::email::local::Local;
use crate::address::email::{domain, tld};
use crate::address::limits::EMAIL_BYTES_MAX;
use crate::address::{Rules, faults};
use crate::fault::{Fault, Result};
use crate::wire::v1::{AddressType, ErrorReason};

/// Appends the canonical form of an address that is trimmed and not empty.
pub fn append(rules: &Rules, trimmed: &str, out: &mut String) -> Result<()> {
    faults::refuse_control_characters(AddressType::Email, trimmed)?;
    let (local, domain_spelling) = split(trimmed)?;
    let start = out.len();
    local.append(out)?;
    let at = out.len();
    out.push('@');
    let domain_ascii_bytes = domain::append(domain_spelling, out)?;
    let (local, domain) = (&out[start..at], &out[at + 1..]);
    tld::check(domain)?;
    check_length(local.len() + 1 + domain.len().max(domain_ascii_bytes))?;
    check_switches(rules, local, domain)
}

/// A fault of an e-mail; no e-mail fault repeats the address.
pub(super) fn fault(reason: ErrorReason, message: &str) -> Fault {
    faults::typed(AddressType::Email, reason, message)
}

fn split(value: &str) -> Result<(Local<'_>, &str)> {
    if value.starts_with('"') {
        return split_quoted(value);
    }
    let (local, domain) = value.split_once('@').ok_or_else(no_at)?;
    refuse_at(domain)?;
    Ok((Local::Atoms(local), domain))
}

fn split_quoted(value: &str) -> Result<(Local<'_>, &str)> {
    let closing = closing_quote(value);
    let rest = closing.map_or(value, |index| &value[index + 1..]);
    if !rest.contains('@') {
        return Err(no_at());
    }
    let (Some(closing), Some(domain)) = (closing, rest.strip_prefix('@')) else {
        return Err(fault(
            ErrorReason::EmailLocalQuote,
            "The quoted part before '@' must begin and end with a quote.",
        ));
    };
    refuse_at(domain)?;
    Ok((Local::Quoted(&value[1..closing]), domain))
}

/// The place of the quote that closes the one at the beginning.
fn closing_quote(value: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in value.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index),
            _ => {}
        }
    }
    None
}

fn no_at() -> Fault {
    fault(ErrorReason::EmailNoAt, "The e-mail has no '@'.")
}

fn refuse_at(domain: &str) -> Result<()> {
    if domain.contains('@') {
        return Err(fault(ErrorReason::EmailManyAt, "The e-mail has more than one '@'."));
    }
    Ok(())
}

fn check_length(bytes: usize) -> Result<()> {
    if bytes > EMAIL_BYTES_MAX {
        return Err(faults::too_long(AddressType::Email, EMAIL_BYTES_MAX, bytes));
    }
    Ok(())
}

/// The switches look at canonical forms: a punycode domain is national, full-width ASCII is not.
fn check_switches(rules: &Rules, local: &str, domain: &str) -> Result<()> {
    if !rules.email_national_local_parts && !local.is_ascii() {
        return Err(fault(
            ErrorReason::EmailLocalNotAscii,
            "The space does not accept national characters before '@'.",
        ));
    }
    if !rules.email_national_domains && !domain.is_ascii() {
        return Err(fault(
            ErrorReason::EmailDomainNotAscii,
            "The space does not accept national domains.",
        ));
    }
    Ok(())
}
