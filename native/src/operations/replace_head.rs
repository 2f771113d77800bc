//! One identifier of a member for another, in one step (seed 002, member.head.replace).

use prost::Message;

use super::attach_head::NewHead;
use super::detach_head::{Owned, owned};
use crate::fault::{Failure, Fault};
use crate::member::{deltas, heads, moves};
use crate::wire::storage::ChangeRecord;
use crate::wire::v1::{HeadOutcome, OutcomeStatus};
use crate::write::operation::{Operation, Scene};

/// Attaches a head to the member that has another one, which it loses.
#[derive(Debug)]
pub struct ReplaceHead {
    /// The key of the head that goes, among those of the batch.
    pub current: usize,
    /// The address that comes.
    pub head: NewHead,
}

impl Operation for ReplaceHead {
    fn name(&self) -> &'static str {
        "ReplaceHead"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let Owned { contact, id, .. } = owned(scene, self.current)?;
        scene.check_version(contact)?;
        self.head.origin.resolve(scene.view, scene.batch.space.number)?;
        let keys = scene.key(self.current);
        if self.head.wire(scene, keys).id == id {
            return Err(Fault::invalid("head", "must be another identifier than current").into());
        }
        let mut outcome = HeadOutcome {
            status: OutcomeStatus::Updated.into(),
            contact_id: contact,
            ..Default::default()
        };
        let space = scene.space();
        // The one that goes makes room first: a member may have all the heads it is allowed.
        let taken = moves::take_away(scene.view, space, contact, id)?;
        let mut changed = vec![deltas::detached(&taken.former)];
        if heads::owner(scene.view, keys, self.head.entry) != contact {
            changed.push(self.head.attach(scene, keys, contact, &mut outcome)?);
        }
        let change = ChangeRecord { heads: changed, ..Default::default() };
        scene.warn(&outcome.warnings);
        outcome.version = scene.touch(contact, change)?;
        outcome.head = Some(self.head.wire(scene, keys));
        outcome.revision = scene.view.revision();
        scene.heads.extend(outcome.head.iter().map(|head| head.id));
        Ok(outcome.encode_to_vec())
    }
}
