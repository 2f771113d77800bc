//! From the digits that are dialled to a country and a national number, step by step as in
//! libphonenumber.

use super::PhoneFault;
use super::dialled::Dialled;
use super::prefix::{Joined, Pieces, without_national_prefix};
use super::tables::{Country, LengthVerdict, Plan};

/// No national number is shorter: libphonenumber's bound.
const NATIONAL_DIGITS_MIN: usize = 2;
/// No national number is longer: libphonenumber's bound, two more than E.164 allows.
pub(super) const NATIONAL_DIGITS_MAX: usize = 17;
/// An international number has more digits.
const INTERNATIONAL_DIGITS_MAX_TOO_SHORT: usize = 2;
/// The most characters of a canonical number: the plus sign, the country code, the national number.
const CANONICAL_LENGTH_MAX: usize = 1 + 3 + NATIONAL_DIGITS_MAX;

/// The digits in ASCII.
const DIGITS: &[u8; 10] = b"0123456789";

/// A national number with its country.
pub(super) struct Number {
    country: &'static Country,
    digits: [u8; NATIONAL_DIGITS_MAX],
    length: usize,
}

/// A number whose country is known and whose national prefix may still be there.
struct Located<'digits> {
    country: &'static Country,
    plan: &'static Plan,
    national: Pieces<'digits>,
}

impl Number {
    /// Reads what is dialled in a region, or anywhere.
    pub(super) fn read(home: Option<&'static Plan>, dialled: &Dialled) -> Result<Self, PhoneFault> {
        let located = Located::find(home, dialled)?;
        let joined;
        let national = if let Some(digits) = located.national.as_slice() {
            digits
        } else {
            joined = Joined::new(&located.national);
            joined.digits()
        };
        if national.len() < NATIONAL_DIGITS_MIN {
            return Err(PhoneFault::TooShort);
        }
        let stripped = without_national_prefix(located.plan, national);
        // What is too short without its prefix never had one.
        match located.plan.lengths.verdict(stripped.len()) {
            LengthVerdict::Possible | LengthVerdict::TooLong => {
                Self::of_pieces(located.country, &stripped)
            }
            LengthVerdict::LocalOnly | LengthVerdict::TooShort | LengthVerdict::BetweenLengths => {
                Self::of_pieces(located.country, &Pieces::whole(national))
            }
        }
    }

    fn of_pieces(country: &'static Country, pieces: &Pieces) -> Result<Self, PhoneFault> {
        let length = pieces.len();
        if length < NATIONAL_DIGITS_MIN {
            return Err(PhoneFault::TooShort);
        }
        if length > NATIONAL_DIGITS_MAX {
            return Err(PhoneFault::TooLong);
        }
        let mut number = Self { country, digits: [0; NATIONAL_DIGITS_MAX], length };
        pieces.copy_to(&mut number.digits);
        Ok(number)
    }

    /// Checks the number against the plan of its country.
    pub(super) fn check(&self, possible_is_enough: bool) -> Result<(), PhoneFault> {
        if !possible_is_enough && self.country.assigns(self.national()) {
            return Ok(());
        }
        match self.country.main_plan().lengths.verdict(self.length) {
            LengthVerdict::Possible | LengthVerdict::LocalOnly if possible_is_enough => Ok(()),
            LengthVerdict::TooShort | LengthVerdict::LocalOnly => Err(PhoneFault::TooShort),
            LengthVerdict::TooLong => Err(PhoneFault::TooLong),
            LengthVerdict::Possible | LengthVerdict::BetweenLengths => {
                Err(PhoneFault::NotInPlan { country_code: self.country.code })
            }
        }
    }

    /// Appends the number in the form of E.164.
    pub(super) fn write(&self, out: &mut String) {
        let mut canonical = [b'+'; CANONICAL_LENGTH_MAX];
        let mut length = 1;
        let mut divisor = match self.country.code {
            ..10 => 1,
            10..100 => 10,
            _ => 100,
        };
        while divisor > 0 {
            canonical[length] = DIGITS[usize::from(self.country.code / divisor % 10)];
            divisor /= 10;
            length += 1;
        }
        for digit in self.national() {
            canonical[length] = DIGITS[usize::from(*digit)];
            length += 1;
        }
        out.extend(canonical[..length].iter().copied().map(char::from));
    }

    fn national(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

impl<'digits> Located<'digits> {
    /// Finds the country of what is dialled.
    fn find(home: Option<&'static Plan>, dialled: &'digits Dialled) -> Result<Self, PhoneFault> {
        let digits = dialled.digits();
        if !dialled.has_plus {
            let home = home.ok_or(PhoneFault::CountryUnknown)?;
            if let Some(located) = Self::with_country(home, digits)? {
                return Ok(located);
            }
            let country = Country::of_code(home.country_code).ok_or(PhoneFault::CountryUnknown)?;
            return Ok(Self { country, plan: home, national: Pieces::whole(digits) });
        }
        match Self::international(digits) {
            // People write +00 44 and +0044: the digits are read again without the plus sign.
            Err(PhoneFault::CountryUnknown) => {
                let home = home.ok_or(PhoneFault::CountryUnknown)?;
                Self::with_country(home, digits)?.ok_or(PhoneFault::CountryUnknown)
            }
            located => located,
        }
    }

    /// Reads digits that start with a country code.
    fn international(digits: &'digits [u8]) -> Result<Self, PhoneFault> {
        if digits.len() <= INTERNATIONAL_DIGITS_MAX_TOO_SHORT {
            return Err(PhoneFault::TooShort);
        }
        let (country, national) = Country::split(digits).ok_or(PhoneFault::CountryUnknown)?;
        Ok(Self { country, plan: country.main_plan(), national: Pieces::whole(national) })
    }

    /// Reads digits that start with the prefix for dialling abroad, or with the country code of
    /// the region if they make more sense without it.
    fn with_country(
        home: &'static Plan,
        digits: &'digits [u8],
    ) -> Result<Option<Self>, PhoneFault> {
        if let Some(prefix) = home.international_prefix(digits) {
            let rest = &digits[prefix.length..];
            // No country code starts with 0, so that was no prefix.
            if rest.first() != Some(&0) {
                return Self::international(rest).map(Some);
            }
        }
        let Some((country, rest)) = Country::split(digits) else { return Ok(None) };
        if country.code != home.country_code {
            return Ok(None);
        }
        let national = without_national_prefix(home, rest);
        let is_better = home.lengths.verdict(digits.len()) == LengthVerdict::TooLong
            || !home.has_general_form(&Pieces::whole(digits)) && home.has_general_form(&national);
        Ok(is_better.then_some(Self { country, plan: country.main_plan(), national }))
    }
}
