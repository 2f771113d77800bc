//! What can be wrong with a change, before it is known which change of the call it is.

use crate::fault::Fault;
use crate::json::{JsonFault, JsonProblem, LEVELS_MAX};
use crate::wire::v1::ErrorReason;

use super::apply::BODY_BYTES_MAX;
use super::change::VALUE_BYTES_MAX;
use super::path::PATH_ELEMENTS_MAX;

/// Details echo at most this many characters of a path, a type or a date: they travel in HTTP/2
/// trailers, which are bounded to a few kilobytes.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// One problem; `fault` adds the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    PathInvalid,
    PathTooLong(usize),
    Wildcard,
    ModeUnknown,
    TypeUnknown(String),
    DateInvalid {
        date_type: String,
        value: String,
    },
    ValueUnexpected,
    ValueTooLarge(usize),
    Json(JsonFault),
    TooDeep,
    NotAnObject,
    NotAnArray,
    IndexInvalid,
    BodyTooLarge(usize),
    /// How many digits, and how many at most.
    NumberTooLong(usize, usize),
    /// A place that is filled from a row belongs to the system.
    Reserved,
}

/// The result of everything inside this module.
pub(super) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// The fault of the change number `index` with the caller's `path`.
    pub(super) fn fault(self, index: usize, path: &str) -> Fault {
        match self {
            // The whole call grew the body.
            Self::BodyTooLarge(_) => self.fault_of_call(),
            _ => self.fault_at(path).with("index", index),
        }
    }

    /// The fault where no single change is to blame.
    pub(super) fn fault_of_call(self) -> Fault {
        self.fault_at("")
    }

    fn fault_at(self, path: &str) -> Fault {
        use ErrorReason as R;
        let at_path = |reason, message: &str| Fault::new(reason, message).with("path", shown(path));
        match self {
            Self::PathInvalid => at_path(
                R::DatakeyPathInvalid,
                "A datakey is elements joined by dots, with [n] for elements of arrays.",
            ),
            Self::Wildcard => at_path(
                R::DatakeyWildcard,
                "A change addresses one datakey: wildcards are for reading only.",
            ),
            Self::NotAnObject => {
                at_path(R::DatakeyNotAnObject, "An array or a scalar cannot be used as an object.")
            }
            Self::NotAnArray => {
                at_path(R::DatakeyNotAnArray, "An object or a scalar cannot be used as an array.")
            }
            Self::IndexInvalid => at_path(
                R::DatakeyIndexInvalid,
                "The array has no such element and it cannot be created.",
            ),
            Self::ModeUnknown => {
                Fault::new(R::DatakeyModeUnknown, "The mode of the change is not known here.")
            }
            Self::TypeUnknown(date_type) => Fault::new(
                R::DatakeyTypeUnknown,
                "A type is empty, dt, or dt:LR with L and R of Y M D h m s.",
            )
            .with("type", shown(&date_type)),
            Self::DateInvalid { date_type, value } => {
                Fault::new(R::DatakeyDateInvalid, "The value is no date of its type.")
                    .with("type", shown(&date_type))
                    .with("value", shown(&value))
            }
            Self::ValueUnexpected => Fault::new(
                R::DatakeyValueUnexpected,
                "The mode of the change takes no such value, type or copy_path.",
            ),
            Self::Json(JsonFault { problem: JsonProblem::TooDeep, .. }) | Self::TooDeep => {
                Fault::new(R::JsonTooDeep, "Arrays and objects are nested too deep.")
                    .with("max", LEVELS_MAX)
            }
            Self::Json(fault) => Fault::new(R::JsonInvalid, format!("JSON is refused: {fault}."))
                .with("offset_bytes", fault.offset_bytes),
            Self::PathTooLong(elements) => {
                Fault::limit("datakey_path_elements", PATH_ELEMENTS_MAX, elements)
            }
            Self::ValueTooLarge(bytes) => {
                Fault::limit("datakey_value_bytes", VALUE_BYTES_MAX, bytes)
            }
            Self::NumberTooLong(digits, max) => Fault::limit("number_digits", max, digits),
            Self::Reserved => {
                at_path(R::DatakeyReserved, "A row fills this datakey with a name of the system.")
            }
            Self::BodyTooLarge(bytes) => Fault::new(
                R::BodyTooLarge,
                "The data of the member would be too large after the change.",
            )
            .with("max_bytes", BODY_BYTES_MAX)
            .with("actual_bytes", bytes),
        }
    }
}

/// The first characters of a text of the caller.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
