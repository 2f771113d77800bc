//! Identifiers and whole members are deleted (seed 002, member.delete).

use prost::Message;

use super::trash;
use crate::fault::{Failure, Fault};
use crate::matching::decide::{Purpose, decide, nobody};
use crate::matching::reasoning::decision_record;
use crate::matching::{Decision, Probe, Target};
use crate::member::{deltas, moves};
use crate::wire::storage::ChangeRecord;
use crate::wire::v1::{DeleteOutcome, DeleteResult};
use crate::write::operation::{Operation, Scene};

/// Deletes what the keys of the batch name, one after another.
#[derive(Debug)]
pub struct DeleteMembers {
    /// Whether the whole member of an identifier is meant.
    pub wipe: bool,
}

impl Operation for DeleteMembers {
    fn name(&self) -> &'static str {
        "DeleteMembers"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut results = Vec::with_capacity(scene.batch.probes.len());
        for key in 0..scene.batch.probes.len() {
            results.push(self.one(scene, key)?);
        }
        Ok(DeleteOutcome { results, revision: scene.view.revision() }.encode_to_vec())
    }
}

impl DeleteMembers {
    fn one(&self, scene: &mut Scene<'_, '_>, key: usize) -> Result<DeleteResult, Failure> {
        let keys = scene.key(key);
        let mut decision = Decision::default();
        decide(scene.view, keys, Purpose::Read, &mut decision)?;
        let contact = decision.contact;
        if contact == 0 {
            return Ok(refused(nobody(keys)));
        }
        scene.check_version(contact)?;
        scene.reasoning.decisions = vec![decision_record(scene.view, keys, &decision)];
        let body = scene.view.body(scene.space(), contact)?;
        let count = body.map_or(0, |body| body.head_ids.len());
        let is_whole = matches!(scene.batch.probes[key], Probe { target: Target::Contact(_), .. });
        let member_ended = self.wipe || is_whole || count == 1;
        if member_ended {
            trash::throw_away(scene, contact)?;
        } else {
            let head_id = decision.found[0].head;
            let taken = moves::take_away(scene.view, scene.space(), contact, head_id)?;
            let heads = vec![deltas::detached(&taken.former)];
            scene.touch(contact, ChangeRecord { heads, ..Default::default() })?;
        }
        Ok(DeleteResult { deleted: true, contact_id: contact, member_ended, fault: None })
    }
}

fn refused(fault: Fault) -> DeleteResult {
    DeleteResult { fault: Some(fault.into()), ..Default::default() }
}
