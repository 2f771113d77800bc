//! A deleted member comes back (seed 004: a deleted contact is restored).

use prost::Message;

use super::trash::{bring_back, not_restorable};
use crate::fault::Failure;
use crate::matching::Target;
use crate::member::view::address_key;
use crate::wire::v1::RestoreOutcome;
use crate::write::operation::{Operation, Scene};

/// Restores the member that the one key of the batch names.
#[derive(Debug)]
pub struct RestoreMember;

impl Operation for RestoreMember {
    fn name(&self) -> &'static str {
        "RestoreMember"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let contact = deleted(scene)?;
        let restored = bring_back(scene, contact)?;
        let outcome = RestoreOutcome {
            contact_id: contact,
            version: restored.version,
            restored_head_ids: restored.head_ids,
            warnings: restored.warnings,
            revision: scene.view.revision(),
        };
        Ok(outcome.encode_to_vec())
    }
}

/// The member that is meant: by its number, or by an identifier that was deleted with it.
fn deleted(scene: &mut Scene<'_, '_>) -> Result<u64, Failure> {
    let space = scene.space();
    let address = match &scene.batch.probes[0].target {
        Target::Contact(id) | Target::Dataset(id) => return Ok(*id),
        Target::Address(entry) => scene.view.address(scene.links[*entry]).copied(),
        Target::Head(id) => match scene.view.head(space, *id)?.map(|head| address_key(space, head))
        {
            Some(key) => scene.view.address_by_key(&key)?,
            None => None,
        },
        Target::Refused(fault) => return Err((**fault).clone().into()),
        Target::Field(_) => None,
    };
    match address.map_or(0, |record| record.deleted_dataset_id) {
        0 => Err(not_restorable(0).into()),
        contact => Ok(contact),
    }
}
