//! The type `dt:LR`: dates with the parts from L to R, checked and padded.
//!
//! The spelling is the seed's: `-` between parts of the day, `:` between parts of the time, one
//! space between both; white space around the whole is dropped. Exactly the parts of the type must
//! be there: cutting off a finer part would lose data in silence.

use jiff::civil::DateTime;

use super::current::Current;
use super::moment::Moment;
use super::problem::{Problem, Result};

/// A part of a date, from coarse to fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Year, Self::Month, Self::Day, Self::Hour, Self::Minute, Self::Second];

    fn of_letter(letter: u8) -> Option<Self> {
        let index = b"YMDhms".iter().position(|known| *known == letter)?;
        Some(Self::ALL[index])
    }

    /// What stands between this part and the one before.
    fn separator(self) -> char {
        match self {
            Self::Year | Self::Month | Self::Day => '-',
            Self::Hour => ' ',
            Self::Minute | Self::Second => ':',
        }
    }
}

/// The parts of a date from the coarsest to the finest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Precision {
    from: Part,
    to: Part,
}

impl Precision {
    const FULL: Self = Self { from: Part::Year, to: Part::Second };

    /// Reads `LR`.
    pub(super) fn parse(letters: &str) -> Option<Self> {
        let [from, to] = letters.as_bytes() else { return None };
        let (from, to) = (Part::of_letter(*from)?, Part::of_letter(*to)?);
        (from <= to).then_some(Self { from, to })
    }

    fn parts(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| (self.from..=self.to).contains(part))
    }

    /// Writes the parts of a date, padded.
    pub(super) fn print(self, date: DateTime) -> String {
        self.join(&[
            date.year().unsigned_abs(),
            date.month().unsigned_abs().into(),
            date.day().unsigned_abs().into(),
            date.hour().unsigned_abs().into(),
            date.minute().unsigned_abs().into(),
            date.second().unsigned_abs().into(),
        ])
    }

    /// Checks a date and pads its parts.
    fn normalise(self, text: &str) -> Option<String> {
        let mut numbers = [None; 6];
        let mut rest = text.trim_matches(is_space);
        for part in self.parts() {
            if part != self.from {
                rest = rest.strip_prefix(part.separator())?;
            }
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let lengths = if part == Part::Year { 4..=4 } else { 1..=2 };
            if !lengths.contains(&length) {
                return None;
            }
            numbers[part as usize] = Some(rest[..length].parse().ok()?);
            rest = &rest[length..];
        }
        (rest.is_empty() && exists(&numbers))
            .then(|| self.join(&numbers.map(Option::unwrap_or_default)))
    }

    fn join(self, numbers: &[u16; 6]) -> String {
        let mut text = String::with_capacity("2026-11-22 10:20:30".len());
        for part in self.parts() {
            if part != self.from {
                text.push(part.separator());
            }
            push_padded(numbers[part as usize], part, &mut text);
        }
        text
    }
}

fn push_padded(number: u16, part: Part, text: &mut String) {
    let powers: &[u16] = if part == Part::Year { &[1000, 100, 10, 1] } else { &[10, 1] };
    let digit = |power: &u16| char::from_digit(u32::from(number / power % 10), 10);
    text.extend(powers.iter().filter_map(digit));
}

/// Whether some moment has these numbers; parts that are not given are chosen to fit.
fn exists(numbers: &[Option<u16>; 6]) -> bool {
    let [year, month, day, hour, minute, second] = *numbers;
    let year_leaps = year.is_none_or(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let days = match month {
        Some(2) if year_leaps => 29,
        Some(2) => 28,
        Some(4 | 6 | 9 | 11) => 30,
        _ => 31,
    };
    let within = |number: Option<u16>, first, last| {
        number.is_none_or(|number| (first..=last).contains(&number))
    };
    within(year, 1, 9999)
        && within(month, 1, 12)
        && within(day, 1, days)
        && within(hour, 0, 23)
        && within(minute, 0, 59)
        && within(second, 0, 59)
}

pub(super) fn is_space(char: char) -> bool {
    char.is_ascii_whitespace()
}

/// The type of a change: how its value, a date, is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateType {
    /// The type as the caller wrote it, for faults.
    text: String,
    precision: Precision,
}

impl DateType {
    /// Reads the type of a change; `None` is no check.
    pub(super) fn parse(text: &str) -> Result<Option<Self>> {
        let precision = match text {
            "" => return Ok(None),
            "dt" => Some(Precision::FULL),
            _ => text.strip_prefix("dt:").and_then(Precision::parse),
        };
        match precision {
            Some(precision) => Ok(Some(Self { text: text.to_owned(), precision })),
            None => Err(Problem::TypeUnknown(text.to_owned())),
        }
    }

    /// Reads the value of a change: a date, or an expression of `current`.
    pub(super) fn read(&self, value: &str) -> Result<Date> {
        let date = match Current::parse(value) {
            Some(current) => current.map(Date::Current),
            None => self.precision.normalise(value).map(Date::Fixed),
        };
        date.ok_or_else(|| self.refuse(value))
    }

    /// The date that a value stands for at a moment.
    pub(super) fn resolve(&self, value: &str, moment: &Moment) -> Result<String> {
        match self.read(value)? {
            Date::Fixed(date) => Ok(date),
            Date::Current(current) => self.evaluate(&current, moment),
        }
    }

    /// The date of an expression at a moment.
    pub(super) fn evaluate(&self, current: &Current, moment: &Moment) -> Result<String> {
        let date = current.at(moment).ok_or_else(|| self.refuse(current.text()))?;
        Ok(current.precision().unwrap_or(self.precision).print(date))
    }

    /// The problem of a value that is no date.
    pub(super) fn refuse(&self, value: &str) -> Problem {
        Problem::DateInvalid { date_type: self.text.clone(), value: value.to_owned() }
    }
}

/// The value of a change with a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Date {
    /// A date in its normal form.
    Fixed(String),
    /// An expression that the moment of the call decides.
    Current(Current),
}
