//! Dates of spreadsheets with the parts that their columns ask for.
//!
//! A spreadsheet keeps moments and not their parts: midnight comes as a day, every other moment
//! with its seconds. In a column of dates with a time a midnight would be refused, and in one of
//! minutes every moment. Only parts that are zero come and go, so that nothing is lost.

use bytes::Bytes;

use crate::wire::v1::ImportColumn;
use crate::wire::v1::import_column::Target;

use super::batch::SourceBatch;

/// How a moment is written, with zeros for its digits.
const MOMENT: &str = "0000-00-00 00:00:00";

/// Where the day ends in it, and where the clock begins.
const DAY_END: usize = "0000-00-00".len();
const CLOCK_START: usize = DAY_END + 1;

/// A column of dates.
pub(super) struct DateColumn {
    position: usize,
    /// The letters of the first and the last part, as in `dt:LR`.
    first: u8,
    last: u8,
}

/// The columns of dates of a spreadsheet.
pub(super) fn columns(columns: &[ImportColumn]) -> Vec<DateColumn> {
    columns.iter().enumerate().filter_map(date_column).collect()
}

fn date_column((position, column): (usize, &ImportColumn)) -> Option<DateColumn> {
    let Some(Target::Datakey(datakey)) = &column.target else { return None };
    let parts = if datakey.r#type == "dt" { "Ys" } else { datakey.r#type.strip_prefix("dt:")? };
    let [first, last] = *parts.as_bytes() else { return None };
    Some(DateColumn { position, first, last })
}

/// Gives the dates of these columns their parts; what cannot have them stays as it is.
pub(super) fn fit(batch: &mut SourceBatch, columns: &[DateColumn]) {
    for row in &mut batch.rows {
        for column in columns {
            let Some(cell) = row.cells.get_mut(column.position) else { continue };
            if let Some(text) = std::str::from_utf8(cell).ok().and_then(|text| column.fitted(text))
            {
                *cell = Bytes::from(text);
            }
        }
    }
}

impl DateColumn {
    /// A date with the parts of the column; `None` where it has them or cannot have them.
    fn fitted(&self, text: &str) -> Option<String> {
        let (start, end) = match self.first {
            b'Y' => (0, DAY_END),
            b'h' => (CLOCK_START, CLOCK_START),
            _ => return None,
        };
        let wanted = match self.last {
            b'h' => &MOMENT[start..MOMENT.len() - ":00:00".len()],
            b'm' => &MOMENT[start..MOMENT.len() - ":00".len()],
            b's' => &MOMENT[start..],
            _ => return None,
        };
        let is_day = end > start && is_like(text, &MOMENT[start..end]);
        if is_day {
            return Some(format!("{text}{}", &wanted[end..]));
        }
        let is_whole = is_like(text, &MOMENT[start..]) && text.len() > wanted.len();
        let (kept, rest) = text.split_at_checked(wanted.len())?;
        (is_whole && rest.bytes().all(|byte| matches!(byte, b':' | b'0'))).then(|| kept.to_owned())
    }
}

/// Whether a text is written like another one, but for its digits.
fn is_like(text: &str, other: &str) -> bool {
    text.len() == other.len()
        && text
            .bytes()
            .zip(other.bytes())
            .all(|(byte, other)| if other == b'0' { byte.is_ascii_digit() } else { byte == other })
}

#[cfg(test)]
mod tests {
    use super::DateColumn;

    #[test]
    fn dates_have_the_parts_of_their_type() {
        let (day, noon, clock) = ("2026-01-02", "2026-01-02 12:00:00", "10:30:00");
        for (parts, text, expected) in [
            ("Ys", day, Some("2026-01-02 00:00:00")),
            ("Ym", day, Some("2026-01-02 00:00")),
            ("Yh", day, Some("2026-01-02 00")),
            ("YD", day, None),
            ("YM", day, None),
            ("Ys", noon, None),
            ("Ym", noon, Some("2026-01-02 12:00")),
            ("Yh", noon, Some("2026-01-02 12")),
            ("YD", noon, None),
            ("Yh", "2026-01-02 12:30:00", None),
            ("Ym", "2026-01-02 12:30:01", None),
            ("hm", clock, Some("10:30")),
            ("hh", clock, None),
            ("hs", clock, None),
            ("hs", day, None),
            ("Ys", clock, None),
            ("Ys", "2026-1-2", None),
            ("Ys", "", None),
            ("Ym", "current - 1 days дня", None),
        ] {
            let [first, last] = *parts.as_bytes() else { panic!("two letters") };
            let column = DateColumn { position: 0, first, last };
            assert_eq!(column.fitted(text).as_deref(), expected, "{parts} {text}");
        }
    }
}
