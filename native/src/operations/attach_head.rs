//! One more identifier for a member (seed 002, member.head.attach).

use std::ops::Range;

use prost::Message;

use crate::fault::Failure;
use crate::matching::Decision;
use crate::matching::decide::Keys;
use crate::matching::order::Manner;
use crate::member::confirming;
use crate::member::heads::{self, Attachment};
use crate::member::origins::OriginName;
use crate::wire::storage::{ChangeRecord, HeadDelta};
use crate::wire::v1::{DecisionRole, Head, HeadOutcome, OutcomeStatus};
use crate::write::operation::{Operation, Scene};

/// Attaches an address to the member of some keys.
#[derive(Debug)]
pub struct AttachHead {
    /// The keys of the member, among those of the batch.
    pub keys: Range<usize>,
    /// How keys are taken.
    pub manner: Manner,
    /// The address.
    pub head: NewHead,
}

/// An address that becomes a head.
#[derive(Debug)]
pub struct NewHead {
    /// The entry of the book.
    pub entry: usize,
    /// Whether it waits for confirmation.
    pub confirm: bool,
    /// The source of creation.
    pub origin: OriginName,
}

impl Operation for AttachHead {
    fn name(&self) -> &'static str {
        "AttachHead"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let keys = scene.keys(&self.keys, self.manner);
        let contact = scene.member(keys, DecisionRole::Unspecified, &mut Decision::default())?;
        self.head.origin.resolve(scene.view, scene.batch.space.number)?;
        scene.check_version(contact)?;
        let mut outcome = HeadOutcome {
            status: OutcomeStatus::Unchanged.into(),
            contact_id: contact,
            head: Some(self.head.wire(scene, keys)),
            ..Default::default()
        };
        if heads::owner(scene.view, keys, self.head.entry) == contact {
            let body = scene.view.body(scene.space(), contact)?;
            outcome.version = body.map_or(0, |body| body.version);
        } else {
            let attached = self.head.attach(scene, keys, contact, &mut outcome)?;
            let change = ChangeRecord { heads: vec![attached], ..Default::default() };
            outcome.status = OutcomeStatus::Updated.into();
            scene.warn(&outcome.warnings);
            outcome.version = scene.touch(contact, change)?;
            outcome.head = Some(self.head.wire(scene, keys));
        }
        outcome.revision = scene.view.revision();
        scene.heads.extend(outcome.head.iter().map(|head| head.id));
        Ok(outcome.encode_to_vec())
    }
}

impl NewHead {
    /// Attaches the address, which must not be another member's.
    pub fn attach(
        &self,
        scene: &mut Scene<'_, '_>,
        keys: Keys<'_>,
        contact: u64,
        outcome: &mut HeadOutcome,
    ) -> Result<HeadDelta, Failure> {
        let owner = heads::owner(scene.view, keys, self.entry);
        if owner != 0 {
            return Err(heads::taken(keys, self.entry, 0, owner).into());
        }
        let origin = self.origin.resolve(scene.view, scene.batch.space.number)?;
        let mut wishes = [Attachment::of_call(keys.book, self.entry, self.confirm, origin)];
        let kind = keys.book.kind(self.entry) as u32;
        heads::check_room(scene.view, scene.space(), contact, &[kind])?;
        heads::warn_of_second_csid(scene.view, keys, contact, &wishes, &mut outcome.warnings)?;
        let (stamp, origin) = (scene.stamp(), scene.batch.origin);
        let warnings = &mut outcome.warnings;
        confirming::limit(scene.view, keys, stamp.time_seconds, &mut wishes, warnings)?;
        let mut attached = heads::attach(scene.view, keys, contact, &wishes, &stamp, origin)?;
        Ok(attached.remove(0))
    }

    /// The address as the contract shows it; without a number as long as it was never seen.
    pub fn wire(&self, scene: &Scene<'_, '_>, keys: Keys<'_>) -> Head {
        let id = scene.view.address(keys.links[self.entry]).map_or(0, |record| record.head_id);
        Head { id, address: Some(keys.book.canonical(self.entry)) }
    }
}
