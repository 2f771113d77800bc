//! The regions whose numbering plans are known.

use super::tables::{NONE, PLAN_BY_REGION, PLANS, Plan};

/// A region that has a numbering plan, named by its ISO 3166-1 code of two letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(u16);

impl Region {
    /// Finds the region of a two-letter code in either case.
    pub fn parse(code: &str) -> Option<Self> {
        let [first, second] = code.as_bytes() else { return None };
        let place = PLAN_BY_REGION[letter(*first)? * 26 + letter(*second)?];
        (place != NONE).then_some(Self(place))
    }

    pub(super) fn plan(self) -> &'static Plan {
        &PLANS[usize::from(self.0)]
    }
}

/// The place of a letter in the alphabet, from 0.
fn letter(byte: u8) -> Option<usize> {
    byte.is_ascii_alphabetic().then(|| usize::from(byte.to_ascii_uppercase() - b'A'))
}
