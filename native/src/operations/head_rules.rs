//! Heads that come to a member by rules of their own (seed 002, member.set, list of heads): each in
//! turn, after the step that named them.

use super::attach_head::NewHead;
use super::detach_head;
use super::merge_members::carry_out;
use crate::address::type_name;
use crate::fault::{Failure, Fault};
use crate::matching::Decision;
use crate::member::batch::{HeadWish, Step, WishRule};
use crate::member::merging::Order;
use crate::member::origins::OriginName;
use crate::member::step::{self, Outcome};
use crate::member::{deltas, heads, moves};
use crate::wire::storage::{ChangeRecord, RuleRecord};
use crate::wire::v1::{
    ErrorReason, HeadOutcome, KeyKind, MergeHeadRule, NewbieMode, OutcomeStatus, OwnedMode, Warning,
};
use crate::write::operation::Scene;

/// One step whose rules are applied.
struct Rules<'a> {
    step: &'a Step,
    contact: u64,
    /// The key by which the member was found or made.
    key: KeyKind,
    /// The head through which it is addressed.
    addressed: u64,
}

/// Applies the rules of a step's heads to the member of its outcome, then takes away what the step
/// detaches.
pub fn apply(
    scene: &mut Scene<'_, '_>,
    step: &Step,
    decision: &Decision,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let keys = step::keys_of(scene.batch, scene.links, step);
    let addressed = heads::addressed_head(scene.view, keys, outcome.contact, outcome.member)?;
    let key = decision.matched.map_or(KeyKind::Locator, |position| keys.probes[position].kind);
    let rules = Rules { step, contact: outcome.contact, key, addressed };
    for (index, wish) in step.heads.iter().enumerate() {
        if let Some(rule) = &wish.rule {
            rules.one(scene, (index, wish, rule), outcome)?;
        }
    }
    detach_head::take_listed(scene, outcome.contact, &step.detaches, &mut outcome.warnings)?;
    let body = scene.view.body(scene.space(), outcome.contact)?;
    if let Some(body) = body {
        if body.version != outcome.version && outcome.status == OutcomeStatus::Unchanged {
            outcome.status = OutcomeStatus::Updated;
        }
        outcome.version = body.version;
        outcome.fresh = step.return_fresh.then(|| body.data.clone());
    }
    outcome.revision = scene.view.revision();
    Ok(())
}

impl Rules<'_> {
    fn one(
        &self,
        scene: &mut Scene<'_, '_>,
        (index, wish, rule): (usize, &HeadWish, &WishRule),
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let keys = step::keys_of(scene.batch, scene.links, self.step);
        let owner = heads::owner(scene.view, keys, wish.entry);
        if owner == self.contact {
            return Ok(());
        }
        if owner == 0 {
            return self.newbie(scene, (index, wish), rule.newbie, outcome);
        }
        let head_id = scene.view.address(keys.links[wish.entry]).map_or(0, |known| known.head_id);
        let count = scene.view.body(scene.space(), owner)?.map_or(0, |body| body.head_ids.len());
        let mode = if count == 1 { rule.single } else { rule.multi };
        let kind = keys.book.kind(wish.entry) as u32;
        let rule_record = RuleRecord {
            index: place(index),
            single: if count == 1 { mode as u32 } else { 0 },
            multi: if count == 1 { 0 } else { mode as u32 },
            head_id,
            owner_dataset_id: owner,
            ..Default::default()
        };
        let (head_rule, receiver_head) = match mode {
            OwnedMode::Unspecified | OwnedMode::Error => {
                let rule = if count == 1 { "head_rule.single" } else { "head_rule.multi" };
                let fault = heads::taken(keys, wish.entry, index, owner);
                return Err(fault.with("rule", rule).into());
            }
            OwnedMode::None => {
                outcome.warnings.push(stayed(scene, index, wish, owner));
                outcome.rules.push(rule_record);
                return Ok(());
            }
            OwnedMode::Transplant => (MergeHeadRule::Transplant, None),
            OwnedMode::Decapitate => (MergeHeadRule::Decapitate, None),
            OwnedMode::Replace => (MergeHeadRule::Replace, self.addressed(scene)?),
            OwnedMode::ReplaceSameType => match self.same_type(scene, kind)? {
                Some(same) => (MergeHeadRule::Replace, Some(same)),
                None => (MergeHeadRule::Transplant, None),
            },
        };
        let order = Order {
            receiver: self.contact,
            source: owner,
            source_heads: vec![head_id],
            receiver_head,
            head_rule,
            data_rule: (head_rule != MergeHeadRule::Transplant).then_some(&rule.data_rule),
            stamp: scene.stamp(),
        };
        let rule_record = RuleRecord { merge_id: scene.view.revision() + 1, ..rule_record };
        scene.reasoning.rules = vec![rule_record];
        scene.reasoning.warnings.clear();
        let (_, (merge_id, _)) = carry_out(scene, &order, (self.key, KeyKind::Locator))?;
        outcome.rules.push(rule_record);
        outcome.merge_ids.push(merge_id);
        Ok(())
    }

    /// A head that nobody has.
    fn newbie(
        &self,
        scene: &mut Scene<'_, '_>,
        (index, wish): (usize, &HeadWish),
        mode: NewbieMode,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let keys = step::keys_of(scene.batch, scene.links, self.step);
        let head_id = scene.view.address(keys.links[wish.entry]).map_or(0, |known| known.head_id);
        let newbie = mode as u32;
        let rule = RuleRecord { index: place(index), newbie, head_id, ..Default::default() };
        outcome.rules.push(rule);
        let replaced = match mode {
            NewbieMode::None => {
                outcome.warnings.push(stayed(scene, index, wish, 0));
                return Ok(());
            }
            NewbieMode::Unspecified | NewbieMode::Attach => None,
            NewbieMode::Replace => self.addressed(scene)?,
            NewbieMode::ReplaceSameType => {
                self.same_type(scene, keys.book.kind(wish.entry) as u32)?
            }
        };
        let mut change = ChangeRecord::default();
        if let Some(head_id) = replaced {
            let taken = moves::take_away(scene.view, scene.space(), self.contact, head_id)?;
            change.heads.push(deltas::detached(&taken.former));
        }
        let confirm = wish.confirm || self.step.newbie_confirm;
        let head = NewHead { entry: wish.entry, confirm, origin: OriginName::default() };
        let mut attached = HeadOutcome::default();
        change.heads.push(head.attach(scene, keys, self.contact, &mut attached)?);
        scene.reasoning.rules = vec![rule];
        scene.reasoning.warnings.clear();
        scene.warn(&attached.warnings);
        outcome.warnings.extend(attached.warnings);
        scene.touch(self.contact, change)?;
        Ok(())
    }

    /// The head through which the member is addressed; none where an earlier rule took it away.
    fn addressed(&self, scene: &mut Scene<'_, '_>) -> Result<Option<u64>, Failure> {
        let body = scene.view.body(scene.space(), self.contact)?;
        let has_it = body.is_some_and(|body| body.head_ids.contains(&self.addressed));
        Ok(has_it.then_some(self.addressed))
    }

    /// The head of the member that alone has this type.
    fn same_type(&self, scene: &mut Scene<'_, '_>, kind: u32) -> Result<Option<u64>, Failure> {
        let Some(body) = scene.view.body(scene.space(), self.contact)? else {
            return Ok(None);
        };
        let heads = body.head_ids.iter().zip(&body.head_types);
        let mut same = heads.filter(|&(_, &other)| other == kind).map(|(&id, _)| id);
        Ok(same.next().filter(|_| same.next().is_none()))
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("listed heads are bounded")
}

fn stayed(scene: &Scene<'_, '_>, index: usize, wish: &HeadWish, owner: u64) -> Warning {
    let message = "A head to attach stays where it is, as its rule says.";
    Fault::new(ErrorReason::HeadStayed, message)
        .with("index", index)
        .with("type", type_name(scene.batch.book.kind(wish.entry)))
        .with("owner_contact_id", owner)
        .into()
}
