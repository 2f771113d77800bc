//! A prepared batch meets a view: step by step, each whole or not at all.

use prost::Message;

use crate::fault::{Failure, Fault};
use crate::import::Plan;
use crate::matching::decide::Keys;
use crate::matching::{Decision, Target, report};
use crate::member::View;
use crate::member::batch::{Batch, Origin, Step};
use crate::member::numbers;
use crate::member::step::{self, Outcome};
use crate::operations::{head_rules, trash};
use crate::store::StoreResult;
use crate::wire::storage::Reasoning;
use crate::wire::v1::{Head, MemberOutcome, OutcomeStatus, Warning};
use crate::write::changelog::Changes;
use crate::write::operation::{Marks, Scene};
use crate::write::requests;

/// Makes what the batches need available in few round trips.
pub fn prefetch(view: &mut View<'_>, batches: &[&Batch], links: &[Vec<u32>]) -> StoreResult<()> {
    let mut numbers = Vec::new();
    for (batch, links) in batches.iter().zip(links) {
        let space = batch.space.number;
        view.open_space(&batch.space)?;
        numbers
            .extend(links.iter().filter_map(|&slot| Some((space, view.address(slot)?.dataset_id))));
        numbers.extend(batch.probes.iter().filter_map(|probe| match probe.target {
            Target::Contact(id) | Target::Dataset(id) => Some((space, id)),
            _ => None,
        }));
    }
    view.load_bodies(&mut numbers)
}

/// Applies the steps of a batch in order, each by `run`; the changes go to the change log.
pub fn apply<T>(
    view: &mut View<'_>,
    batch: &Batch,
    mut run: impl FnMut(&mut View<'_>, &Step, &mut Decision, &mut Changes) -> Result<T, Failure>,
) -> StoreResult<Vec<Result<T, Fault>>> {
    let first_revision = view.revision() + 1;
    let asks = batch.space.versioning && batch.origin == Origin::Call;
    let mut changes = if asks { Changes::with_members() } else { Changes::default() };
    let mut decision = Decision::default();
    let mut answers = Vec::with_capacity(batch.steps.len());
    for prepared in &batch.steps {
        let result = match prepared {
            Ok(step) => run(view, step, &mut decision, &mut changes),
            Err(fault) => Err(Failure::Fault(fault.clone())),
        };
        answers.push(match result {
            Ok(answer) => Ok(answer),
            Err(Failure::Fault(fault)) => Err(fault),
            Err(Failure::Store(error)) => return Err(error),
        });
    }
    let now_seconds = batch.moment.now.as_second();
    changes.write(view, batch.space.number, now_seconds, first_revision);
    Ok(answers)
}

/// Applies one step; where it restores a deleted member, has heads with rules of their own or
/// detaches some, whole or not at all with that.
pub fn whole_step(
    view: &mut View<'_>,
    (batch, links): (&Batch, &[u32]),
    step: &Step,
    decision: &mut Decision,
    changes: &mut Changes,
) -> Result<Outcome, Failure> {
    let mut deleted = None;
    if step.restores {
        deleted = trash::by_external_id(view, batch, links, step)?;
    }
    let is_plain = step.detaches.is_empty() && step.heads.iter().all(|wish| wish.rule.is_none());
    if deleted.is_none() && is_plain {
        return step::apply(view, batch, links, (step, false), decision, changes);
    }
    let mark = changes.mark();
    let outcome = view.attempt(|view| {
        let mut scene = Scene {
            view,
            batch,
            links,
            source: &step.source,
            expected_version: None,
            request_id: step.request.as_ref().map_or("", |request| request.id.as_str()),
            marks: Marks {
                skip_triggers: step.skip_triggers,
                event: batch.plan().is_some_and(Plan::sets_off_actions),
            },
            changes: Vec::new(),
            reasoning: Reasoning::default(),
            concerned: Vec::new(),
            heads: Vec::new(),
        };
        let restored = match deleted {
            None => None,
            Some((contact, decision)) => {
                scene.reasoning.decisions = vec![decision];
                Some(trash::bring_back(&mut scene, contact)?)
            }
        };
        scene.hand_over(changes);
        let step_of = (step, restored.is_some());
        let mut outcome = step::apply(scene.view, batch, links, step_of, decision, changes)?;
        if outcome.status != OutcomeStatus::Ignored {
            let keys = step::keys_of(batch, links, step);
            scene.reasoning = step::reasoning(scene.view, keys, step, decision, &[]);
            head_rules::apply(&mut scene, step, decision, &mut outcome)?;
            scene.hand_over(changes);
        }
        if let Some(restored) = restored {
            outcome.status = OutcomeStatus::Restored;
            outcome.warnings.extend(restored.warnings);
        }
        Ok(outcome)
    });
    if outcome.is_err() {
        changes.rewind(mark);
    }
    outcome
}

/// Applies the steps of a call: first answers are given again and kept.
pub fn members(
    view: &mut View<'_>,
    batch: &Batch,
    links: &[u32],
) -> StoreResult<Vec<Result<MemberOutcome, Fault>>> {
    let now_seconds = batch.moment.now.as_second();
    let mut stop: Option<Fault> = None;
    apply(view, batch, |view, step, decision, changes| {
        if let Some(fault) = &stop {
            return Err(fault.clone().into());
        }
        if let Some(request) = &step.request
            && let Some(outcome) = requests::replay(view, request, now_seconds)?
        {
            let outcome = MemberOutcome::decode(outcome).map_err(Fault::internal)?;
            return Ok(MemberOutcome { replayed: true, ..outcome });
        }
        let first_revision = view.revision() + 1;
        let keys = step::keys_of(batch, links, step);
        let outcome = match whole_step(view, (batch, links), step, decision, changes) {
            Err(Failure::Fault(fault)) => {
                if let Some(request) = &step.request {
                    let heads = known_heads(view, keys).collect();
                    requests::keep_refusal(view, request, &fault, heads, now_seconds)?;
                }
                if batch.in_order && fault.may_pass() {
                    stop = Some(fault.clone());
                }
                return Err(fault.into());
            }
            done => done?,
        };
        let resolution = report::resolution(keys, decision, false);
        let head =
            |(entry, id): (usize, u64)| Head { id, address: Some(batch.book.canonical(entry)) };
        let answer = MemberOutcome {
            status: outcome.status.into(),
            newbie: outcome.status == OutcomeStatus::Created,
            contact_id: outcome.contact,
            member: outcome.member.map(head),
            version: outcome.version,
            resolution: Some(resolution),
            warnings: outcome.warnings,
            fresh: outcome.fresh.unwrap_or_default().into(),
            revision: outcome.revision,
            replayed: false,
            merge_ids: outcome.merge_ids,
        };
        if let Some(request) = &step.request {
            let mut reasoning = step::reasoning(view, keys, step, decision, &answer.warnings);
            reasoning.rules = outcome.rules;
            let revisions = first_revision..view.revision() + 1;
            let (concerned, heads) = (concerned(&answer), named_heads(view, keys, &answer));
            let outcome = answer.encode_to_vec().into();
            let answer = requests::Answer { outcome, concerned, heads, reasoning, revisions };
            requests::keep(view, request, answer, now_seconds)?;
        }
        Ok(answer)
    })
}

/// The members whom an outcome names.
fn concerned(outcome: &MemberOutcome) -> Vec<u64> {
    let conflicts = outcome.resolution.iter().flat_map(|resolution| &resolution.conflicts);
    conflicts.map(|conflict| conflict.contact_id).chain([outcome.contact_id]).collect()
}

/// The heads whose addresses an outcome names, those included that got their numbers by the step
/// itself.
fn named_heads(view: &View<'_>, keys: Keys<'_>, outcome: &MemberOutcome) -> Vec<u64> {
    known_heads(view, keys).chain(outcome.member.iter().map(|head| head.id)).collect()
}

/// The heads that the addresses among the keys are known as.
fn known_heads<'v>(view: &'v View<'_>, keys: Keys<'v>) -> impl Iterator<Item = u64> + 'v {
    keys.probes.iter().filter_map(move |probe| match probe.target {
        Target::Address(entry) => Some(view.address(keys.links[entry])?.head_id),
        _ => None,
    })
}

/// What a row of an import leads to.
#[derive(Debug)]
pub struct RowOutcome {
    /// What was done.
    pub status: OutcomeStatus,
    /// The member.
    pub contact: u64,
    /// What was not done.
    pub warnings: Vec<Warning>,
}

/// Why a row of an import is refused.
#[derive(Debug)]
pub struct Refusal {
    /// The fault.
    pub fault: Fault,
    /// The member whom its keys meant; 0 where nobody was found before it was refused.
    pub contact: u64,
}

/// Applies the steps of an import.
pub fn rows(
    view: &mut View<'_>,
    batch: &Batch,
    links: &[u32],
) -> StoreResult<Vec<Result<RowOutcome, Refusal>>> {
    let no_member = batch.plan().is_some_and(|plan| plan.no_member);
    let now_seconds = batch.moment.now.as_second();
    let outcomes = apply(view, batch, |view, step, decision, changes| {
        if no_member {
            let keys = step::keys_of(batch, links, step);
            let (status, contact) = numbers::number(view, keys, now_seconds, changes)?;
            return Ok(Ok(RowOutcome { status, contact, warnings: Vec::new() }));
        }
        decision.contact = 0;
        match whole_step(view, (batch, links), step, decision, changes) {
            Ok(Outcome { status, contact, warnings, .. }) => {
                Ok(Ok(RowOutcome { status, contact, warnings }))
            }
            Err(Failure::Fault(fault)) => Ok(Err(Refusal { fault, contact: decision.contact })),
            Err(failure) => Err(failure),
        }
    })?;
    let unprepared = |fault| Err(Refusal { fault, contact: 0 });
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(unprepared)).collect())
}
