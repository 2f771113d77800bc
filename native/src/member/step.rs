//! One atomic step on a member: everything is planned against the view first, and only a plan
//! without a fault touches it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::datakey::{Change, CopySource, DataRule, Delta, Document, Moment};
use crate::fault::{Failure, Fault};
use crate::matching::decide::{Keys, Purpose, decide};
use crate::matching::{AddressBook, Decision, Probe};
use crate::member::View;
use crate::member::cells::Cells;
use crate::member::heads::{self, Attachment, IndexChange};
use crate::member::system::HeadChange;
use crate::space::Space;
use crate::wire::storage::{BodyRecord, ChangeRecord, DatakeyDelta, Stamp};
use crate::wire::v1::{
    CopyMissing, ErrorReason, IfExists, KeyKind, NewbieMode, OutcomeStatus, OwnedMode, Warning,
};
use crate::write::changelog::Changes;

/// Who writes: it decides which stamps a change leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A call.
    Call = 1,
    /// A row of an import.
    Import = 2,
}

/// Where `.copy` modes read.
#[derive(Debug, Default)]
pub enum Copy {
    /// The member itself.
    #[default]
    Itself,
    /// A canonical JSON object of the call.
    Data(String),
    /// Another member, by its keys.
    Member(Range<usize>, CopyMissing),
}

/// The stored answer that a request id asks for or leaves.
#[derive(Debug)]
pub struct RequestId {
    /// The key in the table of requests.
    pub key: Vec<u8>,
    /// The id as the caller gave it.
    pub id: String,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
}

/// An address that a step attaches besides its keys.
#[derive(Debug)]
pub struct HeadWish {
    /// The entry of the book.
    pub entry: usize,
    /// Whether it waits for confirmation.
    pub confirm: bool,
    /// How it comes to the member; `None` attaches what nobody has and refuses what another has.
    pub rule: Option<Box<WishRule>>,
}

/// How a head comes to a member (seed 002, `head_rule` and `data_rule`).
#[derive(Debug)]
pub struct WishRule {
    /// Where nobody has it.
    pub newbie: NewbieMode,
    /// Where it is the only head of another member.
    pub single: OwnedMode,
    /// Where it is one of several heads of another member.
    pub multi: OwnedMode,
    /// What happens to the data of both members.
    pub data_rule: DataRule,
}

/// One prepared change of a member.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are options of a call, one by one")]
pub struct Step {
    /// Its keys among the probes of the batch.
    pub probes: Range<usize>,
    /// Addresses to attach besides the keys.
    pub heads: Vec<HeadWish>,
    /// The condition.
    pub if_exists: IfExists,
    /// The changes of data.
    pub changes: Vec<Change>,
    /// The same of a row of an import: its cells among those of the batch.
    pub cells: Range<usize>,
    /// Where copy modes read.
    pub copy: Copy,
    /// The changes of the head through which the member is addressed.
    pub head_changes: Vec<HeadChange>,
    /// What was ignored already while preparing.
    pub warnings: Vec<Warning>,
    /// Whether new e-mail heads wait for confirmation.
    pub newbie_confirm: bool,
    /// The IP address of the original request.
    pub source: String,
    /// The version that the body must have; 0 that it must not exist.
    pub expected_version: Option<u64>,
    /// Whom the keys meant when the call arrived and the version of the body then, in a space that
    /// refuses what has changed since.
    pub arrival: Option<(u64, u64)>,
    /// Makes the step happen once.
    pub request: Option<Box<RequestId>>,
    /// Whether the answer carries the data after the change.
    pub return_fresh: bool,
    /// Narrows matching, and subscribes the heads of the step.
    pub resource_id: Option<u32>,
    /// Whether conflicts are errors.
    pub strict: bool,
    /// Whether the deleted member of an external customer id is restored.
    pub restores: bool,
}

/// The prepared steps of one request, with the addresses they share.
#[derive(Debug)]
pub struct Batch {
    /// The space of all steps.
    pub space: Arc<Space>,
    /// The addresses.
    pub book: AddressBook,
    /// The keys of all steps.
    pub probes: Vec<Probe>,
    /// The steps; a fault where one cannot even be prepared.
    pub steps: Vec<Result<Step, Fault>>,
    /// The cells of an import.
    pub cells: Option<Cells>,
    /// Who writes.
    pub origin: Origin,
    /// The one moment of all dates in the batch.
    pub moment: Moment,
}

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
}

/// What a plan found it has to do.
struct Plan {
    text: Option<String>,
    deltas: Vec<DatakeyDelta>,
    attachments: Vec<Attachment>,
    index: Vec<IndexChange>,
    warnings: Vec<Warning>,
}

/// Applies one step to the view; a fault leaves the view as it was. Changes are appended to
/// `changes`.
pub fn apply(
    view: &mut View<'_>,
    batch: &Batch,
    links: &[u32],
    step: &Step,
    decision: &mut Decision,
    changes: &mut Changes,
) -> Result<Outcome, Failure> {
    let keys = keys_of(batch, links, step);
    decide(view, keys, Purpose::Write, decision)?;
    check_external_id(keys, decision)?;
    let contact = decision.contact;
    let exists = contact != 0;
    check_condition(step.if_exists, contact)?;
    if exists && step.if_exists == IfExists::Ignore {
        return unchanged(view, keys, decision, OutcomeStatus::Ignored, step);
    }
    check_version(view, keys.space.number, contact, step.expected_version)?;
    check_arrival(view, keys.space.number, contact, step.arrival, changes)?;
    let plan = plan(view, batch, keys, step, decision)?;
    let idle = plan.text.is_none()
        && plan.attachments.is_empty()
        && !heads::would_change(view, keys, step, decision)?;
    if exists && idle {
        let mut outcome = unchanged(view, keys, decision, OutcomeStatus::Unchanged, step)?;
        outcome.warnings = plan.warnings;
        return Ok(outcome);
    }
    carry_out(view, batch, keys, step, decision, plan, changes)
}

/// The keys of a step with what the batch knows of them.
pub fn keys_of<'a>(batch: &'a Batch, links: &'a [u32], step: &Step) -> Keys<'a> {
    Keys {
        space: &batch.space,
        probes: &batch.probes[step.probes.clone()],
        book: &batch.book,
        links,
        resource_id: step.resource_id,
        strict: step.strict,
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
    let Some(expected) = expected else {
        return Ok(());
    };
    let version = view.body(space, contact)?.map_or(0, |body| body.version);
    if version == expected {
        return Ok(());
    }
    Err(Fault::new(
        ErrorReason::Versioning,
        "The member has changed since it was read; read it again and repeat.",
    )
    .with("expected_version", expected)
    .with("version", version)
    .into())
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
    })
}

fn plan(
    view: &mut View<'_>,
    batch: &Batch,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
) -> Result<Plan, Failure> {
    let mut warnings = step.warnings.clone();
    let attachments = heads::plan(view, keys, step, decision, &mut warnings)?;
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
    Ok(Plan { text, deltas, attachments, index, warnings })
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
    let source = Keys { probes, resource_id: None, strict: false, ..keys };
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
    plan: Plan,
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
            head_ids: Vec::with_capacity(plan.attachments.len()),
            head_types: Vec::with_capacity(plan.attachments.len()),
            ..Default::default()
        };
        view.insert_body(space, contact, record);
    }
    let attached_head_ids =
        heads::attach(view, keys, contact, &plan.attachments, &stamp, batch.origin)?;
    let member = heads::matched_head(keys, decision)
        .or_else(|| plan.attachments.first().map(|wish| (wish.entry, attached_head_ids[0])));
    let changed_head_ids = heads::change(view, keys, step, contact, member, &stamp, batch.origin)?;
    plan.index.iter().for_each(|change| change.carry_out(view, space, contact));
    let gone = || Fault::internal("planned body is gone");
    let body = view.change_body(space, contact)?.ok_or_else(gone)?;
    touch(body, plan.text, stamp, batch.origin);
    let version = body.version;
    let fresh = step.return_fresh.then(|| body.data.clone());
    let change = ChangeRecord {
        dataset_id: contact,
        version,
        created_data: String::new(),
        datakeys: plan.deltas,
        attached_head_ids,
        changed_head_ids,
        request_id: step.request.as_ref().map_or_else(String::new, |request| request.id.clone()),
        origin: batch.origin as u32,
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
        warnings: plan.warnings,
        fresh,
        merge_ids: Vec::new(),
    })
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
