//! Identifiers that zmey does not look into: csid and the tokens.

use crate::address::faults;
use crate::address::limits::{CSID_BYTES_MAX, SUBSTITUTE_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::fault::Result;
use crate::wire::v1::AddressType;

/// Appends a csid as it is. Its content is the client's own business (seed 002), so even control
/// characters pass.
pub fn append_csid(trimmed: &str, out: &mut String) -> Result<()> {
    append(AddressType::Csid, trimmed, CSID_BYTES_MAX, out)
}

/// Appends a stand-in for an e-mail as it is: only the client knows what it stands for (seed 002).
pub fn append_substitute(trimmed: &str, out: &mut String) -> Result<()> {
    append(AddressType::Email, trimmed, SUBSTITUTE_BYTES_MAX, out)
}

/// Appends a push, pushapp or umid token. Services issue them as printable text, so a control
/// character can only be an accident of transport.
pub fn append_token(kind: AddressType, trimmed: &str, out: &mut String) -> Result<()> {
    faults::refuse_control_characters(kind, trimmed)?;
    append(kind, trimmed, TOKEN_BYTES_MAX, out)
}

fn append(kind: AddressType, trimmed: &str, bytes_max: usize, out: &mut String) -> Result<()> {
    if trimmed.len() > bytes_max {
        return Err(faults::too_long(kind, bytes_max, trimmed.len()));
    }
    out.push_str(trimmed);
    Ok(())
}
