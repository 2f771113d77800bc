//! A member is removed with all that is known of it; what is left is a proof without personal data.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::fault::Failure;
use crate::matching::decide::{Purpose, decide, nobody};
use crate::matching::former::deleted_by;
use crate::matching::{Decision, Target};
use crate::member::view::address_key;
use crate::member::{View, moves, step};
use crate::store::{StoreResult, Table, keys};
use crate::upkeep::erase as scrub;
use crate::wire::storage::{ChangeRecord, ErasureRecord, MergeRecord, TrashRecord};
use crate::wire::v1::{EraseOutcome, ErasureCounts};
use crate::write::expiry;
use crate::write::operation::{Operation, Scene};

/// Erases the member that the one key of the batch names.
#[derive(Debug)]
pub struct EraseMember;

/// Who is to be erased.
#[derive(Debug, Default)]
struct Subject {
    /// The member, living or deleted; 0 where only an identifier is left.
    contact: u64,
    /// Whether it lives.
    lives: bool,
    /// What is kept of a deleted one.
    trash: Option<TrashRecord>,
    /// The identifier that was given; 0 where a number of a member.
    head: u64,
}

impl Operation for EraseMember {
    fn name(&self) -> &'static str {
        "EraseMember"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let subject = find(scene)?;
        let space = scene.space();
        let version = subject.check_version(scene)?;
        let (members, merges) = family(scene.view, space, subject.contact)?;
        let contact = subject.contact;
        scene.log(ChangeRecord {
            dataset_id: contact,
            version,
            erased: true,
            ..Default::default()
        });
        let erasure_id = scene.view.revision();
        let mut record = ErasureRecord {
            begun: Some(scene.stamp()),
            dataset_ids: members,
            merge_ids: merges.keys().copied().collect(),
            ..Default::default()
        };
        let addresses = subject.remove(scene, &mut record)?;
        for (&merge_id, merge) in &merges {
            scene.view.remove_merge(space, merge_id, merge);
        }
        for &member in &record.dataset_ids {
            scene.view.set_erased(space, member, erasure_id);
        }
        record.task_id = scrub::enlist(scene, erasure_id, addresses)?;
        let outcome = EraseOutcome {
            erasure_id,
            contact_id: contact,
            erased_contact_ids: record.dataset_ids.clone(),
            erased_head_ids: record.head_ids.clone(),
            counts: Some(counts(&record)),
            revision: erasure_id,
        };
        let key = keys::owned(|key| keys::erasure(key, space, erasure_id));
        scene.view.set_record(Table::Erasures, key, Some(&record));
        Ok(outcome.encode_to_vec())
    }
}

/// How much of each kind an erasure has removed so far.
pub fn counts(record: &ErasureRecord) -> ErasureCounts {
    ErasureCounts {
        members: record.bodies,
        deleted_members: record.deleted_bodies,
        heads: record.head_ids.len() as u64,
        merges: record.merge_ids.len() as u64,
        changes: record.changes,
        requests: record.requests,
        former_heads: record.former_heads,
    }
}

impl Subject {
    /// Refuses another version than the caller expects; answers the version.
    fn check_version(&self, scene: &mut Scene<'_, '_>) -> Result<u64, Failure> {
        let space = scene.space();
        let kept = self.trash.as_ref().and_then(|trash| trash.body.as_ref());
        let version = match scene.view.body(space, self.contact)? {
            Some(body) => body.version,
            None => kept.map_or(0, |body| body.version),
        };
        step::compare_versions(scene.expected_version, version)?;
        Ok(version)
    }

    /// Removes the body, what is kept of it, and the identifiers; answers hashes of these.
    fn remove(
        &self,
        scene: &mut Scene<'_, '_>,
        record: &mut ErasureRecord,
    ) -> Result<Vec<u64>, Failure> {
        let (space, contact) = (scene.space(), self.contact);
        let mut addresses = Vec::new();
        if self.lives {
            let body = moves::bury(scene.view, &scene.batch.space, contact)?;
            record.bodies = 1;
            for head_id in body.head_ids {
                let head = scene.view.head(space, head_id)?;
                addresses.extend(head.map(|head| keys::address_hash(&address_key(space, head))));
                scene.view.remove_head(space, head_id)?;
                record.head_ids.push(head_id);
            }
        }
        if let Some(trash) = &self.trash {
            let key = keys::owned(|key| keys::trash(key, space, contact));
            expiry::forget(scene.view, Table::Trash, &key, trash.expires_seconds);
            scene.view.set_trash(space, contact, None);
            record.deleted_bodies = 1;
        }
        let former = self.trash.iter().flat_map(|trash| &trash.heads).map(|head| head.head_id);
        for head_id in former.chain([self.head]) {
            let removed = remove_unowned_head(scene.view, space, head_id, &record.dataset_ids)?;
            if let Some(address) = removed {
                record.head_ids.push(head_id);
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

/// Removes an identifier that nobody has, unless a deleted member who is not erased had it last;
/// answers the hash of its address where it was removed.
pub fn remove_unowned_head(
    view: &mut View<'_>,
    space: u32,
    head_id: u64,
    members: &[u64],
) -> StoreResult<Option<u64>> {
    let Some(key) = view.head(space, head_id)?.map(|head| address_key(space, head)) else {
        return Ok(None);
    };
    let address = view.address_by_key(&key)?.unwrap_or_default();
    let deleted = address.deleted_dataset_id;
    if address.dataset_id != 0 || (deleted != 0 && !members.contains(&deleted)) {
        return Ok(None);
    }
    view.remove_head(space, head_id)?;
    Ok(Some(keys::address_hash(&key)))
}

fn find(scene: &mut Scene<'_, '_>) -> Result<Subject, Failure> {
    let keys = scene.key(0);
    let target = &scene.batch.probes[0].target;
    if let Target::Refused(fault) = target {
        return Err((**fault).clone().into());
    }
    let mut decision = Decision::default();
    decide(scene.view, keys, Purpose::Read, &mut decision)?;
    let space = scene.space();
    let head = match target {
        Target::Address(entry) => {
            scene.view.address(scene.links[*entry]).map_or(0, |record| record.head_id)
        }
        Target::Head(id) => scene.view.head(space, *id)?.map_or(0, |_| *id),
        _ => 0,
    };
    if decision.contact != 0 {
        return Ok(Subject { contact: decision.contact, lives: true, head, ..Default::default() });
    }
    let mut contact = deleted_by(scene.view, space, scene.links, target)?;
    if !scene.view.is_given(space, contact) || scene.view.erasure_of(space, contact)? != 0 {
        contact = 0;
    }
    if contact == 0 && head == 0 {
        return Err(nobody(keys).into());
    }
    let trash = scene.view.trash(space, contact)?;
    Ok(Subject { contact, lives: false, trash, head })
}

/// A member with those that were merged into it, and all merges of these.
fn family(
    view: &View<'_>,
    space: u32,
    contact: u64,
) -> StoreResult<(Vec<u64>, BTreeMap<u64, MergeRecord>)> {
    let mut members: Vec<u64> = Some(contact).filter(|&id| id != 0).into_iter().collect();
    let mut known: BTreeSet<u64> = members.iter().copied().collect();
    let mut merges = BTreeMap::new();
    let mut position = 0;
    while let Some(&member) = members.get(position) {
        position += 1;
        for merge_id in view.merges_of(space, member)? {
            if merges.contains_key(&merge_id) {
                continue;
            }
            let Some(merge) = view.merge(space, merge_id)? else { continue };
            let source = merge.source_dataset_id;
            let is_in_it = view.redirect(space, source)? == Some(member);
            if merge.receiver_dataset_id == member && is_in_it && known.insert(source) {
                members.push(source);
            }
            merges.insert(merge_id, bare(&merge));
        }
    }
    Ok((members, merges))
}

/// Who merged whom, without the bodies: a long history would not fit into memory.
fn bare(merge: &MergeRecord) -> MergeRecord {
    let &MergeRecord { receiver_dataset_id, source_dataset_id, .. } = merge;
    MergeRecord { receiver_dataset_id, source_dataset_id, ..Default::default() }
}
