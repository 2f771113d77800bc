//! The expression `current[:LR] ± N unit …`: a moment relative to the one of the call.

use jiff::civil::DateTime;
use jiff::{Span, Zoned};

use super::date::{Precision, is_space};
use super::moment::Moment;

/// Digits of a number of units. More reach beyond the calendar for every unit but the second,
/// which reaches 31 years with nine digits.
const NUMBER_DIGITS_MAX: usize = 9;

/// The last year that four digits can write.
const YEAR_MAX: i16 = 9999;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Current {
    /// The expression as the caller wrote it, for faults.
    text: String,
    precision: Option<Precision>,
    shifts: Vec<Shift>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    number: i64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Current {
    /// Reads a value. The outer `None` is a value that is no expression, the inner one a wrong
    /// expression. White space between the words is free.
    #[expect(clippy::option_option, reason = "three answers: no expression, wrong, right")]
    pub(super) fn parse(value: &str) -> Option<Option<Self>> {
        const WORD: &str = "current";
        let value = value.trim_matches(is_space);
        let (word, rest) = value.split_at_checked(WORD.len())?;
        word.eq_ignore_ascii_case(WORD).then(|| Self::parse_rest(value, rest))
    }

    fn parse_rest(text: &str, rest: &str) -> Option<Self> {
        let (precision, mut rest) = match rest.strip_prefix(':') {
            Some(behind) => {
                let (letters, behind) = behind.split_at_checked(2)?;
                (Some(Precision::parse(letters)?), behind)
            }
            None => (None, rest),
        };
        let mut shifts = Vec::new();
        loop {
            rest = rest.trim_start_matches(is_space);
            if rest.is_empty() {
                return Some(Self { text: text.to_owned(), precision, shifts });
            }
            let (shift, behind) = Shift::parse(rest)?;
            shifts.push(shift);
            rest = behind;
        }
    }

    /// The expression as the caller wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The precision of the expression, which wins over that of the type.
    pub(super) fn precision(&self) -> Option<Precision> {
        self.precision
    }

    /// The date and time of the expression; `None` beyond the years 1 to 9999.
    pub(super) fn at(&self, moment: &Moment) -> Option<DateTime> {
        let shifted = self.shifts.iter().try_fold(moment.local(), |time, shift| shift.add(&time));
        shifted.map(|time| time.datetime()).filter(|date| (1..=YEAR_MAX).contains(&date.year()))
    }
}

impl Shift {
    /// Reads `± N unit`.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let text = text[1..].trim_start_matches(is_space);
        let (digits, text) = split_while(text, |char| char.is_ascii_digit());
        if digits.is_empty() || digits.len() > NUMBER_DIGITS_MAX {
            return None;
        }
        let number = sign * digits.parse::<i64>().ok()?;
        let text = text.trim_start_matches(is_space);
        let (word, text) = split_while(text, |char| char.is_ascii_alphabetic());
        Some((Self { number, unit: Unit::parse(word)? }, text))
    }

    /// The shifted time. Months and years end at the last day of a shorter month; hours and
    /// smaller units count elapsed time across changes of the clock.
    fn add(self, time: &Zoned) -> Option<Zoned> {
        let span = Span::new();
        let span = match self.unit {
            Unit::Second => span.try_seconds(self.number),
            Unit::Minute => span.try_minutes(self.number),
            Unit::Hour => span.try_hours(self.number),
            Unit::Day => span.try_days(self.number),
            Unit::Week => span.try_weeks(self.number),
            Unit::Month => span.try_months(self.number),
            Unit::Year => span.try_years(self.number),
        };
        time.checked_add(span.ok()?).ok()
    }
}

impl Unit {
    /// Reads the word of a unit in any case, singular or plural.
    fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Some(match word.strip_suffix('s').unwrap_or(&word) {
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }
}

fn split_while(text: &str, holds: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|char| !holds(char)).unwrap_or(text.len()))
}
