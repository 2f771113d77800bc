//! The methods of `MemberService` that delete members, bring them back and erase them.

use std::time::Instant;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Probe, Target};
use crate::member::read::wire_stamp;
use crate::operations::delete_members::DeleteMembers;
use crate::operations::erase_member::{EraseMember, counts};
use crate::operations::restore_member::RestoreMember;
use crate::service::head_service::{address_probe, single_probe};
use crate::service::limits::{check_items, check_revision};
use crate::service::mutation::{Request, mutate, refuse_version};
use crate::space::Space;
use crate::store::{Table, keys};
use crate::wire::storage::{ErasureRecord, TaskRecord};
use crate::wire::v1;
use crate::wire::v1::{ErrorReason, KeyKind, member_key};

/// `DeleteMembers`.
pub fn delete_members(
    core: &Core,
    request: &Request<v1::DeleteMembersRequest>,
    deadline: Option<Instant>,
) -> Result<v1::DeleteMembersResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    check_items("members", asked.members.len())?;
    let options = asked.options.as_ref();
    if options.is_some_and(|options| options.expected_version.is_some()) && asked.members.len() > 1
    {
        let message = "An expected version is of one member: give one key only, or none.";
        return Err(Fault::conflict("options.expected_version", "members", message));
    }
    let mut book = AddressBook::default();
    let mut probes = Vec::with_capacity(asked.members.len());
    for (index, member) in asked.members.iter().enumerate() {
        let probe = match probe(space, Some(member), "members", &mut book) {
            Err(fault) if fault.reason == ErrorReason::FieldRequired => return Err(fault),
            // An address that is none spoils no other.
            Err(fault) => single_probe(KeyKind::Locator, Target::Refused(Box::new(fault))),
            Ok(probe) => probe,
        };
        let index = u32::try_from(index).expect("bounded above");
        probes.push(Probe { index, ..probe });
    }
    let operation = Box::new(DeleteMembers { wipe: asked.wipe });
    let (outcome, replayed) = mutate(core, space, (book, probes), operation, request, deadline)?;
    Ok(v1::DeleteMembersResponse { outcome: Some(outcome), replayed })
}

/// `RestoreMember`.
pub fn restore_member(
    core: &Core,
    request: &Request<v1::RestoreMemberRequest>,
    deadline: Option<Instant>,
) -> Result<v1::RestoreMemberResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    refuse_version(asked.options.as_ref())?;
    let mut book = AddressBook::default();
    let probes = vec![probe(space, asked.member.as_ref(), "member", &mut book)?];
    let (outcome, replayed) =
        mutate(core, space, (book, probes), Box::new(RestoreMember), request, deadline)?;
    Ok(v1::RestoreMemberResponse { outcome: Some(outcome), replayed })
}

fn probe(
    space: &Space,
    key: Option<&v1::MemberKey>,
    field: &str,
    book: &mut AddressBook,
) -> Result<Probe> {
    let key = key.and_then(|key| key.key.as_ref()).ok_or_else(|| Fault::required(field))?;
    Ok(match key {
        member_key::Key::Address(address) => address_probe(space, address, field, book)?,
        member_key::Key::HeadId(id) => single_probe(KeyKind::HeadId, Target::Head(*id)),
        member_key::Key::ContactId(id) => single_probe(KeyKind::ContactId, Target::Contact(*id)),
    })
}

/// `EraseMember`.
pub fn erase_member(
    core: &Core,
    request: &Request<v1::EraseMemberRequest>,
    deadline: Option<Instant>,
) -> Result<v1::EraseMemberResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    let mut book = AddressBook::default();
    let probes = vec![probe(space, asked.member.as_ref(), "member", &mut book)?];
    let (outcome, replayed) =
        mutate(core, space, (book, probes), Box::new(EraseMember), request, deadline)?;
    core.upkeep().wake();
    Ok(v1::EraseMemberResponse { outcome: Some(outcome), replayed })
}

/// `GetErasure`.
pub fn get_erasure(core: &Core, request: &v1::GetErasureRequest) -> Result<v1::GetErasureResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    let erasure_id = request.erasure_id;
    if erasure_id == 0 {
        return Err(Fault::required("erasure_id"));
    }
    core.read(&AddressBook::default(), |view, _| {
        check_revision(request.min_revision, view.revision())?;
        let key = keys::owned(|key| keys::erasure(key, space.number, erasure_id));
        let record: ErasureRecord = view.record(Table::Erasures, &key)?.ok_or_else(|| {
            Fault::new(ErrorReason::ErasureUnknown, "There is no erasure with this number.")
                .with("erasure_id", erasure_id)
        })?;
        let task = keys::owned(|key| keys::task(key, record.task_id));
        let task: Option<TaskRecord> = view.record(Table::Tasks, &task)?;
        let (through, scrubbed) = match (&task, record.finished_seconds) {
            (Some(task), 0) => (task.total, task.done.min(task.total)),
            _ => (erasure_id, erasure_id),
        };
        let erasure = v1::Erasure {
            erasure_id,
            begun: record.begun.as_ref().map(wire_stamp),
            counts: Some(counts(&record)),
            contact_ids: record.dataset_ids,
            head_ids: record.head_ids,
            finished_seconds: record.finished_seconds,
            through_revision: through,
            scrubbed_revision: scrubbed,
        };
        Ok(v1::GetErasureResponse { erasure: Some(erasure), revision: view.revision() })
    })
}
