//! One cell of a spreadsheet becomes JSON.

use std::fmt::Write;

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime, ExcelDateTimeType};

use crate::json;

use super::limits::EXACT_NUMBERS_END;

/// The first day that no spreadsheet shows: 10000-01-01 as a number of the 1900 system.
const DAYS_MAX: f64 = 2_958_466.0;

/// Numbers whose digits are written out: as many as people read. Others have an exponent.
const PLAIN_MIN: f64 = 1e-7;
const PLAIN_MAX: f64 = 1e21;

const DAY_SECONDS: i64 = 86_400;

/// Why a cell is not what it should be.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It is the error of a formula instead.
    Error(CellErrorType),
    /// It is a whole number whose last digits may be others.
    Inexact,
}

/// Appends a cell; says what is wrong with it.
pub(super) fn push_cell(cell: &DataRef<'_>, json: &mut String) -> Option<Flaw> {
    match cell {
        DataRef::Empty => json.push_str("null"),
        DataRef::Int(number) => json.push_str(&number.to_string()),
        DataRef::Float(number) => {
            push_number(*number, json);
            return is_inexact(*number).then_some(Flaw::Inexact);
        }
        DataRef::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        DataRef::String(text) => json::quote(text, json),
        DataRef::DurationIso(text) => json::quote(span(text).as_deref().unwrap_or(text), json),
        DataRef::SharedString(text) => json::quote(text, json),
        DataRef::DateTime(moment) => push_moment(moment, json),
        DataRef::DateTimeIso(text) => json::quote(&iso(text), json),
        DataRef::Error(error) => {
            json.push_str("null");
            return Some(Flaw::Error(error.clone()));
        }
    }
    None
}

/// A cell of a sheet that was read whole.
pub(super) fn borrowed(cell: &Data) -> DataRef<'_> {
    match cell {
        Data::Int(number) => DataRef::Int(*number),
        Data::Float(number) => DataRef::Float(*number),
        Data::String(text) => DataRef::SharedString(text),
        Data::Bool(value) => DataRef::Bool(*value),
        Data::DateTime(moment) => DataRef::DateTime(*moment),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Error(error) => DataRef::Error(error.clone()),
        Data::Empty => DataRef::Empty,
    }
}

/// Whether a number is the same double as other whole ones.
pub(super) fn is_inexact(number: f64) -> bool {
    number.is_finite() && number.abs() >= EXACT_NUMBERS_END
}

/// The shortest digits that are this number.
fn push_number(number: f64, json: &mut String) {
    let size = number.abs();
    if !number.is_finite() {
        json.push_str("null");
    } else if number == 0.0 {
        // Minus zero is shown without its sign.
        json.push('0');
    } else if (PLAIN_MIN..PLAIN_MAX).contains(&size) {
        json.push_str(&number.to_string());
    } else {
        write!(json, "{number:e}").expect("a string takes all");
    }
}

/// `YYYY-MM-DD`, `YYYY-MM-DD hh:mm:ss`, `hh:mm:ss` for a time without a day, and hours without a
/// bound for a span of time. What no spreadsheet shows as a date stays a number.
fn push_moment(moment: &ExcelDateTime, json: &mut String) {
    let value = moment.as_f64();
    if !(0.0..DAYS_MAX).contains(&value) {
        return push_number(value, json);
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 2^22 days of seconds")]
    let seconds = (value * 86_400.0).round() as i64;
    let (days, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let text = if moment.is_duration() {
        clock(seconds)
    } else if value < 1.0 && days == 0 {
        clock(second)
    } else {
        let date = date(days, moment);
        if second == 0 { date } else { format!("{date} {}", clock(second)) }
    };
    json::quote(&text, json);
}

/// So many seconds as hours, minutes and seconds.
fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// `PT10H30M00S`, as ODS has times and spans of time, as the others are written.
fn span(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds: f64 = rest.strip_suffix('S')?.replace(',', ".").parse().ok()?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0.0..60.0).contains(&seconds) || minutes >= 60 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below a minute")]
    let seconds = seconds.round() as i64;
    Some(clock(i64::from(hours) * 3_600 + i64::from(minutes) * 60 + seconds))
}

fn date(days: i64, moment: &ExcelDateTime) -> String {
    // A day as a number of the 1904 system differs from one of 1900 by this.
    let is_1904 = *moment == ExcelDateTime::new(moment.as_f64(), ExcelDateTimeType::DateTime, true);
    #[expect(clippy::cast_precision_loss, reason = "below 2^22")]
    let day = ExcelDateTime::new(days as f64, ExcelDateTimeType::DateTime, is_1904);
    let (year, month, day, ..) = day.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-01-02T00:00:00` as the other dates are written.
fn iso(text: &str) -> String {
    let text = text.replacen('T', " ", 1);
    text.strip_suffix(" 00:00:00").map_or(text.clone(), str::to_owned)
}
