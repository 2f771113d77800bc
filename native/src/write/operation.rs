//! Operations on members that are no change of data alone: prepared like a batch, applied to a view
//! as a whole or not at all, remembered by their request id.

use std::fmt::Debug;
use std::ops::Range;

use bytes::Bytes;

use crate::fault::{Failure, Fault};
use crate::matching::decide::{Keys, Purpose, decide, nobody, owner_of_head};
use crate::matching::order::Manner;
use crate::matching::{Decision, reasoning};
use crate::member::View;
use crate::member::batch::{Batch, RequestId};
use crate::member::step;
use crate::wire::storage::{
    ChangeRecord, DecisionRecord, MergeRecord, Reasoning, SequenceMark, Stamp,
};
use crate::wire::v1::{DecisionRole, Warning};
use crate::write::changelog::Changes;
use crate::write::requests;

/// One operation.
pub trait Operation: Debug + Send {
    /// The name of its method: requests of two methods may have the same bytes. Part of stored
    /// fingerprints, hence never changed.
    fn name(&self) -> &'static str;

    /// Whether it changes the policy of its space.
    fn changes_space(&self) -> bool {
        false
    }

    /// Does it and answers the encoded outcome. A fault at any point undoes what was done.
    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure>;
}

/// What every operation of a caller carries.
#[derive(Debug, Default)]
pub struct Options {
    /// The IP address of the original request.
    pub source: String,
    /// The version that the body must have.
    pub expected_version: Option<u64>,
    /// Makes the operation happen once.
    pub request: Option<Box<RequestId>>,
}

/// What became of an operation.
#[derive(Debug)]
pub struct OperationAnswer {
    /// The encoded outcome.
    pub outcome: Bytes,
    /// Whether it is the stored one of an earlier call.
    pub replayed: bool,
}

/// What the changes of a step say to those who react to them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks {
    /// Webhooks and triggers pass them over.
    pub skip_triggers: bool,
    /// They may set off actions.
    pub event: bool,
}

/// Where an operation takes place.
pub struct Scene<'a, 'v> {
    /// What it reads and changes.
    pub view: &'a mut View<'v>,
    /// Its addresses and keys.
    pub batch: &'a Batch,
    /// The slot of each address.
    pub links: &'a [u32],
    /// The IP address of the original request.
    pub source: &'a str,
    /// The version that the body must have.
    pub expected_version: Option<u64>,
    /// The caller's request id, or empty.
    pub request_id: &'a str,
    /// What every change says to those who react to changes.
    pub marks: Marks,
    /// What was changed, for the change log.
    pub changes: Vec<ChangeRecord>,
    /// Why, as far as it is decided by now.
    pub reasoning: Reasoning,
    /// The members whom the request or the outcome names: when one is erased, so is the outcome.
    pub concerned: Vec<u64>,
    /// The heads whose addresses the outcome names: the same is true of them, whoever has them.
    pub heads: Vec<u64>,
}

/// Applies an operation; what it changed goes to the change log.
pub fn apply(
    view: &mut View<'_>,
    batch: &Batch,
    links: &[u32],
    (operation, options): (&dyn Operation, &Options),
) -> Result<OperationAnswer, Failure> {
    let now_seconds = batch.moment.now.as_second();
    if let Some(request) = &options.request
        && let Some(outcome) = requests::replay(view, request, now_seconds)?
    {
        return Ok(OperationAnswer { outcome, replayed: true });
    }
    let first_revision = view.revision() + 1;
    let done = view.attempt(|view| {
        let mut scene = Scene {
            view,
            batch,
            links,
            source: &options.source,
            expected_version: options.expected_version,
            request_id: options.request.as_ref().map_or("", |request| request.id.as_str()),
            marks: Marks::default(),
            changes: Vec::new(),
            reasoning: Reasoning { operation: operation.name().to_owned(), ..Default::default() },
            concerned: Vec::new(),
            heads: Vec::new(),
        };
        let outcome = Bytes::from(operation.apply(&mut scene)?);
        Ok((outcome, scene.changes, (scene.reasoning, scene.concerned, scene.heads)))
    });
    let (outcome, changes, (reasoning, concerned, heads)) = done?;
    let mut log = Changes::default();
    for change in &changes {
        log.push(change);
    }
    log.write(view, batch.space.number, now_seconds, first_revision);
    if let Some(request) = &options.request {
        let revisions = first_revision..view.revision() + 1;
        let outcome = outcome.clone();
        let answer = requests::Answer { outcome, concerned, heads, reasoning, revisions };
        requests::keep(view, request, answer, now_seconds)?;
    }
    Ok(OperationAnswer { outcome, replayed: false })
}

impl<'a> Scene<'a, '_> {
    /// The number of the space.
    pub fn space(&self) -> u32 {
        self.batch.space.number
    }

    /// When and from where.
    pub fn stamp(&self) -> Stamp {
        let host = self.source.to_owned();
        Stamp { time_seconds: self.batch.moment.now.as_second(), host }
    }

    /// Some keys of the batch.
    pub fn keys(&self, probes: &Range<usize>, manner: Manner) -> Keys<'a> {
        Keys {
            space: &self.batch.space,
            probes: &self.batch.probes[probes.clone()],
            book: &self.batch.book,
            links: self.links,
            resource_id: None,
            manner,
        }
    }

    /// One key of the batch, alone.
    pub fn key(&self, position: usize) -> Keys<'a> {
        self.keys(&(position..position + 1), Manner::default())
    }

    /// The member whom keys mean, who must live; the key that decided is in `decision`. The log
    /// gets to know it in this role.
    pub fn member(
        &mut self,
        keys: Keys<'_>,
        role: DecisionRole,
        decision: &mut Decision,
    ) -> Result<u64, Failure> {
        decide(self.view, keys, Purpose::Read, decision)?;
        if decision.contact == 0 {
            return Err(nobody(keys).into());
        }
        let record = reasoning::decision_record(self.view, keys, decision);
        self.reasoning.decisions.push(DecisionRecord { role: role as u32, ..record });
        self.concerned.push(decision.contact);
        Ok(decision.contact)
    }

    /// Refuses another version than the caller expects.
    pub fn check_version(&mut self, contact: u64) -> Result<(), Failure> {
        step::check_version(self.view, self.space(), contact, self.expected_version)
    }

    /// Counts a change of a living body, stamps it and logs it; answers the new version. The
    /// change needs no `dataset_id`, `version` and `request_id`.
    pub fn touch(&mut self, contact: u64, change: ChangeRecord) -> Result<u64, Failure> {
        let (space, stamp) = (self.space(), self.stamp());
        let gone = || Fault::internal("a touched body is gone");
        let body = self.view.change_body(space, contact)?.ok_or_else(gone)?;
        body.version += 1;
        // A body that is being made has its stamp already.
        if body.version > 1 {
            body.update = Some(stamp);
        }
        let version = body.version;
        self.log(ChangeRecord { dataset_id: contact, version, ..change });
        Ok(version)
    }

    /// Stores a merge, to be undone and listed by both members.
    pub fn keep_merge(&mut self, merge_id: u64, record: MergeRecord) {
        self.view.set_merge(self.space(), merge_id, record);
    }

    /// The member that has a head; 0 where nobody.
    pub fn owner_of(&mut self, head_id: u64) -> Result<u64, Failure> {
        Ok(owner_of_head(self.view, self.space(), head_id)?)
    }

    /// Lets the log know of what is not done, together with the next change.
    pub fn warn(&mut self, warnings: &[Warning]) {
        self.reasoning.warnings.extend(warnings.iter().map(reasoning::warning_record));
    }

    /// Puts what was changed so far into the log of a batch.
    pub fn hand_over(&mut self, log: &mut Changes) {
        for change in self.changes.drain(..) {
            log.push(&change);
        }
    }

    /// Logs a change.
    pub fn log(&mut self, change: ChangeRecord) {
        let mut request_id = String::new();
        // What is erased has no history that could be erased again.
        if !change.erased {
            request_id.push_str(self.request_id);
            self.concerned.push(change.dataset_id);
        }
        let origin = self.batch.origin as u32;
        // Of an erasure nothing is kept but that it was.
        let reasoning = (!change.erased).then(|| self.reasoning.clone());
        let Marks { skip_triggers, event } = self.marks;
        let sequence = event.then(|| SequenceMark { event, ..Default::default() });
        let marked = ChangeRecord { skip_triggers, sequence, ..change };
        self.changes.push(ChangeRecord { request_id, origin, reasoning, ..marked });
        self.view.next_revision();
    }
}
