//! What readers see of a member: datakeys by pattern, system keys, heads.

use crate::datakey::{self, Pattern};
use crate::fault::{Failure, Fault, Result};
use crate::member::View;
use crate::member::system;
use crate::space::Space;
use crate::store::StoreResult;
use crate::wire::storage::{BodyRecord, HeadRecord};
use crate::wire::v1;

/// Paths of one read; a body has at most a few hundred members worth naming.
pub const PATHS_MAX: usize = 1_000;

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
        Ok(Self { entries: paths.iter().enumerate().map(compile).collect::<Result<_>>()? })
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
        (head_id, head): (u64, &HeadRecord),
    ) -> Vec<v1::DatakeyValue> {
        let mut system = None;
        let value = |(path, pattern): &(String, Pattern)| {
            let text = if pattern.reserved().is_some() {
                let root = system.get_or_insert_with(|| {
                    let zone = &space.zone;
                    let member = system::member_record(body, contact, head, head_id, zone);
                    let groups = system::group_record(head, zone);
                    format!("{{\"member\":{member},\"-group\":{groups}}}")
                });
                datakey::read(root, pattern)
            } else {
                datakey::read(&body.data, pattern)
            };
            v1::DatakeyValue { path: path.clone(), value: text.unwrap_or_default().into() }
        };
        self.entries.iter().map(value).collect()
    }
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

/// The body of a member that must exist.
pub fn living_body(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
) -> std::result::Result<BodyRecord, Failure> {
    let body = view.body(space, contact)?;
    body.map(|body| body.record.clone()).ok_or_else(|| {
        let message = "No member has these keys.";
        Fault::new(v1::ErrorReason::MemberMissing, message).into()
    })
}
