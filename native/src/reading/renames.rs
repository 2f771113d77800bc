//! Other names for columns: those that the caller gives, and a datakey before all others.

use crate::fault::Fault;
use crate::wire::v1::{ErrorReason, ImportReading};

use super::caption;

/// Names of the file that a message lists.
const LISTED_MAX: usize = 20;

/// What columns are called instead, for a reading that renames some.
pub(super) struct Renames<'a> {
    reading: &'a ImportReading,
}

impl<'a> Renames<'a> {
    /// The other names of a reading.
    pub(super) fn of(reading: &'a ImportReading) -> Self {
        Self { reading }
    }

    /// Whether there are any; then the file has names.
    pub(super) fn are_some(&self) -> bool {
        !self.reading.renames.is_empty() || !self.reading.prefix.is_empty()
    }

    /// The name that counts for a column that the file calls so.
    pub(super) fn name(&self, name: &str) -> String {
        let name = name.trim();
        match self.reading.renames.get(name) {
            Some(other) => other.clone(),
            None if self.reading.prefix.is_empty() || is_key(name) => name.to_owned(),
            None => format!("{}{}", self.reading.prefix, literal(name)),
        }
    }

    /// Why the names of a file do not fit: one that is renamed is not there.
    pub(super) fn problem(&self, names: &[String]) -> Option<Fault> {
        let is_there = |name: &str| names.iter().any(|one| one.trim() == name);
        let missing = self.reading.renames.keys().find(|name| !is_there(name))?;
        let listed: Vec<&str> = names.iter().map(|name| name.trim()).take(LISTED_MAX).collect();
        let message = if listed.iter().all(|name| name.is_empty()) {
            format!(
                "renames has the column {missing:?}, but the columns of the file have no names."
            )
        } else {
            let listed = listed.join(", ");
            format!(
                "renames has the column {missing:?}, which the file does not have; it has {listed}."
            )
        };
        let fault = Fault::new(ErrorReason::FieldInvalid, message);
        Some(fault.with("field", "reading.renames").with("name", missing))
    }
}

/// Whether a name stays what it is although all others get a prefix.
fn is_key(name: &str) -> bool {
    matches!(name, "" | "-" | "contact_id" | "external_customer_id")
        || name
            .strip_prefix(caption::MEMBER)
            .is_some_and(|kind| caption::address_type(kind).is_some() || kind.starts_with("head."))
}

/// A name as one element of a datakey, or a part of one, whatever characters it has.
fn literal(name: &str) -> String {
    let mut literal = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '\\' | '.' | '[' | ']' | ':') {
            literal.push('\\');
        }
        literal.push(char);
    }
    literal
}
