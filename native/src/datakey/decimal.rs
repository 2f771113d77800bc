//! Decimal numbers of any length, added exactly: no number of a member is ever rounded.

use std::cmp::Ordering;

use crate::json::{self, Kind};

use super::problem::{Problem, Result};

/// Digits of a sum and of what is added: far over what anybody counts. An exponent can write a
/// number whose digits fill the memory.
const DIGITS_MAX: usize = 1_000;

/// A number as its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Values from 0 to 9, the first one highest; as many as `scale` at least.
    digits: Vec<u8>,
    /// How many of the digits are behind the point.
    scale: usize,
}

impl Decimal {
    /// The number that a text is, white space around it apart; what is no number is 0.
    pub(super) fn of_text(text: &str) -> Result<Self> {
        Self::read(text.trim()).unwrap_or_else(|| Ok(Self::zero()))
    }

    /// The number of a canonical JSON value: a number, or a string that is one; all else is 0.
    pub(super) fn of_json(value: &str) -> Result<Self> {
        match (json::kind(value), json::string(value)) {
            (Kind::Number, _) => Self::of_text(value),
            (_, Some(text)) => Self::of_text(&text),
            _ => Ok(Self::zero()),
        }
    }

    /// Whether adding it changes nothing.
    pub(super) fn is_zero(&self) -> bool {
        self.digits.iter().all(|digit| *digit == 0)
    }

    /// The exact sum, with as many digits behind the point as the finer of both has.
    pub(super) fn plus(mut self, mut other: Self) -> Result<Self> {
        let scale = self.scale.max(other.scale);
        let whole = (self.digits.len() - self.scale).max(other.digits.len() - other.scale);
        self.pad(whole, scale);
        other.pad(whole, scale);
        let mut sum = if self.negative == other.negative {
            Self { digits: added(&self.digits, &other.digits), ..self }
        } else {
            let (larger, smaller) = match self.digits.cmp(&other.digits) {
                Ordering::Less => (other, self),
                Ordering::Equal | Ordering::Greater => (self, other),
            };
            Self { digits: subtracted(&larger.digits, &smaller.digits), ..larger }
        };
        sum.trim();
        checked(sum.digits.len())?;
        Ok(sum)
    }

    /// The number in JSON, without an exponent.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.digits.len() + "-0.".len());
        if self.negative && !self.is_zero() {
            text.push('-');
        }
        let whole = self.digits.len() - self.scale;
        if whole == 0 {
            text.push('0');
        }
        for (position, digit) in self.digits.iter().enumerate() {
            if position == whole {
                text.push('.');
            }
            text.push(char::from(b'0' + digit));
        }
        text
    }

    fn zero() -> Self {
        Self { negative: false, digits: Vec::new(), scale: 0 }
    }

    /// Reads a sign, digits with or without a point, and an exponent; `None` is no number.
    fn read(text: &str) -> Option<Result<Self>> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        let digits: Vec<u8> = [whole, fraction].concat().bytes().map(|byte| byte - b'0').collect();
        let number = Self { negative, digits, scale: fraction.len() };
        Some(number.raised(exponent))
    }

    /// The same number times a power of ten.
    fn raised(mut self, exponent: i64) -> Result<Self> {
        let distance = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
        if self.is_zero() && exponent != 0 {
            return Ok(Self::zero());
        }
        self.trim();
        if exponent >= 0 {
            let zeros = distance.saturating_sub(self.scale);
            checked(self.digits.len().saturating_add(zeros))?;
            self.scale = self.scale.saturating_sub(distance);
            self.digits.resize(self.digits.len() + zeros, 0);
        } else {
            self.scale = self.scale.saturating_add(distance);
            checked(self.scale)?;
            self.pad(0, self.scale);
        }
        checked(self.digits.len())?;
        Ok(self)
    }

    /// Gives it so many digits before the point, and behind.
    fn pad(&mut self, whole: usize, scale: usize) {
        self.digits.resize(self.digits.len() + scale - self.scale, 0);
        self.scale = scale;
        let missing = (whole + scale).saturating_sub(self.digits.len());
        self.digits.splice(0..0, std::iter::repeat_n(0, missing));
    }

    /// Removes zeros that nobody writes in front of a number.
    fn trim(&mut self) {
        let whole = self.digits.len() - self.scale;
        let zeros = self.digits[..whole].iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
    }
}

/// A power of ten; one that no number of ours has is the largest that can be.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let largest = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(largest))
}

fn checked(digits: usize) -> Result<()> {
    if digits > DIGITS_MAX { Err(Problem::NumberTooLong(digits, DIGITS_MAX)) } else { Ok(()) }
}

/// The sum of digits of one length.
fn added(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits = Vec::with_capacity(left.len() + 1);
    for (left, right) in left.iter().zip(right).rev() {
        let sum = left + right + carry;
        digits.push(sum % 10);
        carry = sum / 10;
    }
    digits.push(carry);
    digits.reverse();
    digits
}

/// The difference of digits of one length; the first number is not smaller.
fn subtracted(larger: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut digits = Vec::with_capacity(larger.len());
    for (larger, smaller) in larger.iter().zip(smaller).rev() {
        let taken = smaller + borrow;
        borrow = u8::from(*larger < taken);
        digits.push(larger + 10 * borrow - taken);
    }
    digits.reverse();
    digits
}
