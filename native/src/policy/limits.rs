//! The bounds of a policy, and the bounds of those bounds.

use crate::address::type_name;
use crate::fault::{Fault, Result};
use crate::wire::v1::{AddressType, HeadTypeLimit, PolicyLimits};

/// Heads of one member: far over what one person has; a body lists them all.
pub const HEADS_PER_MEMBER_MAX: usize = 1_000;
/// Bytes of data that both members of a merge may have: two of the largest bodies.
pub const MERGE_BYTES_MAX: usize = 2 << 20;
/// Custom fields of a space: each costs a look into the data of every write.
pub const FIELDS_MAX: usize = 100;
/// Indexes of a space that are being built or removed: each change of a policy may leave twice as
/// many as there may be fields, and all of them are in one record.
pub const BUILDS_MAX: usize = 1_000;
/// Days for which deleted members may be kept: ten years.
pub const RETENTION_DAYS_MAX: usize = 3_650;
/// Days for which they are kept unless the policy says otherwise.
pub const RETENTION_DAYS_DEFAULT: u32 = 30;

/// The bounds of members and merges in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Heads of a member.
    pub heads: usize,
    /// Heads of single types, by the number of the type.
    pub heads_by_type: Vec<(u32, usize)>,
    /// Heads that one merge moves.
    pub merge_heads: usize,
    /// Bytes of data of both members of a merge.
    pub merge_bytes: usize,
    /// E-mails that come in without confirmation in a month; 0 is no limit.
    pub confirm_free_per_month: u32,
    /// Members with whom e-mails come in without confirmation; 0 is no limit.
    pub members: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            heads: HEADS_PER_MEMBER_MAX,
            heads_by_type: Vec::new(),
            merge_heads: HEADS_PER_MEMBER_MAX,
            merge_bytes: MERGE_BYTES_MAX,
            confirm_free_per_month: 0,
            members: 0,
        }
    }
}

impl Limits {
    /// Checks the limits of a policy; `at` is where they stand.
    pub fn compile(limits: &PolicyLimits, at: &str) -> Result<Self> {
        let mut heads_by_type: Vec<(u32, usize)> = Vec::new();
        for (index, limit) in limits.heads_per_type.iter().enumerate() {
            let at = format!("{at}.heads_per_type[{index}]");
            let kind = head_type(*limit, &at)?;
            if heads_by_type.iter().any(|(known, _)| *known == kind as u32) {
                return Err(Fault::invalid(&format!("{at}.type"), "is limited twice"));
            }
            let field = format!("{at}.heads_max");
            let max = within(&field, limit.heads_max, HEADS_PER_MEMBER_MAX)?;
            heads_by_type.push((kind as u32, max));
        }
        let given = |name: &str, value: u32, max: usize| -> Result<usize> {
            let value = within(&format!("{at}.{name}"), value, max)?;
            Ok(if value == 0 { max } else { value })
        };
        let heads = limits.heads_per_member_max;
        Ok(Self {
            heads: given("heads_per_member_max", heads, HEADS_PER_MEMBER_MAX)?,
            heads_by_type,
            merge_heads: given("merge_heads_max", limits.merge_heads_max, HEADS_PER_MEMBER_MAX)?,
            merge_bytes: given("merge_bytes_max", limits.merge_bytes_max, MERGE_BYTES_MAX)?,
            ..Self::default()
        })
    }

    /// The limits that heads of these types cross, as (limit, max, actual), in the order of the
    /// contract.
    pub fn crossed(&self, head_types: &[u32]) -> impl Iterator<Item = Fault> {
        let count = head_types.len();
        let all = (count > self.heads).then(|| Fault::limit("member.heads", self.heads, count));
        let by_type = self.heads_by_type.iter().filter_map(move |&(kind, max)| {
            let count = head_types.iter().filter(|&&other| other == kind).count();
            (count > max).then(|| Fault::limit(&of_type(kind), max, count))
        });
        all.into_iter().chain(by_type)
    }

    /// Refuses one more head of each of these types for a member who has others. A type of which
    /// the member gets none may be over its limit since that was lowered.
    pub fn check_room(&self, has: &[u32], gets: &[u32]) -> Result<()> {
        let count = has.len() + gets.len();
        if count > self.heads {
            return Err(Fault::limit("member.heads", self.heads, count));
        }
        for &(kind, max) in &self.heads_by_type {
            if !gets.contains(&kind) {
                continue;
            }
            let count = has.iter().chain(gets).filter(|&&other| other == kind).count();
            if count > max {
                return Err(Fault::limit(&of_type(kind), max, count));
            }
        }
        Ok(())
    }

    /// Refuses a merge that has to move or write more than it may.
    pub fn check_merge(&self, heads: usize, bytes: usize) -> Result<()> {
        if heads > self.merge_heads {
            return Err(Fault::limit("merge.heads", self.merge_heads, heads));
        }
        if bytes > self.merge_bytes {
            return Err(Fault::limit("merge.bytes", self.merge_bytes, bytes));
        }
        Ok(())
    }
}

/// The name of the limit of a type.
fn of_type(kind: u32) -> String {
    let kind = i32::try_from(kind).ok().and_then(|kind| AddressType::try_from(kind).ok());
    format!("member.heads.{}", kind.map_or("unknown", type_name))
}

fn head_type(limit: HeadTypeLimit, at: &str) -> Result<AddressType> {
    match AddressType::try_from(limit.r#type) {
        Ok(kind) if kind != AddressType::Unspecified => Ok(kind),
        _ => Err(Fault::invalid(&format!("{at}.type"), "is not a known address type")),
    }
}

/// Refuses a number over its bound.
pub fn within(field: &str, value: u32, max: usize) -> Result<usize> {
    match usize::try_from(value) {
        Ok(value) if value <= max => Ok(value),
        _ => Err(Fault::limit(field, max, value as usize)),
    }
}
