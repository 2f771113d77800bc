//! An identifier leaves its member (seed 002, member.head.detach).

use prost::Message;

use crate::address::type_name;
use crate::fault::{Failure, Fault};
use crate::matching::Decision;
use crate::member::{deltas, moves, read};
use crate::wire::storage::{BodyRecord, ChangeRecord, HeadRecord};
use crate::wire::v1::{
    AddressType, DecisionRole, ErrorReason, HeadOutcome, OutcomeStatus, Warning,
};
use crate::write::operation::{Operation, Scene};

/// Takes a head from its member.
#[derive(Debug)]
pub struct DetachHead {
    /// The key of the head, among those of the batch.
    pub key: usize,
    /// Whether the head becomes a member of its own.
    pub split: bool,
}

/// A head that a member has.
pub struct Owned {
    /// The member.
    pub contact: u64,
    /// The number of the head.
    pub id: u64,
    /// Its state.
    pub record: HeadRecord,
}

/// Finds the head that one key of the batch names; somebody must have it.
pub fn owned(scene: &mut Scene<'_, '_>, key: usize) -> Result<Owned, Failure> {
    let keys = scene.key(key);
    let mut decision = Decision::default();
    let contact = scene.member(keys, DecisionRole::Unspecified, &mut decision)?;
    let id = decision.found[0].head;
    let gone = || Fault::internal("a head that somebody has is gone");
    let record = scene.view.head(scene.space(), id)?.cloned().ok_or_else(gone)?;
    Ok(Owned { contact, id, record })
}

impl Operation for DetachHead {
    fn name(&self) -> &'static str {
        "DetachHead"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let Owned { contact, id, record } = owned(scene, self.key)?;
        scene.check_version(contact)?;
        let space = scene.space();
        let taken = moves::take(scene.view, space, contact, id)?;
        if taken.left == 0 {
            return Err(last(contact, &record).into());
        }
        if !self.split {
            moves::set_free(scene.view, space, id)?;
        }
        let heads = vec![deltas::detached(&taken.former)];
        let change = ChangeRecord { heads, ..Default::default() };
        let version = scene.touch(contact, change)?;
        let split_contact_id = if self.split { split(scene, id)? } else { 0 };
        let outcome = HeadOutcome {
            status: OutcomeStatus::Updated.into(),
            contact_id: contact,
            version,
            head: Some(read::wire_head(id, &record)),
            split_contact_id,
            warnings: Vec::new(),
            revision: scene.view.revision(),
        };
        scene.heads.push(id);
        Ok(outcome.encode_to_vec())
    }
}

/// Takes listed addresses from a member who has further ones; what is not the member's stays where
/// it is with a warning.
pub fn take_listed(
    scene: &mut Scene<'_, '_>,
    contact: u64,
    entries: &[usize],
    warnings: &mut Vec<Warning>,
) -> Result<(), Failure> {
    let space = scene.space();
    let mut change = ChangeRecord::default();
    for (index, &entry) in entries.iter().enumerate() {
        let known = scene.view.address(scene.links[entry]).copied().unwrap_or_default();
        if known.dataset_id != contact {
            warnings.push(elsewhere(scene, (index, entry), known.dataset_id));
            continue;
        }
        let taken = moves::take_away(scene.view, space, contact, known.head_id)?;
        if taken.left == 0 {
            return Err(last(contact, &taken.former.head.unwrap_or_default()).into());
        }
        change.heads.push(deltas::detached(&taken.former));
    }
    if !change.heads.is_empty() {
        scene.reasoning.rules.clear();
        scene.reasoning.warnings.clear();
        scene.warn(warnings);
        scene.touch(contact, change)?;
    }
    Ok(())
}

fn elsewhere(scene: &Scene<'_, '_>, (index, entry): (usize, usize), owner: u64) -> Warning {
    let message = "A head to detach is not one of the member and stays where it is.";
    Fault::new(ErrorReason::HeadElsewhere, message)
        .with("index", index)
        .with("type", type_name(scene.batch.book.kind(entry)))
        .with("owner_contact_id", owner)
        .into()
}

/// Makes a member without data of a head that was taken from another one.
fn split(scene: &mut Scene<'_, '_>, head_id: u64) -> Result<u64, Failure> {
    let space = scene.space();
    let contact = scene.view.next_dataset_id(space);
    let body =
        BodyRecord { data: "{}".to_owned(), create: Some(scene.stamp()), ..Default::default() };
    scene.view.insert_body(space, contact, body);
    moves::give(scene.view, space, contact, head_id)?;
    let change = ChangeRecord {
        created_data: "{}".to_owned(),
        heads: vec![deltas::attached(scene.view, space, head_id)?],
        ..Default::default()
    };
    scene.touch(contact, change)?;
    Ok(contact)
}

fn last(contact: u64, head: &HeadRecord) -> Fault {
    let kind = AddressType::try_from(i32::try_from(head.r#type).unwrap_or_default());
    Fault::new(
        ErrorReason::HeadLast,
        "This is the last head of its member; replace it, or delete the member.",
    )
    .with("contact_id", contact)
    .with("type", type_name(kind.unwrap_or_default()))
}
