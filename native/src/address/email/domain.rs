//! The domain: what stands after '@', by UTS 46 and shown in Unicode.
//!
//! Processing is non-transitional with `UseSTD3ASCIIRules`, `CheckBidi`, `CheckJoiners` and
//! `VerifyDnsLength`. Of `CheckHyphens` only the edges of labels are checked, because hyphens in
//! the third and fourth place occur in living domains. UTS 46 alone decides about case: unlike the
//! lower-casing of local parts it knows no final sigma, so capitals always mean the other one.

use idna::punycode;
use idna::uts46::{AsciiDenyList, ErrorPolicy, Hyphens, ProcessingError, ProcessingSuccess, Uts46};

use crate::address::email::address::fault;
use crate::address::limits::{DOMAIN_BYTES_MAX, DOMAIN_SPELLING_BYTES_MAX, LABEL_BYTES_MAX};
use crate::fault::{Fault, Result};
use crate::wire::v1::ErrorReason;

/// What begins an A-label.
const PUNYCODE_PREFIX: &str = "xn--";

/// What an ASCII scan says of a domain without faults.
enum Spelling {
    /// Letters, digits, hyphens and dots that lower-casing makes canonical.
    Plain,
    /// Characters over ASCII or A-labels, which need UTS 46.
    National,
}

/// Appends the canonical form and returns the octets of its A-label form.
pub fn append(domain: &str, out: &mut String) -> Result<usize> {
    if domain.is_empty() {
        return Err(empty());
    }
    if domain.starts_with('[') {
        return Err(fault(
            ErrorReason::EmailDomainLiteral,
            "The e-mail has an address in brackets where a domain must stand.",
        ));
    }
    let start = out.len();
    let ascii_bytes = match scan(domain)? {
        Spelling::Plain => {
            out.push_str(domain);
            out[start..].make_ascii_lowercase();
            domain.len()
        }
        Spelling::National => {
            append_national(domain, out)?;
            count_ascii_bytes(&out[start..])?
        }
    };
    if ascii_bytes > DOMAIN_BYTES_MAX {
        return Err(too_long());
    }
    Ok(ascii_bytes)
}

/// The A-label form of one canonical label.
pub(super) fn to_a_label(label: &str) -> Option<String> {
    punycode::encode_str(label).map(|encoded| format!("{PUNYCODE_PREFIX}{encoded}"))
}

fn scan(domain: &str) -> Result<Spelling> {
    let bytes = domain.as_bytes();
    let mut start = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => {}
            b'.' => {
                if check_label(&bytes[start..index])? {
                    return Ok(Spelling::National);
                }
                start = index + 1;
            }
            128.. => return Ok(Spelling::National),
            _ => return Err(bad_character()),
        }
    }
    Ok(if check_label(&bytes[start..])? { Spelling::National } else { Spelling::Plain })
}

/// Checks an ASCII label and says whether it is an A-label.
fn check_label(label: &[u8]) -> Result<bool> {
    let ([first, ..], [.., last]) = (label, label) else { return Err(bad_label()) };
    if label.len() > LABEL_BYTES_MAX || *first == b'-' || *last == b'-' {
        return Err(bad_label());
    }
    let prefix = label.get(..PUNYCODE_PREFIX.len());
    Ok(prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PUNYCODE_PREFIX.as_bytes())))
}

fn append_national(domain: &str, out: &mut String) -> Result<()> {
    if domain.len() > DOMAIN_SPELLING_BYTES_MAX {
        return Err(too_long());
    }
    match process(domain, Hyphens::CheckFirstLast, out) {
        Ok(ProcessingSuccess::Passthrough) => out.push_str(domain),
        Ok(ProcessingSuccess::WroteToSink) => {}
        // The library does not say what is wrong: what passes without the check of hyphens has one
        // in the wrong place.
        Err(_) if process(domain, Hyphens::Allow, &mut String::new()).is_ok() => {
            return Err(bad_label());
        }
        Err(_) => return Err(bad_character()),
    }
    Ok(())
}

fn process(
    domain: &str,
    hyphens: Hyphens,
    out: &mut String,
) -> std::result::Result<ProcessingSuccess, ProcessingError> {
    let show_in_unicode = |_: &[char], _: &[char], _: bool| true;
    let policy = ErrorPolicy::FailFast;
    let deny = AsciiDenyList::STD3;
    Uts46::new().process(domain.as_bytes(), deny, hyphens, policy, show_in_unicode, out, None)
}

/// Counts the octets of the A-label form of a domain that went through UTS 46.
fn count_ascii_bytes(domain: &str) -> Result<usize> {
    if domain.is_empty() {
        return Err(empty());
    }
    let mut bytes = 0;
    for (index, label) in domain.split('.').enumerate() {
        bytes += usize::from(index > 0) + count_label_bytes(label)?;
    }
    Ok(bytes)
}

fn count_label_bytes(label: &str) -> Result<usize> {
    let bytes = if label.is_ascii() {
        // Mapping may bring dots and hyphens to new places, so an ASCII label is checked here too.
        check_label(label.as_bytes())?;
        label.len()
    } else if label.starts_with(PUNYCODE_PREFIX) {
        // The Unicode form of an A-label within an A-label would not be its own canonical form.
        return Err(bad_character());
    } else if label.chars().count() > LABEL_BYTES_MAX {
        // Punycode has an octet or more for every character; not encoding the rest saves its
        // quadratic time.
        return Err(bad_label());
    } else {
        to_a_label(label).ok_or_else(bad_label)?.len()
    };
    if bytes > LABEL_BYTES_MAX { Err(bad_label()) } else { Ok(bytes) }
}

fn empty() -> Fault {
    fault(ErrorReason::EmailDomainEmpty, "The e-mail has nothing after '@'.")
}

fn too_long() -> Fault {
    let message = format!("The domain of the e-mail has over {DOMAIN_BYTES_MAX} octets.");
    fault(ErrorReason::EmailDomainTooLong, &message)
}

fn bad_label() -> Fault {
    let message = "A label of the domain is empty, has over 63 octets or a hyphen at its edge.";
    fault(ErrorReason::EmailDomainLabel, message)
}

fn bad_character() -> Fault {
    let message =
        "The domain has a character, or an order of characters, that domains may not have.";
    fault(ErrorReason::EmailDomainCharacter, message)
}
