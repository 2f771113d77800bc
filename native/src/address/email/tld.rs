//! The top-level domains of IANA, shipped with the release in `native/data/tlds.txt`.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::address::email::address::fault;
use crate::address::email::domain::to_a_label;
use crate::fault::{Fault, Result};
use crate::wire::v1::ErrorReason;

static KNOWN: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| listed().collect());

fn listed() -> impl Iterator<Item = &'static str> {
    include_str!("../../../data/tlds.txt").lines().filter(|line| !line.starts_with('#'))
}

/// Checks that a canonical domain ends in a known top-level domain with a label before it: no
/// mailbox of a person lives in a top-level domain itself.
pub fn check(domain: &str) -> Result<()> {
    let Some((_, label)) = domain.rsplit_once('.') else {
        return Err(unknown("The domain of the e-mail has no top-level domain."));
    };
    if label.is_ascii() {
        return check_a_label(label);
    }
    match to_a_label(label) {
        Some(label) => check_a_label(&label),
        None => Err(unknown("The top-level domain of the e-mail cannot be encoded.")),
    }
}

fn check_a_label(label: &str) -> Result<()> {
    if KNOWN.contains(label) {
        return Ok(());
    }
    Err(unknown("The top-level domain of the e-mail does not exist.").with("tld", label))
}

fn unknown(message: &str) -> Fault {
    fault(ErrorReason::EmailTldUnknown, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of entries in the list; a renewal changes it.
    const TOP_LEVEL_DOMAINS: usize = 1438;

    #[test]
    fn the_list_is_whole_sorted_and_in_a_labels() {
        let list: Vec<_> = listed().collect();
        assert_eq!(list.len(), TOP_LEVEL_DOMAINS);
        assert!(list.is_sorted_by(|left, right| left < right));
        for label in list {
            let letters = label.bytes().all(|b| b.is_ascii_lowercase());
            assert!(letters || label.starts_with("xn--"), "{label}");
        }
    }

    #[test]
    fn every_listed_domain_is_canonical_in_its_unicode_form() {
        for label in listed() {
            let mut domain = String::new();
            let spelled = format!("mail.{label}");
            let ascii_bytes = crate::address::email::domain::append(&spelled, &mut domain);
            assert_eq!(ascii_bytes, Ok(spelled.len()), "{label}");
            assert_eq!(check(&domain), Ok(()), "{label}");
        }
    }
}
