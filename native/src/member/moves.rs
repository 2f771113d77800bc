//! Heads on the move: taken from a member, given to one, set free; and the end of a body.

use crate::fault::{Failure, Fault};
use crate::matching::decide::owner_of_head;
use crate::member::View;
use crate::member::events::brought_back;
use crate::member::heads::{check_room, index_changes};
use crate::space::Space;
use crate::store::StoreResult;
use crate::wire::storage::{BodyRecord, FormerHead};

/// A head that was taken from its member.
#[derive(Debug)]
pub struct Taken {
    /// The head as it was.
    pub former: FormerHead,
    /// How many heads the member has left.
    pub left: usize,
}

/// Takes a head from a living member, who may be left without any. The address still leads to the
/// member.
pub fn take(view: &mut View<'_>, space: u32, contact: u64, head_id: u64) -> Result<Taken, Failure> {
    let former = FormerHead { head_id, head: view.head(space, head_id)?.cloned() };
    let gone = || Fault::internal("a head is taken from a body that is gone");
    let body = view.change_body(space, contact)?.ok_or_else(gone)?;
    let position = body.head_ids.iter().position(|&id| id == head_id);
    let position = position.ok_or_else(|| Fault::internal("a body does not have its head"))?;
    body.head_ids.remove(position);
    body.head_types.remove(position);
    Ok(Taken { former, left: body.head_ids.len() })
}

/// Gives a head that was taken from somebody to a living member, with its state.
pub fn give(view: &mut View<'_>, space: u32, contact: u64, head_id: u64) -> Result<(), Failure> {
    let kind = view.head(space, head_id)?.map_or(0, |head| head.r#type);
    check_room(view, space, contact, &[kind])?;
    if let Some(body) = view.change_body(space, contact)? {
        body.head_ids.push(head_id);
        body.head_types.push(kind);
    }
    Ok(view.assign_head(space, head_id, contact)?)
}

/// Whether nobody has a head, else who has it. One that was erased since has nobody and no record
/// either.
pub fn is_free(view: &mut View<'_>, space: u32, head_id: u64) -> StoreResult<Result<(), u64>> {
    let owner = owner_of_head(view, space, head_id)?;
    let is_known = view.head(space, head_id)?.is_some();
    Ok(if owner == 0 && is_known { Ok(()) } else { Err(owner) })
}

/// Gives a former head that nobody has to a living member again, as it was; else answers who has
/// it, 0 where it was erased.
pub fn give_back(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
    former: &FormerHead,
) -> Result<Result<(), u64>, Failure> {
    if let Err(owner) = is_free(view, space, former.head_id)? {
        return Ok(Err(owner));
    }
    if let Some(record) = former.head.clone() {
        view.change_head(space, former.head_id, |head| {
            *head = brought_back(record, std::mem::take(head));
        })?;
    }
    give(view, space, contact, former.head_id)?;
    Ok(Ok(()))
}

/// Takes a head from a living member and lets it belong to nobody.
pub fn take_away(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
    head_id: u64,
) -> Result<Taken, Failure> {
    let taken = take(view, space, contact, head_id)?;
    set_free(view, space, head_id)?;
    Ok(taken)
}

/// Lets a head that was taken from somebody belong to nobody: it leaves its list groups (seed 002,
/// member.head.detach).
pub fn set_free(view: &mut View<'_>, space: u32, head_id: u64) -> StoreResult<()> {
    view.change_head(space, head_id, |head| head.groups.clear())?;
    view.assign_head(space, head_id, 0)
}

/// Ends the body of a member with its entries in the secondary indexes; answers what it was.
pub fn bury(view: &mut View<'_>, space: &Space, contact: u64) -> Result<BodyRecord, Failure> {
    let gone = || Fault::internal("a body that ends is gone");
    let body = view.remove_body(space.number, contact)?.ok_or_else(gone)?;
    for change in index_changes(view, space, contact, &body.data, "{}")? {
        change.carry_out(view, space.number, contact);
    }
    Ok(body)
}
