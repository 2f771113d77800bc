//! One atomic step on a member: everything is planned against the view first, and only a plan
//! without a fault touches it.

use std::borrow::Cow;

use crate::datakey::{CopySource, Delta, Document};
use crate::fault::{Failure, Fault};
use crate::import::Plan;
use crate::matching::Decision;
use crate::matching::decide::{Found, Keys, Purpose, decide};
use crate::matching::order::Manner;
use crate::matching::reasoning::{decision_record, warning_record};
use crate::member::View;
use crate::member::batch::{Batch, Copy, Origin, Step};
use crate::member::confirming;
use crate::member::heads::{self, Attachment, IndexChange};
use crate::wire::storage::{
    BodyRecord, ChangeRecord, DatakeyDelta, DecisionRecord, Reasoning, RuleRecord, Stamp,
};
use crate::wire::v1::{
    CopyMissing, ErrorReason, IfExists, KeyKind, KeyState, OutcomeStatus, Warning,
};
use crate::write::changelog::Changes;

/// What a step did.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub status: OutcomeStatus,
    /// The member.
    pub contact: u64,
    /// The version of the body after the step.
    pub version: u64,
    /// The revision of the change, or of the view where nothing changed.
    pub revision: u64,
    /// The address through which the member is addressed: entry of the book and head id.
    pub member: Option<(usize, u64)>,
    /// What was not done.
    pub warnings: Vec<Warning>,
    /// The data after the step, where asked for.
    pub fresh: Option<String>,
    /// The merges that the rules of heads made.
    pub merge_ids: Vec<u64>,
    /// The rules of heads that applied.
    pub rules: Vec<RuleRecord>,
}

/// What a plan found it has to do.
struct Planned {
    text: Option<String>,
    deltas: Vec<DatakeyDelta>,
    attachments: Vec<Attachment>,
    index: Vec<IndexChange>,
    warnings: Vec<Warning>,
}

/// Applies one step to the view; a fault leaves the view as it was. Changes are appended to
/// `changes`. A member who was restored for the step is not one that was there before it.
pub fn apply(
    view: &mut View<'_>,
    batch: &Batch,
    links: &[u32],
    (step, is_restored): (&Step, bool),
    decision: &mut Decision,
    changes: &mut Changes,
) -> Result<Outcome, Failure> {
    let keys = keys_of(batch, links, step);
    decide(view, keys, Purpose::Write, decision)?;
    check_external_id(keys, decision)?;
    let contact = decision.contact;
    let exists = contact != 0;
    check_condition(step.if_exists, contact)?;
    if exists && !is_restored && step.if_exists == IfExists::Ignore {
        return unchanged(view, keys, decision, OutcomeStatus::Ignored, step);
    }
    check_version(view, keys.space.number, contact, step.expected_version)?;
    check_arrival(view, keys.space.number, contact, step.arrival, changes)?;
    let planned = plan(view, batch, keys, step, decision)?;
    let idle = planned.text.is_none()
        && planned.attachments.is_empty()
        && !heads::would_change(view, keys, step, decision)?;
    if exists && idle {
        let mut outcome = unchanged(view, keys, decision, OutcomeStatus::Unchanged, step)?;
        outcome.warnings = planned.warnings;
        if batch.plan().is_some_and(Plan::concerns_all) {
            mark(view, batch, keys, step, decision, &mut outcome, changes);
        }
        return Ok(outcome);
    }
    carry_out(view, batch, keys, step, decision, planned, changes)
}

/// Lets the log know that a member whom a row leaves as it is takes part in the import.
fn mark(
    view: &mut View<'_>,
    batch: &Batch,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
    outcome: &mut Outcome,
    changes: &mut Changes,
) {
    changes.push(&ChangeRecord {
        dataset_id: outcome.contact,
        version: outcome.version,
        origin: batch.origin as u32,
        reasoning: Some(reasoning(view, keys, step, decision, &outcome.warnings)),
        skip_triggers: step.skip_triggers,
        sequence: batch.plan().and_then(|plan| plan.sequence.clone()),
        ..Default::default()
    });
    outcome.revision = view.next_revision();
}

/// The keys of a step with what the batch knows of them.
pub fn keys_of<'a>(batch: &'a Batch, links: &'a [u32], step: &Step) -> Keys<'a> {
    Keys {
        space: &batch.space,
        probes: &batch.probes[step.probes.clone()],
        book: &batch.book,
        links,
        resource_id: step.resource_id,
        manner: step.manner,
    }
}

/// seed 004, update contact: an external id of another contact is an error.
fn check_external_id(keys: Keys<'_>, decision: &Decision) -> Result<(), Fault> {
    let found = |kind: KeyKind| {
        let position = keys.probes.iter().position(|probe| probe.kind == kind)?;
        Some(decision.found[position].contact).filter(|&contact| contact != 0)
    };
    match (found(KeyKind::ContactId), found(KeyKind::ExternalCustomerId)) {
        (Some(contact), Some(owner)) if contact != owner => Err(Fault::new(
            ErrorReason::ExternalIdTaken,
            "The external customer id belongs to another contact than contact_id.",
        )
        .with("contact_id", contact)
        .with("owner_contact_id", owner)),
        _ => Ok(()),
    }
}

fn check_condition(if_exists: IfExists, contact: u64) -> Result<(), Fault> {
    match if_exists {
        IfExists::Error if contact != 0 => Err(Fault::new(
            ErrorReason::MemberExists,
            "The member exists and if_exists says that it must not.",
        )
        .with("contact_id", contact)),
        IfExists::Must if contact == 0 => Err(Fault::new(
            ErrorReason::MemberMissing,
            "No member has these keys and if_exists says that one must.",
        )),
        _ => Ok(()),
    }
}

/// Refuses another version than the caller expects; 0 is that of a member who does not exist.
pub fn check_version(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
    expected: Option<u64>,
) -> Result<(), Failure> {
    if expected.is_none() {
        return Ok(());
    }
    let version = view.body(space, contact)?.map_or(0, |body| body.version);
    Ok(compare_versions(expected, version)?)
}

/// Refuses another version than the caller expects.
pub fn compare_versions(expected: Option<u64>, version: u64) -> Result<(), Fault> {
    let Some(expected) = expected.filter(|&expected| expected != version) else {
        return Ok(());
    };
    Err(Fault::new(
        ErrorReason::Versioning,
        "The member has changed since it was read; read it again and repeat.",
    )
    .with("expected_version", expected)
    .with("version", version))
}

/// Refuses a member who has changed since the call arrived (seed 002, versioning of member.set).
/// What the call itself has changed is no surprise to it.
fn check_arrival(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
    arrival: Option<(u64, u64)>,
    changes: &Changes,
) -> Result<(), Failure> {
    let Some((found, version)) = arrival else {
        return Ok(());
    };
    if changes.has_changed(contact) {
        return Ok(());
    }
    // Another member than then was not expected at all; one that is gone had a version.
    let expected = if found == contact || contact == 0 { version } else { 0 };
    check_version(view, space, contact, Some(expected))
}

fn unchanged(
    view: &mut View<'_>,
    keys: Keys<'_>,
    decision: &Decision,
    status: OutcomeStatus,
    step: &Step,
) -> Result<Outcome, Failure> {
    let revision = view.revision();
    let member = heads::matched_head(keys, decision);
    let body = view.body(keys.space.number, decision.contact)?;
    let (version, data) = body.map_or((0, ""), |body| (body.version, &*body.data));
    Ok(Outcome {
        status,
        contact: decision.contact,
        version,
        revision,
        member,
        warnings: step.warnings.clone(),
        fresh: step.return_fresh.then(|| data.to_owned()),
        merge_ids: Vec::new(),
        rules: Vec::new(),
    })
}

fn plan(
    view: &mut View<'_>,
    batch: &Batch,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
) -> Result<Planned, Failure> {
    let mut warnings = step.warnings.clone();
    let mut attachments = heads::plan(view, keys, step, decision, &mut warnings)?;
    let now_seconds = batch.moment.now.as_second();
    confirming::limit(view, keys, now_seconds, &mut attachments, &mut warnings)?;
    if decision.contact == 0
        && let Some(origin) = batch.plan().and_then(|plan| plan.origin.as_ref())
    {
        let origin = origin.resolve(view, keys.space.number)?;
        attachments = attachments.into_iter().map(|wish| wish.with_origin(origin)).collect();
    }
    let other = copy_source(view, batch, keys, step)?;
    let space = keys.space;
    let body = view.body(space.number, decision.contact)?;
    let before = body.map_or("{}", |body| body.data.as_str());
    let mut document = Document::new(before);
    if let Some(cells) = &batch.cells {
        cells.apply(step.cells.clone(), &mut document)?;
    }
    let mut from = match (&step.copy, &other) {
        (Copy::Itself, _) => CopySource::Itself,
        (Copy::Data(data), _) | (Copy::Member(..), Some(data)) => {
            CopySource::Other(Document::new(data))
        }
        (Copy::Member(_, CopyMissing::Skip), None) => CopySource::MissingSkips,
        (Copy::Member(..), None) => CopySource::MissingWritesNull,
    };
    for change in &step.changes {
        document.apply(change, &mut from, &batch.moment)?;
    }
    for (position, value) in &step.field_values {
        if is_of_nobody(decision.found[*position]) {
            document.apply(value, &mut from, &batch.moment)?;
        }
    }
    let outcome = document.finish()?;
    // The change record of a new member holds its data as a whole.
    let existed = outcome.deltas.into_iter().filter(|_| decision.contact != 0);
    let deltas = existed.map(owned_delta).collect();
    let text = outcome.text;
    let index = match &text {
        Some(after) if !space.fields.is_empty() => {
            let before = before.to_owned();
            heads::index_changes(view, space, decision.contact, &before, after)?
        }
        _ => Vec::new(),
    };
    Ok(Planned { text, deltas, attachments, index, warnings })
}

/// Whether the value of a field may come to whom the step is about: with the same value of somebody
/// else, neither would be found by it any more.
fn is_of_nobody(found: Found) -> bool {
    found.contact == 0 && found.state != KeyState::Ambiguous
}

fn owned_delta(delta: Delta<'_>) -> DatakeyDelta {
    DatakeyDelta {
        key: delta.key.into_owned(),
        before: delta.before.unwrap_or_default().to_owned(),
        after: delta.after.map_or_else(String::new, Cow::into_owned),
    }
}

/// The data of the member that `.copy` modes read, where they name one that exists.
fn copy_source(
    view: &mut View<'_>,
    batch: &Batch,
    keys: Keys<'_>,
    step: &Step,
) -> Result<Option<String>, Failure> {
    let Copy::Member(probes, missing) = &step.copy else {
        return Ok(None);
    };
    let probes = &batch.probes[probes.clone()];
    let source = Keys { probes, resource_id: None, manner: Manner::default(), ..keys };
    let mut decision = Decision::default();
    decide(view, source, Purpose::Read, &mut decision)?;
    let body = view.body(keys.space.number, decision.contact)?;
    match (body, missing) {
        (Some(body), _) => Ok(Some(body.data.clone())),
        (None, CopyMissing::Unspecified | CopyMissing::Error) => {
            Err(Fault::new(ErrorReason::CopySourceMissing, "No member has the keys to copy from.")
                .into())
        }
        (None, _) => Ok(None),
    }
}

/// Makes a plan true. Nothing here may refuse the step; only the store may fail, and then the
/// whole batch ends.
fn carry_out(
    view: &mut View<'_>,
    batch: &Batch,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
    planned: Planned,
    changes: &mut Changes,
) -> Result<Outcome, Failure> {
    let space = keys.space.number;
    let created = decision.contact == 0;
    let contact = if created { view.next_dataset_id(space) } else { decision.contact };
    let time_seconds = batch.moment.now.as_second();
    let stamp = Stamp { time_seconds, host: step.source.clone() };
    if created {
        let record = BodyRecord {
            data: "{}".to_owned(),
            create: Some(stamp.clone()),
            head_ids: Vec::with_capacity(planned.attachments.len()),
            head_types: Vec::with_capacity(planned.attachments.len()),
            ..Default::default()
        };
        view.insert_body(space, contact, record);
    }
    let mut heads = heads::attach(view, keys, contact, &planned.attachments, &stamp, batch.origin)?;
    let member = heads::matched_head(keys, decision)
        .or_else(|| planned.attachments.first().map(|wish| (wish.entry, heads[0].head_id)));
    let written = (&stamp, batch.origin);
    heads::change(view, keys, step, contact, member, written, &mut heads)?;
    planned.index.iter().for_each(|change| change.carry_out(view, space, contact));
    let reasoning = Some(reasoning(view, keys, step, decision, &planned.warnings));
    let gone = || Fault::internal("planned body is gone");
    let body = view.change_body(space, contact)?.ok_or_else(gone)?;
    touch(body, planned.text, stamp, batch.origin);
    let version = body.version;
    let fresh = step.return_fresh.then(|| body.data.clone());
    let plan = batch.plan();
    let change = ChangeRecord {
        dataset_id: contact,
        version,
        created_data: String::new(),
        datakeys: planned.deltas,
        heads,
        request_id: step.request.as_ref().map_or_else(String::new, |request| request.id.clone()),
        origin: batch.origin as u32,
        reasoning,
        skip_triggers: step.skip_triggers,
        sequence: plan.and_then(|plan| plan.sequence.clone()),
        event_key: plan.filter(|_| created).map_or_else(String::new, |plan| plan.event_key.clone()),
        ..Default::default()
    };
    log(change, body, changes);
    view.settle_body(space, contact);
    Ok(Outcome {
        status: if created { OutcomeStatus::Created } else { OutcomeStatus::Updated },
        contact,
        version,
        revision: view.next_revision(),
        member,
        warnings: planned.warnings,
        fresh,
        merge_ids: Vec::new(),
        rules: Vec::new(),
    })
}

/// Why a step does what it does, as far as its keys and its plan say.
pub fn reasoning(
    view: &View<'_>,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
    warnings: &[Warning],
) -> Reasoning {
    let record = decision_record(view, keys, decision);
    Reasoning {
        decisions: vec![DecisionRecord { if_exists: step.if_exists as u32, ..record }],
        warnings: warnings.iter().map(warning_record).collect(),
        ..Default::default()
    }
}

/// Counts a change of a body and stamps it; a body that is being made has its stamp already.
fn touch(body: &mut BodyRecord, data: Option<String>, stamp: Stamp, origin: Origin) {
    if let Some(data) = data {
        body.data = data;
    }
    if origin == Origin::Import {
        body.import_seconds = stamp.time_seconds;
    }
    if body.version > 0 {
        body.update = Some(stamp);
    }
    body.version += 1;
}

/// Adds a change to the log. The data of a new member is lent to the change while it is encoded,
/// instead of copied.
fn log(mut change: ChangeRecord, body: &mut BodyRecord, changes: &mut Changes) {
    let created = change.version == 1;
    if created {
        std::mem::swap(&mut change.created_data, &mut body.data);
    }
    changes.push(&change);
    if created {
        body.data = change.created_data;
    }
}
