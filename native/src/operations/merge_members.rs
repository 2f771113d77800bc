//! One member's data and heads go to another one (seed 002, member.merge).

use std::ops::Range;

use prost::Message;

use crate::datakey::DataRule;
use crate::fault::{Failure, Fault};
use crate::matching::order::Manner;
use crate::matching::{Decision, Target};
use crate::member::merging::{self, Order};
use crate::wire::storage::{ChangeRecord, DataDifference, MergeRecord};
use crate::wire::v1::{DecisionRole, ErrorReason, KeyKind, MergeHeadRule, MergeOutcome};
use crate::write::operation::{Operation, Scene};

/// Paths that an answer lists.
const PATHS_LISTED_MAX: usize = 1_000;

/// Merges the member of some keys into that of others.
#[derive(Debug)]
pub struct MergeMembers {
    /// The keys of the receiver, among those of the batch.
    pub receiver: Range<usize>,
    /// The keys of the source.
    pub source: Range<usize>,
    /// How keys are taken.
    pub manner: Manner,
    /// What happens to heads.
    pub head_rule: MergeHeadRule,
    /// What happens to data.
    pub data_rule: DataRule,
    /// Whether the answer has the data of the receiver.
    pub return_fresh: bool,
}

/// A member and the key by which it was found.
struct Found {
    contact: u64,
    kind: KeyKind,
    /// The head that the key names; `None` where a number or a field decided.
    head: Option<u64>,
}

impl Operation for MergeMembers {
    fn name(&self) -> &'static str {
        "MergeMembers"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let receiver = find(scene, &self.receiver, (self.manner, DecisionRole::Receiver))?;
        let source = find(scene, &self.source, (self.manner, DecisionRole::Source))?;
        if receiver.contact == source.contact {
            return Err(same(receiver.contact).into());
        }
        scene.check_version(receiver.contact)?;
        if self.head_rule == MergeHeadRule::Replace && receiver.head.is_none() {
            let problem = "must name the receiver by the head that is replaced";
            return Err(Fault::invalid("receiver", problem).into());
        }
        let space = scene.space();
        let all_heads = scene.view.body(space, source.contact)?.map(|body| body.head_ids.clone());
        let order = Order {
            receiver: receiver.contact,
            source: source.contact,
            source_heads: source.head.map_or_else(|| all_heads.unwrap_or_default(), |id| vec![id]),
            receiver_head: receiver.head,
            head_rule: self.head_rule,
            data_rule: Some(&self.data_rule),
            stamp: scene.stamp(),
        };
        let (record, ids) = carry_out(scene, &order, (receiver.kind, source.kind))?;
        Ok(self.outcome(scene, &record, ids)?.encode_to_vec())
    }
}

impl MergeMembers {
    fn outcome(
        &self,
        scene: &mut Scene<'_, '_>,
        record: &MergeRecord,
        (merge_id, version): (u64, u64),
    ) -> Result<MergeOutcome, Failure> {
        let space = scene.space();
        let fresh = match scene.view.body(space, record.receiver_dataset_id)? {
            Some(body) if self.return_fresh => body.data.clone(),
            _ => String::new(),
        };
        Ok(MergeOutcome {
            merge_id,
            contact_id: record.receiver_dataset_id,
            version,
            source_contact_id: record.source_dataset_id,
            source_ended: record.source_body.is_some(),
            moved_head_ids: record.moved_head_ids.clone(),
            freed_head_ids: freed(record),
            changed_paths: paths(&record.receiver_differences),
            fresh: fresh.into(),
            revision: scene.view.revision(),
        })
    }
}

/// Merges, logs it and keeps it; answers the merge with its number and the receiver's version.
pub fn carry_out(
    scene: &mut Scene<'_, '_>,
    order: &Order<'_>,
    (receiver_key, source_key): (KeyKind, KeyKind),
) -> Result<(MergeRecord, (u64, u64)), Failure> {
    let merged = merging::merge(scene.view, &scene.batch.space, order)?;
    let record = MergeRecord {
        request_id: scene.request_id.to_owned(),
        receiver_key: receiver_key as u32,
        source_key: source_key as u32,
        ..merged.record
    };
    let merge_id = scene.view.revision() + 1;
    let source_change = ChangeRecord { merge_id, ..merged.source };
    if record.source_body.is_some() {
        scene.log(source_change);
    } else {
        scene.touch(order.source, source_change)?;
    }
    let version = scene.touch(order.receiver, ChangeRecord { merge_id, ..merged.receiver })?;
    scene.keep_merge(merge_id, record.clone());
    Ok((record, (merge_id, version)))
}

/// The heads that belong to nobody after a merge.
fn freed(record: &MergeRecord) -> Vec<u64> {
    let freed = record.freed_heads.iter().chain(&record.replaced_heads);
    freed.map(|head| head.head_id).collect()
}

/// The first places of stored differences, as callers write datakeys.
pub fn paths(differences: &[DataDifference]) -> Vec<String> {
    let changed = differences.iter().filter(|difference| difference.before != difference.after);
    changed.take(PATHS_LISTED_MAX).map(|place| merging::path(place).text().to_owned()).collect()
}

fn find(
    scene: &mut Scene<'_, '_>,
    probes: &Range<usize>,
    (manner, role): (Manner, DecisionRole),
) -> Result<Found, Failure> {
    let keys = scene.keys(probes, manner);
    let mut decision = Decision::default();
    let contact = scene.member(keys, role, &mut decision)?;
    let position = decision.matched.unwrap_or_default();
    let probe = &keys.probes[position];
    let head = matches!(probe.target, Target::Address(_) | Target::Head(_))
        .then_some(decision.found[position].head);
    Ok(Found { contact, kind: probe.kind, head })
}

fn same(contact: u64) -> Fault {
    Fault::new(
        ErrorReason::MergeSameMember,
        "Receiver and source are the same member; there is nothing to merge.",
    )
    .with("contact_id", contact)
}
