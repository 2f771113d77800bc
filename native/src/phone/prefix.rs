//! Takes national prefixes off numbers, and rewrites numbers as some plans ask.

use super::characters::TEXT_CHARACTERS_MAX;
use super::tables::{Plan, REPLACEMENT_DIGITS_MAX};

/// A number in pieces: what replaces its prefix, what is kept of the prefix, what follows it.
pub(super) struct Pieces<'digits>(pub(super) [&'digits [u8]; 3]);

/// The digits of a rewritten number, joined. Rewriting adds a replacement at most.
pub(super) struct Joined {
    digits: [u8; TEXT_CHARACTERS_MAX + REPLACEMENT_DIGITS_MAX],
    length: usize,
}

impl<'digits> Pieces<'digits> {
    /// A number as it is.
    pub(super) fn whole(digits: &'digits [u8]) -> Self {
        Self([&[], &[], digits])
    }

    /// The number of digits.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|piece| piece.len()).sum()
    }

    /// The digits, if they lie together.
    pub(super) fn as_slice(&self) -> Option<&'digits [u8]> {
        match self.0 {
            [[], [], digits] => Some(digits),
            _ => None,
        }
    }

    /// Copies the digits to the start of a buffer that has room for them.
    pub(super) fn copy_to(&self, buffer: &mut [u8]) {
        let mut length = 0;
        for piece in self.0 {
            buffer[length..length + piece.len()].copy_from_slice(piece);
            length += piece.len();
        }
    }
}

impl Joined {
    pub(super) fn new(pieces: &Pieces) -> Self {
        let digits = [0; TEXT_CHARACTERS_MAX + REPLACEMENT_DIGITS_MAX];
        let mut joined = Self { digits, length: pieces.len() };
        pieces.copy_to(&mut joined.digits);
        joined
    }

    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

/// The number without the prefix by which the region dials within its country. A prefix whose
/// removal would spoil a number of the right form is part of that number.
pub(super) fn without_national_prefix<'digits>(
    plan: &Plan,
    digits: &'digits [u8],
) -> Pieces<'digits> {
    let whole = Pieces::whole(digits);
    let Some(prefix) = plan.national_prefix(digits) else { return whole };
    let rest = &digits[prefix.length..];
    let stripped = match prefix.group {
        None => Pieces::whole(rest),
        Some((start, end)) => Pieces([plan.replacement, &digits[start..end], rest]),
    };
    if !plan.has_general_form(&stripped) && plan.has_general_form(&whole) {
        return whole;
    }
    stripped
}
