//! A deleted member comes back (seed 004: a deleted contact is restored).

use prost::Message;

use super::trash::bring_back;
use crate::fault::Failure;
use crate::matching::Target;
use crate::matching::former::deleted_by;
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
        let target = &scene.batch.probes[0].target;
        if let Target::Refused(fault) = target {
            return Err((**fault).clone().into());
        }
        let contact = deleted_by(scene.view, scene.batch.space.number, scene.links, target)?;
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
