//! Short spellings for the tables of tests.

use _native::datakey::{Change, CopySource, Document, Moment, apply_all};
use _native::fault::{Fault, Result};
use _native::wire::v1::{DatakeyChange, DatakeyMode, ErrorReason};
use jiff::tz::TimeZone;

/// A change as (path, mode, value or path to copy from).
pub type Row<'t> = (&'t str, &'t str, &'t str);

/// The mode of a name of the seed, such as `merge_update.copy`.
pub fn mode(name: &str) -> DatakeyMode {
    let name = name.to_uppercase().replace('.', "_");
    DatakeyMode::from_str_name(&format!("DATAKEY_MODE_{name}")).unwrap()
}

pub fn change((path, mode_name, operand): Row) -> DatakeyChange {
    let is_copy = mode_name.split('.').nth(1) == Some("copy");
    let (value, copy_path) = if is_copy { ("", operand) } else { (operand, "") };
    DatakeyChange {
        path: path.to_owned(),
        mode: mode(mode_name).into(),
        value: value.to_owned().into(),
        copy_path: copy_path.to_owned(),
        ..DatakeyChange::default()
    }
}

/// A change of one path to a date.
pub fn date_change(date_type: &str, value: &str) -> DatakeyChange {
    DatakeyChange { r#type: date_type.to_owned(), ..change(("a", "set", value)) }
}

pub fn compile(changes: &[DatakeyChange]) -> Result<Vec<Change>> {
    changes.iter().enumerate().map(|(index, change)| Change::compile(index, change)).collect()
}

/// Friday, 2026-05-29 21:04:05 UTC, which is the day after in Moscow.
pub fn moment(zone: &str) -> Moment {
    let zone = TimeZone::get(zone).unwrap();
    Moment { now: "2026-05-29T21:04:05.678Z".parse().unwrap(), zone }
}

/// The text after changes, with a source for copies.
pub fn apply_from(text: &str, changes: &[DatakeyChange], source: CopySource) -> Result<String> {
    let changes = compile(changes)?;
    let outcome = apply_all(text, &changes, source, &moment("UTC"))?;
    assert_eq!(outcome.text.is_none(), outcome.deltas.is_empty());
    Ok(outcome.text.unwrap_or_else(|| text.to_owned()))
}

/// The text after changes of the member itself.
pub fn apply(text: &str, rows: &[Row]) -> Result<String> {
    let changes: Vec<_> = rows.iter().copied().map(change).collect();
    apply_from(text, &changes, CopySource::Itself)
}

/// Copies from another document.
pub fn other(text: &str) -> CopySource<'_> {
    CopySource::Other(Document::new(text))
}

/// Reason and details of a fault, the details as `name=value` in alphabetic order.
pub fn described(fault: &Fault) -> (ErrorReason, String) {
    let details = fault.details.iter().map(|(name, value)| format!("{name}={value}"));
    (fault.reason, details.collect::<Vec<_>>().join(" "))
}
