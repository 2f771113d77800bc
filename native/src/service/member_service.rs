//! `MemberService`: reads and writes members.

use std::time::Instant;

use crate::address::address_types;
use crate::address::limits::VALUE_BYTES_MAX;
use crate::core::{Core, repeated};
use crate::fault::{Failure, Fault, Result};
use crate::matching::decide::{Purpose, decide, nobody};
use crate::matching::former::{Subject, former};
use crate::matching::{AddressBook, Decision, report};
use crate::member::View;
use crate::member::batch::Batch;
use crate::member::read::{self, Paths};
use crate::member::record::{self, Extras};
use crate::member::step;
use crate::service::limits::{check_items, check_revision};
use crate::service::reading::by_keys;
use crate::space::Space;
use crate::wire::storage::HeadRecord;
use crate::wire::v1;
use crate::wire::v1::{AddressType, Existence, set_member_result};
use crate::write::queue::{Answers, Done, Job, Purpose as JobPurpose};
use crate::write::{prepare, queue};

/// `SetMember`: a batch of one whose fault is the call's.
pub fn set_member(
    core: &Core,
    request: v1::SetMemberRequest,
    bytes: usize,
    deadline: Option<Instant>,
) -> Result<v1::SetMemberResponse> {
    let change = request.change.ok_or_else(|| Fault::required("change"))?;
    let prepared = || {
        let space = &core.spaces().get(request.space.as_ref())?;
        let mut batch = prepare::batch(space, std::slice::from_ref(&change), core.moment(space));
        match batch.steps.pop_if(|step| step.is_err()) {
            Some(Err(fault)) => Err(fault),
            _ => Ok(batch),
        }
    };
    match write(core, prepared, (bytes, deadline), request.validate_only)?.answers {
        Answers::Members(mut outcomes) => {
            let outcome = outcomes.pop().unwrap_or_else(|| Err(Fault::internal("no outcome")))?;
            Ok(v1::SetMemberResponse { outcome: Some(outcome) })
        }
        _ => Err(Fault::internal("a call has outcomes of its steps")),
    }
}

/// `SetMemberBatch`.
pub fn set_member_batch(
    core: &Core,
    request: &v1::SetMemberBatchRequest,
    bytes: usize,
    deadline: Option<Instant>,
) -> Result<v1::SetMemberBatchResponse> {
    check_items("changes", request.changes.len())?;
    let prepared = || {
        let space = &core.spaces().get(request.space.as_ref())?;
        let batch = prepare::batch(space, &request.changes, core.moment(space));
        Ok(Batch { in_order: request.in_order, ..batch })
    };
    let Done { answers, revision, .. } =
        write(core, prepared, (bytes, deadline), request.validate_only)?;
    let Answers::Members(outcomes) = answers else {
        return Err(Fault::internal("a call has no rows"));
    };
    let result = |outcome| v1::SetMemberResult {
        result: Some(match outcome {
            Ok(outcome) => set_member_result::Result::Outcome(outcome),
            Err(fault) => set_member_result::Result::Fault(Fault::into(fault)),
        }),
    };
    Ok(v1::SetMemberBatchResponse { results: outcomes.into_iter().map(result).collect(), revision })
}

/// Writes prepared steps, or only plans them. Where another policy comes before their turn they are
/// prepared anew, but did not arrive anew.
fn write(
    core: &Core,
    prepared: impl Fn() -> Result<Batch>,
    (bytes, deadline): (usize, Option<Instant>),
    validate_only: bool,
) -> Result<Done> {
    let mut arrivals = None;
    repeated(|| {
        let mut batch = prepared()?;
        note_arrival(core, &mut batch, &mut arrivals)?;
        let job = Job { batch, purpose: JobPurpose::Members, bytes, deadline };
        if validate_only { queue::rehearse(core.engine(), &job) } else { core.writer().run(job) }
    })
}

/// Whom a step meant when it arrived, and the version of that body.
type Arrival = Option<(u64, u64)>;

/// In a space that refuses members who have changed since a call arrived, notes whom its steps
/// meant then and how they were. A step that is refused already will be refused in its turn.
fn note_arrival(core: &Core, batch: &mut Batch, arrivals: &mut Option<Vec<Arrival>>) -> Result<()> {
    if !batch.space.versioning {
        return Ok(());
    }
    let noted = match arrivals {
        Some(noted) => noted,
        None => arrivals.insert(arrivals_of(core, batch)?),
    };
    for (step, arrival) in batch.steps.iter_mut().zip(noted) {
        if let Ok(step) = step {
            step.arrival = *arrival;
        }
    }
    Ok(())
}

fn arrivals_of(core: &Core, batch: &Batch) -> Result<Vec<Arrival>> {
    core.read(&batch.book, |view, links| {
        let mut decision = Decision::default();
        let mut arrivals = Vec::with_capacity(batch.steps.len());
        for step in &batch.steps {
            let Ok(step) = step else {
                arrivals.push(None);
                continue;
            };
            let keys = step::keys_of(batch, links, step);
            arrivals.push(match decide(view, keys, Purpose::Write, &mut decision) {
                Ok(()) => {
                    let contact = decision.contact;
                    let body = view.body(batch.space.number, contact)?;
                    Some((contact, body.map_or(0, |body| body.version)))
                }
                Err(Failure::Fault(_)) => None,
                Err(failure) => return Err(failure),
            });
        }
        Ok(arrivals)
    })
}

/// `GetMember`.
pub fn get_member(core: &Core, request: &v1::GetMemberRequest) -> Result<v1::GetMemberResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    let paths = Paths::compile(&request.datakeys)?;
    let stoplist = v1::StoplistForm::try_from(request.with_stoplist)
        .map_err(|_| Fault::invalid("with_stoplist", "is not a known form"))?;
    let asked = (request.keys.as_ref(), request.policy.as_ref());
    by_keys(core, space, asked, request.min_revision, |view, keys, decision| {
        let missing = decision.contact == 0;
        let subject = if !missing {
            // Data alone needs no head, and a member may have a thousand.
            let needs_heads = request.with_heads || paths.reserved().is_some();
            living(view, space, decision, needs_heads)?
        } else if request.missing_too {
            let now_seconds = core.moment(space).now.as_second();
            former(view, keys, decision, now_seconds)?.ok_or_else(|| nobody(keys))?
        } else {
            return Err(nobody(keys).into());
        };
        let through = through(&subject);
        let heads = request.with_heads.then(|| subject.heads.clone());
        let extras = Extras { stoplist, heads };
        let head = (through.0, &through.1);
        let values = paths.read(space, &subject.body, subject.contact, head, &extras)?;
        let wire_heads = subject.heads.iter().map(|(id, head)| read::wire_head(*id, head));
        Ok(v1::GetMemberResponse {
            member: Some(v1::Member {
                contact_id: subject.contact,
                version: subject.body.version,
                values,
                heads: if request.with_heads { wire_heads.collect() } else { Vec::new() },
            }),
            resolution: Some(report::resolution(keys, decision, false)),
            revision: view.revision(),
            missing,
        })
    })
}

/// The living member of a decision.
fn living(
    view: &mut View<'_>,
    space: &Space,
    decision: &Decision,
    needs_heads: bool,
) -> std::result::Result<Subject, Failure> {
    let contact = decision.contact;
    let body = read::living_body(view, space.number, contact)?;
    let heads = if needs_heads { read::heads(view, space.number, &body)? } else { Vec::new() };
    let head = decision.matched.map_or(0, |position| decision.found[position].head);
    Ok(Subject { contact, body, heads, head })
}

/// The head through which a member is read: the matching one, else its first.
fn through(subject: &Subject) -> (u64, HeadRecord) {
    let by_match = subject.heads.iter().find(|(id, _)| *id == subject.head);
    by_match.or(subject.heads.first()).cloned().unwrap_or_default()
}

/// `GetDataset`.
pub fn get_dataset(core: &Core, request: &v1::GetDatasetRequest) -> Result<v1::GetDatasetResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    if request.dataset_id == 0 {
        return Err(Fault::required("dataset_id"));
    }
    let everything = ["*".to_owned()];
    let asked = if request.datakeys.is_empty() { &everything[..] } else { &request.datakeys };
    let paths = Paths::compile(asked)?;
    if let Some(path) = paths.reserved() {
        let message = "System keys belong to heads: read head_records.";
        return Err(Fault::new(v1::ErrorReason::DatakeyReserved, message).with("path", path));
    }
    core.read(&AddressBook::default(), |view, _| {
        check_revision(request.min_revision, view.revision())?;
        let mut hops = Vec::new();
        let contact = view.follow(space.number, request.dataset_id, &mut hops)?.unwrap_or(0);
        let body = read::living_body(view, space.number, contact)?;
        let heads = read::heads(view, space.number, &body)?;
        let record = |(id, head): &(u64, HeadRecord)| {
            record::head_record(contact, head, *id, &space.zone).into()
        };
        let no_head = (0, &HeadRecord::default());
        let redirect =
            |(from_contact_id, to_contact_id)| v1::Redirect { from_contact_id, to_contact_id };
        Ok(v1::GetDatasetResponse {
            head_records: heads.iter().map(record).collect(),
            member: Some(v1::Member {
                contact_id: contact,
                version: body.version,
                values: paths.read(space, &body, contact, no_head, &Extras::default())?,
                heads: heads.iter().map(|(id, head)| read::wire_head(*id, head)).collect(),
            }),
            redirects: hops.into_iter().map(redirect).collect(),
            revision: view.revision(),
        })
    })
}

/// `MembersExist`.
pub fn members_exist(
    core: &Core,
    request: &v1::MembersExistRequest,
) -> Result<v1::MembersExistResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    check_items("addresses", request.addresses.len())?;
    let mut book = AddressBook::default();
    let mut warnings = Vec::new();
    let mut entries = Vec::with_capacity(request.addresses.len());
    for (index, address) in request.addresses.iter().enumerate() {
        let added = AddressType::try_from(address.r#type)
            .map_err(|_| Fault::invalid("addresses.type", "is not a known address type"))
            .and_then(|kind| book.add(space, kind, &address.value));
        entries.push(added.map_err(|fault| warnings.push(fault.with("index", index).into())).ok());
    }
    let book = book.sealed();
    core.read(&book, |view, links| {
        check_revision(request.min_revision, view.revision())?;
        let existence = |entry: &Option<usize>| match entry {
            None => Existence::Invalid,
            Some(entry) => match view.address(links[*entry]) {
                Some(record) if record.dataset_id != 0 => Existence::Exists,
                _ => Existence::Absent,
            },
        };
        let existences = entries.iter().map(|entry| existence(entry).into()).collect();
        let revision = view.revision();
        Ok(v1::MembersExistResponse { existences, warnings: warnings.clone(), revision })
    })
}

/// `FindMembers`: the string is read as every type in turn.
pub fn find_members(
    core: &Core,
    request: &v1::FindMembersRequest,
) -> Result<v1::FindMembersResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    if request.value.is_empty() {
        return Err(Fault::required("value"));
    }
    if request.value.len() > VALUE_BYTES_MAX {
        return Err(Fault::limit("value", VALUE_BYTES_MAX, request.value.len()));
    }
    let mut book = AddressBook::default();
    for kind in address_types() {
        // A string that is no address of this type cannot mean one.
        let _other_type = book.add(space, kind, &request.value);
    }
    let book = book.sealed();
    core.read(&book, |view, links| {
        check_revision(request.min_revision, view.revision())?;
        let found = (0..book.len()).filter_map(|entry| {
            let record = view.address(links[entry])?;
            let head = v1::Head { id: record.head_id, address: Some(book.canonical(entry)) };
            let living = record.dataset_id != 0;
            living.then_some(v1::FoundMember { head: Some(head), contact_id: record.dataset_id })
        });
        Ok(v1::FindMembersResponse { found: found.collect(), revision: view.revision() })
    })
}
