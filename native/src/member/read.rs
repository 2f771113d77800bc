//! What readers see of a member: datakeys by pattern, system keys, heads.

use crate::datakey::{self, Pattern};
use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::record::{self, Extras};
use crate::space::Space;
use crate::store::StoreResult;
use crate::wire::storage::{BodyRecord, HeadRecord, Stamp};
use crate::wire::v1;

/// Paths of one read; a body has at most a few hundred members worth naming.
const PATHS_MAX: usize = 1_000;

/// Paths with wildcards of one read: each goes through all that is behind its first wildcard.
const WILDCARD_PATHS_MAX: usize = 100;

/// Bytes that one read answers: a thousand times the largest body would be a gigabyte.
const READ_BYTES_MAX: usize = 16 << 20;

/// A compiled list of paths to read.
#[derive(Debug)]
pub struct Paths {
    entries: Vec<(String, Pattern)>,
}

impl Paths {
    /// Compiles the paths of a request.
    pub fn compile(paths: &[String]) -> Result<Self> {
        if paths.len() > PATHS_MAX {
            return Err(Fault::limit("datakeys", PATHS_MAX, paths.len()));
        }
        let compile = |(index, path): (usize, &String)| {
            let pattern = Pattern::parse(index, path)?;
            Ok((path.clone(), pattern))
        };
        let entries: Vec<_> = paths.iter().enumerate().map(compile).collect::<Result<_>>()?;
        let wildcards = entries.iter().filter(|(_, pattern)| pattern.has_wildcard()).count();
        if wildcards > WILDCARD_PATHS_MAX {
            return Err(Fault::limit("datakeys.wildcards", WILDCARD_PATHS_MAX, wildcards));
        }
        Ok(Self { entries })
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first path that reads a system key, if any.
    pub fn reserved(&self) -> Option<&str> {
        let reserved = |entry: &&(String, Pattern)| entry.1.reserved().is_some();
        self.entries.iter().find(reserved).map(|(path, _)| path.as_str())
    }

    /// Reads every path; `head` is the one through which the member is addressed.
    pub fn read(
        &self,
        space: &Space,
        body: &BodyRecord,
        contact: u64,
        head: (u64, &HeadRecord),
        extras: &Extras,
    ) -> Result<Vec<v1::DatakeyValue>> {
        let reads_system = self.reserved().is_some();
        let system = reads_system.then(|| system_document(space, body, contact, head, extras));
        let mut system = datakey::Reader::new(system.as_deref().unwrap_or("{}"));
        let mut data = datakey::Reader::new(&body.data);
        let mut bytes = 0;
        let mut values = Vec::with_capacity(self.entries.len());
        for (path, pattern) in &self.entries {
            let reader = if pattern.reserved().is_some() { &mut system } else { &mut data };
            let value = reader.read(pattern).unwrap_or_default();
            bytes += value.len();
            if bytes > READ_BYTES_MAX {
                return Err(Fault::limit("datakeys.bytes", READ_BYTES_MAX, bytes));
            }
            values.push(v1::DatakeyValue { path: path.clone(), value: value.into() });
        }
        Ok(values)
    }
}

/// The system keys of a member as one document.
fn system_document(
    space: &Space,
    body: &BodyRecord,
    contact: u64,
    head: (u64, &HeadRecord),
    extras: &Extras,
) -> String {
    let member = record::member_record(body, contact, head, extras, &space.zone);
    let groups = record::group_record(head.1, &space.zone);
    format!("{{\"member\":{member},\"-group\":{groups}}}")
}

/// The heads of a body in their order.
pub fn heads(
    view: &mut View<'_>,
    space: u32,
    body: &BodyRecord,
) -> StoreResult<Vec<(u64, HeadRecord)>> {
    let mut heads = Vec::with_capacity(body.head_ids.len());
    for &id in &body.head_ids {
        if let Some(head) = view.head(space, id)? {
            heads.push((id, head.clone()));
        }
    }
    Ok(heads)
}

/// A head as the contract shows it.
pub fn wire_head(id: u64, head: &HeadRecord) -> v1::Head {
    let kind = i32::try_from(head.r#type).unwrap_or_default();
    let address = v1::CanonicalAddress { r#type: kind, value: head.address.clone() };
    v1::Head { id, address: Some(address) }
}

/// A stamp as the contract shows it.
pub fn wire_stamp(stamp: &Stamp) -> v1::Stamp {
    v1::Stamp { time_seconds: stamp.time_seconds, host: stamp.host.clone() }
}

/// The body of a member that must exist.
pub fn living_body(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
) -> std::result::Result<BodyRecord, Failure> {
    let body = view.body(space, contact)?;
    body.cloned().ok_or_else(|| {
        let message = "No member has these keys.";
        Fault::new(v1::ErrorReason::MemberMissing, message).into()
    })
}
