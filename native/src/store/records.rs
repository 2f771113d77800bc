//! Between the bytes of values and the messages of `wire::storage`.

use bytes::Bytes;
use prost::Message;

use super::{Snapshot, StoreError, StoreResult, Table};
use crate::wire::storage::{
    ChangeList, ChangeSegment, ExpressRowList, ExpressSegment, RejectList, RejectSegment,
};

/// LZ4 cannot expand a block more than this; a larger claim is corrupt and is not allocated.
const LZ4_RATIO_MAX: usize = 255;

/// LZ4 would grow shorter lists rather than shrink them.
const COMPRESS_BYTES_MIN: usize = 64;

/// Reads a value of `table`.
pub fn decode<M: Message + Default>(table: Table, value: &[u8]) -> StoreResult<M> {
    M::decode(value).map_err(|error| {
        let problem = format!("a value of {} bytes does not decode: {error}", value.len());
        StoreError::Corrupt { table: table.name(), problem }
    })
}

/// Reads the value of one key.
pub fn get<M: Message + Default>(
    snapshot: &dyn Snapshot,
    table: Table,
    key: &[u8],
) -> StoreResult<Option<M>> {
    let mut found = None;
    get_many(snapshot, table, &[key], |_, record| found = record)?;
    Ok(found)
}

/// Reads the values of sorted keys in one round trip and visits them like `Snapshot::get_many`.
/// Where one does not decode, the others may have been visited.
pub fn get_many<M: Message + Default>(
    snapshot: &dyn Snapshot,
    table: Table,
    keys: &[&[u8]],
    mut visit: impl FnMut(usize, Option<M>),
) -> StoreResult<()> {
    let mut decoded = Ok(());
    snapshot.get_many(table, keys, &mut |position, value| match value
        .map(|bytes| decode(table, bytes))
        .transpose()
    {
        Ok(record) => visit(position, record),
        Err(error) => decoded = Err(error),
    })?;
    decoded
}

/// Writes a value.
pub fn encode<M: Message>(record: &M) -> Vec<u8> {
    record.encode_to_vec()
}

/// Fills `content` and `content_bytes` of a segment.
pub fn pack_changes(changes: &ChangeList) -> (Bytes, u32) {
    pack(changes.encode_to_vec())
}

/// The same for a list that is encoded already.
pub fn pack(plain: Vec<u8>) -> (Bytes, u32) {
    if plain.len() >= COMPRESS_BYTES_MIN {
        let packed = lz4_flex::block::compress(&plain);
        if packed.len() < plain.len() {
            let plain_bytes = u32::try_from(plain.len()).expect("bounded by the batch");
            return (packed.into(), plain_bytes);
        }
    }
    (plain.into(), 0)
}

/// Reads `content` of a segment.
pub fn unpack_changes(segment: &ChangeSegment) -> StoreResult<ChangeList> {
    decode(Table::Changes, &unpack(segment)?)
}

/// The encoded `ChangeList` of a segment.
pub fn unpack(segment: &ChangeSegment) -> StoreResult<Bytes> {
    decompressed(Table::Changes, &segment.content, segment.content_bytes)
}

/// Makes a segment of rejects; answers also how long they are.
pub fn pack_rejects(rejects: &RejectList) -> (RejectSegment, usize) {
    let plain = rejects.encode_to_vec();
    let bytes = plain.len();
    let (content, content_bytes) = pack(plain);
    (RejectSegment { content, content_bytes }, bytes)
}

/// Reads a segment of rejects.
pub fn unpack_rejects(segment: &RejectSegment) -> StoreResult<RejectList> {
    const TABLE: Table = Table::Rejects;
    decode(TABLE, &decompressed(TABLE, &segment.content, segment.content_bytes)?)
}

/// Fills `content` and `content_bytes` of a segment of rows.
pub fn pack_express(rows: &ExpressRowList) -> (Bytes, u32) {
    let plain = rows.encode_to_vec();
    let plain_bytes = u32::try_from(plain.len()).expect("bounded by the batch");
    (pack(plain).0, plain_bytes)
}

/// Reads the encoded `ExpressRowList` of a segment, as that or as a message with less of it.
pub fn unpack_express<M: Message + Default>(segment: &ExpressSegment) -> StoreResult<M> {
    const TABLE: Table = Table::ExpressRows;
    let is_plain = segment.content.len() == segment.content_bytes as usize;
    let content_bytes = if is_plain { 0 } else { segment.content_bytes };
    // What is read shares its bytes.
    let plain = decompressed(TABLE, &segment.content, content_bytes)?;
    M::decode(plain).map_err(|error| {
        let problem = format!("the rows of a segment do not decode: {error}");
        StoreError::Corrupt { table: TABLE.name(), problem }
    })
}

fn decompressed(table: Table, content: &Bytes, content_bytes: u32) -> StoreResult<Bytes> {
    if content_bytes == 0 {
        return Ok(content.clone());
    }
    let plain_bytes = content_bytes as usize;
    let plain = (plain_bytes / LZ4_RATIO_MAX <= content.len())
        .then(|| lz4_flex::block::decompress(content, plain_bytes).ok())
        .flatten()
        .filter(|plain| plain.len() == plain_bytes)
        .ok_or_else(|| StoreError::Corrupt {
            table: table.name(),
            problem: format!("{} bytes do not decompress", content.len()),
        })?;
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::storage::{AddressRecord, ChangeRecord};

    fn list(changes: u64) -> ChangeList {
        let change = |dataset_id| ChangeRecord { dataset_id, version: 1, ..Default::default() };
        ChangeList { changes: (0..changes).map(change).collect() }
    }

    #[test]
    fn changes_round_trip() {
        for (count, compressed) in [(0, false), (1, false), (2_000, true)] {
            let (content, content_bytes) = pack_changes(&list(count));
            assert_eq!(content_bytes != 0, compressed, "{count} changes");
            let segment = ChangeSegment { content, content_bytes, ..Default::default() };
            assert_eq!(unpack_changes(&segment), Ok(list(count)), "{count} changes");
        }
    }

    #[test]
    fn corrupt_values_are_refused() {
        let (content, content_bytes) = pack_changes(&list(2_000));
        let cut = content.slice(..content.len() - 9);
        for (content, content_bytes) in [
            (content.clone(), u32::MAX),
            (content.clone(), content_bytes - 1),
            (cut, content_bytes),
        ] {
            let segment = ChangeSegment { content, content_bytes, ..Default::default() };
            assert!(matches!(unpack_changes(&segment), Err(StoreError::Corrupt { .. })));
        }
        let error = decode::<AddressRecord>(Table::Addresses, &[0xff]).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { table: "addresses", .. }));
    }

    #[test]
    fn a_record_comes_back() {
        let record = AddressRecord { head_id: 7, dataset_id: 9, deleted_dataset_id: 0 };
        assert_eq!(decode(Table::Addresses, &encode(&record)), Ok(record));
    }
}
