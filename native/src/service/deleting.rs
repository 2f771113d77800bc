//! The methods of `MemberService` that delete members and bring them back.

use std::time::Instant;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Probe, Target};
use crate::operations::delete_members::DeleteMembers;
use crate::operations::restore_member::RestoreMember;
use crate::service::head_service::{address_probe, single_probe};
use crate::service::limits::check_items;
use crate::service::mutation::{Request, mutate};
use crate::space::Space;
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
        return Err(Fault::new(ErrorReason::OptionsConflict, message)
            .with("first", "options.expected_version")
            .with("second", "members"));
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
    let options = asked.options.as_ref();
    if options.is_some_and(|options| options.expected_version.is_some()) {
        let problem = "is of a living member; leave it out";
        return Err(Fault::invalid("options.expected_version", problem));
    }
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
