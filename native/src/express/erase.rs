//! Takes the rows of erased members out of lists.

use super::prepare::{hash, packed};
use crate::member::View;
use crate::store::{StoreError, StoreResult, Table, keys, records};
use crate::wire::storage::{ExpressListRecord, ExpressRowList, ExpressSegment};
use crate::wire::v1::AddressType;

/// Removes the rows of a segment that name an erased address, of which its hash tells.
pub fn forget_addresses(
    view: &mut View<'_>,
    (key, value): (&[u8], &[u8]),
    is_erased: &dyn Fn(u64) -> bool,
) -> StoreResult<()> {
    let (space, list, _) = keys::parse_express_rows(key)?;
    let stored: ExpressSegment = records::decode(Table::ExpressRows, value)?;
    let kind = kind_of(&stored)?;
    let names = |address: &str, others: &[u64]| {
        is_erased(hash(space, kind, address)) || others.iter().any(|&other| is_erased(other))
    };
    // Most segments name none of them: as little as possible is read of these.
    let short: Named = records::unpack_express(&stored)?;
    if !short.rows.iter().any(|row| names(&row.address, &row.addresses)) {
        return Ok(());
    }
    // The same commit may have dropped it.
    let Some(segment) = view.record::<ExpressSegment>(Table::ExpressRows, key)? else {
        return Ok(());
    };
    if !keys::is_group_id(&segment.list_id) {
        return Err(corrupt("a segment that names no list"));
    }
    let mut rows: ExpressRowList = records::unpack_express(&segment)?;
    rows.rows.retain(|row| !names(&row.address, &row.addresses));
    let list_key = keys::owned(|key| keys::express_list(key, space, &segment.list_id));
    let record = view.record::<ExpressListRecord>(Table::ExpressLists, &list_key)?;
    let Some(mut record) = record.filter(|record| record.number == list) else {
        return Err(corrupt("rows of a list that is not there"));
    };
    let left = packed(&segment.list_id, kind, &rows);
    record.rows = (record.rows + u64::from(left.rows)).saturating_sub(segment.rows.into());
    record.bytes =
        (record.bytes + u64::from(left.content_bytes)).saturating_sub(segment.content_bytes.into());
    view.set_record(Table::ExpressLists, list_key, Some(&record));
    view.set_record(Table::ExpressRows, key.to_vec(), (left.rows > 0).then_some(&left));
    Ok(())
}

/// The type of the addresses of a segment.
fn kind_of(segment: &ExpressSegment) -> StoreResult<AddressType> {
    let kind = i32::try_from(segment.address_type).ok().and_then(|kind| kind.try_into().ok());
    kind.ok_or_else(|| corrupt("a segment of addresses of an unknown type"))
}

fn corrupt(problem: &str) -> StoreError {
    StoreError::Corrupt { table: Table::ExpressRows.name(), problem: problem.to_owned() }
}

/// As much of an `ExpressRowList` as tells whom it names.
#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(message, repeated, tag = "1")]
    rows: Vec<NamedRow>,
}

/// As much of an `ExpressRowRecord`.
#[derive(Clone, PartialEq, prost::Message)]
struct NamedRow {
    #[prost(string, tag = "2")]
    address: String,
    #[prost(fixed64, repeated, tag = "5")]
    addresses: Vec<u64>,
}
