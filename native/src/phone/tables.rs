//! The numbering plans as tables, and the walks through them.
//!
//! Every pattern of every plan is an automaton in one pool of states; a walk takes one step for a
//! digit and ends early where nothing can match any more. `native/build/phone_tables.py` writes
//! the rows.

#[allow(
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "generated from the metadata of phonenumbers"
)]
mod rows {
    use super::{Country, Label, Lengths, Match, NONE, Plan, State};

    include!(concat!(env!("OUT_DIR"), "/phone_tables.rs"));
}

use super::prefix::Pieces;
use rows::{COUNTRIES, COUNTRY_BY_CODE, LABELS, STATES};
pub(super) use rows::{PLAN_BY_REGION, PLANS, REPLACEMENT_DIGITS_MAX};

/// The entry of an index for what does not exist.
pub(super) const NONE: u16 = u16::MAX;

/// The state from which nothing matches any more.
const DEAD: u16 = 0;

/// The most digits of a country code.
const COUNTRY_CODE_DIGITS_MAX: usize = 3;

/// One state of an automaton.
pub(super) struct State {
    /// The next state for each digit.
    next: [u16; 10],
    /// The row of `LABELS` that says what ends here.
    label: u8,
}

/// What ends in a state.
pub(super) struct Label {
    /// The match when more digits follow.
    inside: Match,
    /// The match when the number ends.
    at_end: Match,
}

/// A match that may have captured a group.
#[derive(Clone, Copy)]
pub(super) enum Match {
    None,
    Whole,
    /// Start and end of the last group, in digits from the start of the number.
    Group(u8, u8),
}

/// The lengths of national numbers; the bit of a length is set where the plan has it.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    /// Lengths of whole national numbers.
    national: u32,
    /// Lengths that can be dialled within an area only.
    local: u32,
}

/// What the length of a national number says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LengthVerdict {
    Possible,
    LocalOnly,
    TooShort,
    TooLong,
    BetweenLengths,
}

/// The rules by which the numbers of one region are dialled.
pub(super) struct Plan {
    pub(super) country_code: u16,
    pub(super) lengths: Lengths,
    /// Digits that replace a national prefix, followed by its last group.
    pub(super) replacement: &'static [u8],
    general: u16,
    international_prefix: u16,
    national_prefix: u16,
}

/// A country code and its numbers.
pub(super) struct Country {
    pub(super) code: u16,
    main: u16,
    valid: u16,
}

/// A prefix found in front of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The number of digits of the prefix.
    pub(super) length: usize,
    /// Start and end of the last group, if it took part in the match.
    pub(super) group: Option<(usize, usize)>,
}

impl Lengths {
    pub(super) fn verdict(self, length: usize) -> LengthVerdict {
        let bit = u32::try_from(length).ok().and_then(|shift| 1_u32.checked_shl(shift));
        let Some(bit) = bit else { return LengthVerdict::TooLong };
        if self.local & bit != 0 {
            LengthVerdict::LocalOnly
        } else if self.national & bit != 0 {
            LengthVerdict::Possible
        } else if self.national < bit {
            LengthVerdict::TooLong
        } else if self.national & (bit - 1) == 0 {
            LengthVerdict::TooShort
        } else {
            LengthVerdict::BetweenLengths
        }
    }
}

impl Plan {
    /// Whether a number has the general form of the region's numbers.
    pub(super) fn has_general_form(&self, number: &Pieces) -> bool {
        accepts(number.0.iter().fold(self.general, |state, digits| walk(state, digits)))
    }

    /// The prefix by which the region dials abroad, if the number starts with it.
    pub(super) fn international_prefix(&self, digits: &[u8]) -> Option<Prefix> {
        find_prefix(self.international_prefix, digits)
    }

    /// The prefix by which the region dials within the country, if the number starts with it.
    pub(super) fn national_prefix(&self, digits: &[u8]) -> Option<Prefix> {
        find_prefix(self.national_prefix, digits)
    }
}

impl Country {
    /// Splits an international number into its country and the digits behind the country code.
    /// No country code is the start of another one.
    pub(super) fn split(digits: &[u8]) -> Option<(&'static Self, &[u8])> {
        let mut code = 0;
        for (index, digit) in digits.iter().take(COUNTRY_CODE_DIGITS_MAX).enumerate() {
            code = code * 10 + u16::from(*digit);
            // No country code starts with 0.
            if code == 0 {
                return None;
            }
            if let Some(country) = Self::of_code(code) {
                return Some((country, &digits[index + 1..]));
            }
        }
        None
    }

    /// The country of a code.
    pub(super) fn of_code(code: u16) -> Option<&'static Self> {
        let place = *COUNTRY_BY_CODE.get(usize::from(code))?;
        (place != NONE).then(|| &COUNTRIES[usize::from(place)])
    }

    /// The plan of the main region of the code.
    pub(super) fn main_plan(&self) -> &'static Plan {
        &PLANS[usize::from(self.main)]
    }

    /// Whether a region of the code assigns the number.
    pub(super) fn assigns(&self, national: &[u8]) -> bool {
        accepts(walk(self.valid, national))
    }
}

/// The state behind the digits.
fn walk(start: u16, digits: &[u8]) -> u16 {
    let mut state = start;
    for digit in digits {
        if state == DEAD {
            break;
        }
        state = STATES[usize::from(state)].next[usize::from(*digit)];
    }
    state
}

/// Whether a whole number may end in a state.
fn accepts(state: u16) -> bool {
    !matches!(label_of(state).at_end, Match::None)
}

fn label_of(state: u16) -> &'static Label {
    &LABELS[usize::from(STATES[usize::from(state)].label)]
}

/// Finds the most preferred prefix: of the matches on the way it is the last, because a match
/// leaves only more preferred ones to look for.
fn find_prefix(start: u16, digits: &[u8]) -> Option<Prefix> {
    let mut found = None;
    let mut state = start;
    for (length, digit) in digits.iter().enumerate() {
        found = prefix_of(label_of(state).inside, length).or(found);
        state = STATES[usize::from(state)].next[usize::from(*digit)];
        if state == DEAD {
            return found;
        }
    }
    prefix_of(label_of(state).at_end, digits.len()).or(found)
}

fn prefix_of(matched: Match, length: usize) -> Option<Prefix> {
    match matched {
        Match::None => None,
        Match::Whole => Some(Prefix { length, group: None }),
        Match::Group(start, end) => {
            Some(Prefix { length, group: Some((usize::from(start), usize::from(end))) })
        }
    }
}
