//! The one place that knows what is in a key.
//!
//! Builders append to a buffer of the caller, so that one buffer can hold the keys of a whole
//! batch; `owned` makes a key of its own. Integers are big-endian, so that byte order is number
//! order, and the number of the space comes first, so that a space is one range of each table.

mod express;

pub use self::express::{express_list, express_rows, express_rows_of, parse_express_rows};

use sha2::{Digest, Sha256};

use super::{StoreError, StoreResult, Table};
use crate::wire::v1::AddressType;

/// Bytes of the longest key: LMDB as it is built here takes no longer ones.
pub const KEY_BYTES_MAX: usize = 511;

/// A longer address is in its key as SHA-256: addresses have up to 4,096 bytes.
pub const ADDRESS_BYTES_PLAIN_MAX: usize = 400;

/// A longer value of a declared field is in its key as SHA-256: values have up to 1,024 bytes.
pub const FIELD_VALUE_BYTES_PLAIN_MAX: usize = 200;

/// Bytes of the longest request id and import id, as in the wire contract.
pub const ID_BYTES_MAX: usize = 128;

/// The one key of Meta.
pub const HEADER: &[u8] = b"header";

/// In the type byte of an address: the address follows as SHA-256.
const ADDRESS_HASHED: u8 = 0x80;

/// Bytes of a key of Heads, Bodies, Redirects, Merges, Trash and Erasures.
pub const NUMBERED_BYTES: usize = 12;

/// In place of the length of a field value: the value follows as SHA-256.
const FIELD_VALUE_HASHED: u8 = 0xff;

/// In place of the first byte of a request id: its SHA-256 follows. No UTF-8 begins with it.
const REQUEST_HASHED: u8 = 0xff;

const HASH_BYTES: usize = 32;

/// A name within a key: itself where it is short, its SHA-256 where it is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// The bytes themselves.
    Plain(&'a [u8]),
    /// SHA-256 of the bytes.
    Hashed(&'a [u8]),
}

/// A key of Addresses in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressKey<'a> {
    /// The number of the space.
    pub space: u32,
    /// The type of the address.
    pub kind: AddressType,
    /// The canonical form.
    pub address: Name<'a>,
}

/// A key of Fields in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldKey<'a> {
    /// The number of the space.
    pub space: u32,
    /// The number of the declared field.
    pub field: u16,
    /// The value as the index has it.
    pub value: Name<'a>,
    /// A member with this value.
    pub dataset_id: u64,
}

/// A key of Expiries in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryKey<'a> {
    /// When to forget, Unix time.
    pub time_seconds: u64,
    /// The table that has what to forget.
    pub table: Table,
    /// Its key there.
    pub key: &'a [u8],
}

/// The beginning of a key as one number, padded with zeros: keys sort like these numbers, most
/// keys differ in them, and comparing numbers is cheap.
pub fn sort_prefix(key: &[u8]) -> u128 {
    let mut bytes = [0; size_of::<u128>()];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

/// A number that stands for a key of Addresses where the address itself must not be kept: of 2^64,
/// so that two addresses never share one.
pub fn address_hash(key: &[u8]) -> u64 {
    let digest = Sha256::digest(key);
    digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The number of the space that a key of any table with spaces begins with.
pub fn space_of(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Makes one key in a buffer of its own: `owned(|key| head(key, space, head_id))`.
pub fn owned(build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut key = Vec::with_capacity(32);
    build(&mut key);
    key
}

/// Appends what all keys of a space begin with, in every table that has spaces.
pub fn space_prefix(key: &mut Vec<u8>, space: u32) {
    key.extend_from_slice(&space.to_be_bytes());
}

/// Appends a key of Spaces.
pub fn space(key: &mut Vec<u8>, account_id: u32, db_id: u32) {
    key.extend_from_slice(&account_id.to_be_bytes());
    key.extend_from_slice(&db_id.to_be_bytes());
}

/// Appends a key of Addresses; `address` is the canonical form.
pub fn address(key: &mut Vec<u8>, space: u32, kind: AddressType, address: &[u8]) {
    let kind = u8::try_from(kind as i32).expect("address types are small numbers");
    space_prefix(key, space);
    if address.len() <= ADDRESS_BYTES_PLAIN_MAX {
        key.push(kind);
        key.extend_from_slice(address);
    } else {
        key.push(kind | ADDRESS_HASHED);
        key.extend_from_slice(&Sha256::digest(address));
    }
}

/// Appends a key of Heads.
pub fn head(key: &mut Vec<u8>, space: u32, head_id: u64) {
    numbered(key, space, head_id);
}

/// Appends a key of Bodies.
pub fn body(key: &mut Vec<u8>, space: u32, dataset_id: u64) {
    numbered(key, space, dataset_id);
}

/// Appends a key of Redirects.
pub fn redirect(key: &mut Vec<u8>, space: u32, merged_dataset_id: u64) {
    numbered(key, space, merged_dataset_id);
}

/// Appends what all keys of Fields with this value begin with, and no other key does: a scan from
/// here that ends where this prefix ends lists the members with the value.
pub fn field_prefix(key: &mut Vec<u8>, space: u32, field: u16, value: &[u8]) {
    space_prefix(key, space);
    key.extend_from_slice(&field.to_be_bytes());
    match u8::try_from(value.len()) {
        Ok(length) if value.len() <= FIELD_VALUE_BYTES_PLAIN_MAX => {
            key.push(length);
            key.extend_from_slice(value);
        }
        _ => {
            key.push(FIELD_VALUE_HASHED);
            key.extend_from_slice(&Sha256::digest(value));
        }
    }
}

/// Appends what all keys of Fields of one field begin with.
pub fn field_start(key: &mut Vec<u8>, space: u32, field: u16) {
    space_prefix(key, space);
    key.extend_from_slice(&field.to_be_bytes());
}

/// Appends a key of Fields.
pub fn field(key: &mut Vec<u8>, space: u32, field: u16, value: &[u8], dataset_id: u64) {
    field_prefix(key, space, field, value);
    key.extend_from_slice(&dataset_id.to_be_bytes());
}

/// The first key of Fields under a prefix whose member is not less than `dataset_id`.
pub fn field_from(prefix: &[u8], dataset_id: u64) -> Vec<u8> {
    [prefix, &dataset_id.to_be_bytes()].concat()
}

/// Appends a key of Requests; the id has at most `ID_BYTES_MAX` bytes.
pub fn request(key: &mut Vec<u8>, space: u32, request_id: &[u8]) {
    named(key, space, request_id);
}

/// Appends the key of Requests under which a request id is that was erased; `plain` is the key
/// that it had.
pub fn erased_request(key: &mut Vec<u8>, plain: &[u8]) {
    let (space, request_id) = plain.split_at(plain.len().min(size_of::<u32>()));
    key.extend_from_slice(space);
    key.push(REQUEST_HASHED);
    key.extend_from_slice(&Sha256::digest(request_id));
}

/// Appends a key of Imports; the id has at most `ID_BYTES_MAX` bytes.
pub fn import(key: &mut Vec<u8>, space: u32, import_id: &[u8]) {
    named(key, space, import_id);
}

/// Appends a key of Expiries; `target` is a key of `table`.
pub fn expiry(key: &mut Vec<u8>, time_seconds: u64, table: Table, target: &[u8]) {
    key.extend_from_slice(&time_seconds.to_be_bytes());
    key.push(table.tag());
    key.extend_from_slice(target);
}

/// Appends a key of Changes.
pub fn change(key: &mut Vec<u8>, first_revision: u64) {
    key.extend_from_slice(&first_revision.to_be_bytes());
}

/// Appends a key of Merges.
pub fn merge(key: &mut Vec<u8>, space: u32, merge_id: u64) {
    numbered(key, space, merge_id);
}

/// Appends a key of `MemberMerges`.
pub fn member_merge(key: &mut Vec<u8>, space: u32, dataset_id: u64, merge_id: u64) {
    numbered(key, space, dataset_id);
    key.extend_from_slice(&merge_id.to_be_bytes());
}

/// The space, the member and the merge in a key of `MemberMerges`.
pub fn parse_member_merge(key: &[u8]) -> StoreResult<(u32, u64, u64)> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (dataset_id, rest) = split_u64(rest)?;
        let (merge_id, rest) = split_u64(rest)?;
        rest.is_empty().then_some((space, dataset_id, merge_id))
    };
    parse().ok_or_else(|| malformed(Table::MemberMerges, key))
}

/// Appends a key of Trash.
pub fn trash(key: &mut Vec<u8>, space: u32, dataset_id: u64) {
    numbered(key, space, dataset_id);
}

/// Appends a key of Origins.
pub fn origin(key: &mut Vec<u8>, space: u32, number: u32) {
    space_prefix(key, space);
    key.extend_from_slice(&number.to_be_bytes());
}

/// The space and the number in a key of Origins.
pub fn parse_origin(key: &[u8]) -> StoreResult<(u32, u32)> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (number, rest) = split_u32(rest)?;
        rest.is_empty().then_some((space, number))
    };
    parse().ok_or_else(|| malformed(Table::Origins, key))
}

/// The least number of a task that no change has begun: revisions do not get there.
pub const TASK_OF_SPACE: u64 = 1 << 63;

/// Appends a key of Tasks.
pub fn task(key: &mut Vec<u8>, task_id: u64) {
    key.extend_from_slice(&task_id.to_be_bytes());
}

/// Appends a key of Erasures.
pub fn erasure(key: &mut Vec<u8>, space: u32, erasure_id: u64) {
    numbered(key, space, erasure_id);
}

/// Appends a key of Policies.
pub fn policy(key: &mut Vec<u8>, space: u32) {
    space_prefix(key, space);
}

/// The space in a key of Policies.
pub fn parse_policy(key: &[u8]) -> StoreResult<u32> {
    let parse = || split_u32(key).filter(|(_, rest)| rest.is_empty());
    parse().map(|(space, _)| space).ok_or_else(|| malformed(Table::Policies, key))
}

/// Appends a key of Groups; the id has at most `ID_BYTES_MAX` bytes.
pub fn group(key: &mut Vec<u8>, space: u32, group_id: &str) {
    named(key, space, group_id.as_bytes());
}

/// Whether a key can hold the code of a group; a value of a broken store may say anything.
pub fn is_group_id(group_id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&group_id.len())
}

/// Appends what all keys of `GroupHeads` of one group begin with, and no other key does.
pub fn group_prefix(key: &mut Vec<u8>, space: u32, group_id: &str) {
    let length = u8::try_from(group_id.len()).expect("checked where a caller names a group");
    space_prefix(key, space);
    key.push(length);
    key.extend_from_slice(group_id.as_bytes());
}

/// Appends a key of `GroupHeads`.
pub fn group_head(key: &mut Vec<u8>, space: u32, group_id: &str, head_id: u64) {
    group_prefix(key, space, group_id);
    key.extend_from_slice(&head_id.to_be_bytes());
}

/// The space, the group and the head in a key of `GroupHeads`.
pub fn parse_group_head(key: &[u8]) -> StoreResult<(u32, &str, u64)> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (&length, rest) = rest.split_first()?;
        let (group_id, head_id) = rest.split_last_chunk()?;
        let group_id = std::str::from_utf8(group_id).ok()?;
        (group_id.len() == usize::from(length) && length > 0).then_some((
            space,
            group_id,
            u64::from_be_bytes(*head_id),
        ))
    };
    parse().ok_or_else(|| malformed(Table::GroupHeads, key))
}

/// Appends a key of Jobs. The newest come first, because that is how they are listed.
pub fn job(key: &mut Vec<u8>, space: u32, job_id: u64) {
    numbered(key, space, !job_id);
}

/// The space and the job in a key of Jobs.
pub fn parse_job(key: &[u8]) -> StoreResult<(u32, u64)> {
    parse_numbered(Table::Jobs, key).map(|(space, number)| (space, !number))
}

/// Appends a key of `JobProgress`: in the order of the queue, whatever the space.
pub fn job_progress(key: &mut Vec<u8>, job_id: u64) {
    key.extend_from_slice(&job_id.to_be_bytes());
}

/// The job in a key of `JobProgress`.
pub fn parse_job_progress(key: &[u8]) -> StoreResult<u64> {
    parse_number(Table::JobProgress, key)
}

/// Appends what all keys of Rejects of a job begin with.
pub fn rejects_of(key: &mut Vec<u8>, space: u32, job_id: u64) {
    numbered(key, space, job_id);
}

/// Appends a key of Rejects.
pub fn rejects(key: &mut Vec<u8>, space: u32, job_id: u64, batch: u64) {
    rejects_of(key, space, job_id);
    key.extend_from_slice(&batch.to_be_bytes());
}

/// The space, the job and the batch in a key of Rejects.
pub fn parse_rejects(key: &[u8]) -> StoreResult<(u32, u64, u64)> {
    parse_part(Table::Rejects, key)
}

/// The space, a number of it, and a part of that.
fn parse_part(table: Table, key: &[u8]) -> StoreResult<(u32, u64, u64)> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (number, rest) = split_u64(rest)?;
        let (part, rest) = split_u64(rest)?;
        rest.is_empty().then_some((space, number, part))
    };
    parse().ok_or_else(|| malformed(table, key))
}

/// The account and the database in a key of Spaces.
pub fn parse_space(key: &[u8]) -> StoreResult<(u32, u32)> {
    let parse = || {
        let (account_id, rest) = split_u32(key)?;
        let (db_id, rest) = split_u32(rest)?;
        rest.is_empty().then_some((account_id, db_id))
    };
    parse().ok_or_else(|| malformed(Table::Spaces, key))
}

/// The parts of a key of Addresses.
pub fn parse_address(key: &[u8]) -> StoreResult<AddressKey<'_>> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (&tag, rest) = rest.split_first()?;
        let kind = AddressType::try_from(i32::from(tag & !ADDRESS_HASHED)).ok()?;
        let address = if tag & ADDRESS_HASHED == 0 {
            (rest.len() <= ADDRESS_BYTES_PLAIN_MAX).then_some(Name::Plain(rest))?
        } else {
            (rest.len() == HASH_BYTES).then_some(Name::Hashed(rest))?
        };
        (kind != AddressType::Unspecified).then_some(AddressKey { space, kind, address })
    };
    parse().ok_or_else(|| malformed(Table::Addresses, key))
}

/// The space and the number in a key of Heads, Bodies, Redirects, Merges, Trash or Erasures.
pub fn parse_numbered(table: Table, key: &[u8]) -> StoreResult<(u32, u64)> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (number, rest) = split_u64(rest)?;
        rest.is_empty().then_some((space, number))
    };
    parse().ok_or_else(|| malformed(table, key))
}

/// The parts of a key of Fields.
pub fn parse_field(key: &[u8]) -> StoreResult<FieldKey<'_>> {
    let parse = || {
        let (space, rest) = split_u32(key)?;
        let (field, rest) = rest.split_first_chunk()?;
        let (&length, rest) = rest.split_first()?;
        let (value, dataset_id) = rest.split_last_chunk()?;
        let hashed = length == FIELD_VALUE_HASHED;
        let value_bytes = if hashed { HASH_BYTES } else { usize::from(length) };
        (value.len() == value_bytes && value_bytes <= FIELD_VALUE_BYTES_PLAIN_MAX).then(|| {
            FieldKey {
                space,
                field: u16::from_be_bytes(*field),
                value: if hashed { Name::Hashed(value) } else { Name::Plain(value) },
                dataset_id: u64::from_be_bytes(*dataset_id),
            }
        })
    };
    parse().ok_or_else(|| malformed(Table::Fields, key))
}

/// The space and the id in a key of Requests, Imports, Groups or `ExpressLists`.
pub fn parse_named(table: Table, key: &[u8]) -> StoreResult<(u32, &[u8])> {
    split_u32(key)
        .filter(|(_, id)| !id.is_empty() && id.len() <= ID_BYTES_MAX)
        .ok_or_else(|| malformed(table, key))
}

/// The parts of a key of Expiries.
pub fn parse_expiry(key: &[u8]) -> StoreResult<ExpiryKey<'_>> {
    let parse = || {
        let (time_seconds, rest) = split_u64(key)?;
        let (&tag, target) = rest.split_first()?;
        let table = Table::from_tag(tag)?;
        (!target.is_empty()).then_some(ExpiryKey { time_seconds, table, key: target })
    };
    parse().ok_or_else(|| malformed(Table::Expiries, key))
}

/// The first revision in a key of Changes.
pub fn parse_change(key: &[u8]) -> StoreResult<u64> {
    parse_number(Table::Changes, key)
}

/// The task in a key of Tasks.
pub fn parse_task(key: &[u8]) -> StoreResult<u64> {
    parse_number(Table::Tasks, key)
}

fn parse_number(table: Table, key: &[u8]) -> StoreResult<u64> {
    let bytes = key.try_into().map_err(|_| malformed(table, key))?;
    Ok(u64::from_be_bytes(bytes))
}

fn numbered(key: &mut Vec<u8>, space: u32, number: u64) {
    space_prefix(key, space);
    key.extend_from_slice(&number.to_be_bytes());
}

fn named(key: &mut Vec<u8>, space: u32, id: &[u8]) {
    debug_assert!(!id.is_empty() && id.len() <= ID_BYTES_MAX, "checked when the call is decoded");
    space_prefix(key, space);
    key.extend_from_slice(id);
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn split_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

/// The key itself is personal data and is not told.
fn malformed(table: Table, key: &[u8]) -> StoreError {
    let problem = format!("a key of {} bytes does not parse", key.len());
    StoreError::Corrupt { table: table.name(), problem }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
