//! The format version of a store: written when it is made, checked whenever it is opened.

use super::{StoreError, StoreResult, Table, records};
use crate::wire::storage::StoreHeader;

/// The version of keys and values that this build reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// The header of a store in which nothing ever changed.
pub fn fresh() -> StoreHeader {
    StoreHeader { format_version: FORMAT_VERSION, next_space_number: 1, ..StoreHeader::default() }
}

/// Reads a header, if it is of the version that this build knows.
pub fn parse(value: &[u8]) -> StoreResult<StoreHeader> {
    let header: StoreHeader = records::decode(Table::Meta, value)?;
    if header.format_version != FORMAT_VERSION {
        let found = header.format_version;
        return Err(StoreError::FormatUnknown { found, supported: FORMAT_VERSION });
    }
    Ok(header)
}

/// Judges what an engine found at its opening: the header where there is one, and whether the
/// tables are empty. Answers the header to write into a store that is new.
pub fn judge(found: Option<&[u8]>, empty: bool) -> StoreResult<Option<Vec<u8>>> {
    match found {
        Some(value) => parse(value).map(|_| None),
        None if empty => Ok(Some(records::encode(&fresh()))),
        None => Err(missing()),
    }
}

/// The error of data without a header.
pub fn missing() -> StoreError {
    let problem = "there are data but no header: this is not a store of zmey".to_owned();
    StoreError::Corrupt { table: Table::Meta.name(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Option<StoreHeader>, empty: bool) -> StoreResult<Option<StoreHeader>> {
        let found = found.map(|header| records::encode(&header));
        let written = judge(found.as_deref(), empty)?;
        Ok(written.map(|value| parse(&value).expect("a fresh header is known")))
    }

    #[test]
    fn headers_are_judged() {
        let other = StoreHeader { format_version: 2, ..fresh() };
        let unknown = StoreError::FormatUnknown { found: 2, supported: 1 };
        assert_eq!(check(None, true), Ok(Some(fresh())));
        assert_eq!(check(Some(fresh()), false), Ok(None));
        assert_eq!(check(Some(fresh()), true), Ok(None));
        assert_eq!(check(Some(other), false), Err(unknown));
        assert!(matches!(check(None, false), Err(StoreError::Corrupt { .. })));
        assert!(matches!(judge(Some(&[0xff]), true), Err(StoreError::Corrupt { .. })));
    }
}
