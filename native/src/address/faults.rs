//! The faults that several address types share. None of them repeats the value.

use crate::address::names::type_name;
use crate::fault::{Fault, Result};
use crate::wire::v1::{AddressType, ErrorReason};

/// A fault whose only detail is the type of the address.
pub fn typed(kind: AddressType, reason: ErrorReason, message: impl Into<String>) -> Fault {
    Fault::new(reason, message).with("type", type_name(kind))
}

/// The fault of a value with nothing but white space.
pub fn empty(kind: AddressType) -> Fault {
    typed(kind, ErrorReason::AddressEmpty, "The address is empty.")
}

/// The fault of a value, or of its canonical form, over the bound of its type.
pub fn too_long(kind: AddressType, bytes_max: usize, bytes: usize) -> Fault {
    let name = type_name(kind);
    let message = format!("The {name} address has {bytes} bytes; at most {bytes_max} are allowed.");
    typed(kind, ErrorReason::AddressTooLong, message)
        .with("max_bytes", bytes_max)
        .with("actual_bytes", bytes)
}

/// Refuses control characters, which no e-mail and no token has: they come from broken exports and
/// would be invisible in every report.
pub fn refuse_control_characters(kind: AddressType, value: &str) -> Result<()> {
    // The control characters over ASCII begin with 0xC2 in UTF-8: most values need no second look.
    let suspicious = value.bytes().any(|byte| byte < 0x20 || byte == 0x7F || byte == 0xC2);
    if suspicious && value.chars().any(char::is_control) {
        return Err(typed(
            kind,
            ErrorReason::AddressControlCharacter,
            "The address has a control character; remove it.",
        ));
    }
    Ok(())
}
