//! The sources of creation of heads: numbers with labels, defined for each space.

use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::wire::v1::ErrorReason;

/// Origins of one space: forms, partners and imports that somebody looks at one by one.
pub const ORIGINS_PER_SPACE_MAX: usize = 1_000;
/// Bytes of a label: a line that a person reads.
pub const LABEL_BYTES_MAX: usize = 128;
/// The highest number: far over what anybody counts, and the one after it is a number still.
pub const NUMBER_MAX: usize = 1_000_000_000;

/// An origin as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginName {
    /// By its number, which need not be defined; 0 is none.
    Number(u32),
    /// By its label, with the fault of one that is unknown.
    Label(String, Box<Fault>),
}

impl Default for OriginName {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl OriginName {
    /// A label; `place` says where in the request it is.
    pub fn of_label(label: &str, place: &[(&str, String)]) -> Self {
        let message = "No origin has this label; define it first.";
        let fault = Fault::new(ErrorReason::OriginUnknown, message);
        let fault = place.iter().fold(fault, |fault, (name, value)| fault.with(name, value));
        Self::Label(label.to_owned(), Box::new(fault))
    }

    /// What a call with a number and a label asks for: one of them, or none.
    pub fn of_call(number: u32, label: &str) -> Result<Self> {
        match (number, label.trim()) {
            (number, "") => Ok(Self::Number(number)),
            (0, label) => Ok(Self::of_label(label, &[("field", "origin_label".to_owned())])),
            _ => {
                let message = "An origin is given by its number or by its label.";
                Err(Fault::conflict("origin", "origin_label", message))
            }
        }
    }

    /// Whether the number is yet to be found.
    pub fn is_label(&self) -> bool {
        matches!(self, Self::Label(..))
    }

    /// The number of a name that was resolved.
    pub fn number(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Label(..) => 0,
        }
    }

    /// The number, as origins stand in a view.
    pub fn resolve(&self, view: &mut View<'_>, space: u32) -> std::result::Result<u32, Failure> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Label(label, unknown) => {
                let labels = view.origins(space)?;
                let named = labels.iter().find(|(_, known)| *known == label);
                Ok(named.map(|(number, _)| *number).ok_or_else(|| (**unknown).clone())?)
            }
        }
    }
}

/// Refuses a number that an origin cannot have.
pub fn check_number(number: u32) -> Result<()> {
    let actual = usize::try_from(number).map_err(Fault::internal)?;
    if actual > NUMBER_MAX {
        return Err(Fault::limit("number", NUMBER_MAX, actual));
    }
    Ok(())
}

/// A label as it is kept.
pub fn checked_label(label: &str) -> Result<String> {
    let trimmed = label.trim();
    if trimmed.is_empty() {
        return Err(Fault::required("label"));
    }
    if label.len() > LABEL_BYTES_MAX {
        return Err(Fault::limit("label", LABEL_BYTES_MAX, label.len()));
    }
    if trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::invalid("label", "must not be digits alone: those are numbers"));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Fault::invalid("label", "must not have control characters"));
    }
    Ok(trimmed.to_owned())
}
