//! The heads of a step: which addresses a member gets, which stay where they are, and what
//! changes on the head through which the member is addressed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::address::type_name;
use crate::fault::{Failure, Fault};
use crate::matching::decide::{Keys, has_external_id};
use crate::matching::fields::{self, Field};
use crate::matching::{AddressBook, Decision, Target};
use crate::member::batch::{Origin, Step};
use crate::member::events::with_own_state;
use crate::member::system::HeadChange;
use crate::member::{View, confirming, deltas, groups};
use crate::space::Space;
use crate::store::{StoreResult, keys};
use crate::wire::storage::{AddressRecord, HeadDelta, HeadRecord, Stamp};
use crate::wire::v1::{AddressType, ErrorReason, KeyKind, NewbieMode, Warning};

/// One address that a step attaches.
#[derive(Debug)]
pub struct Attachment {
    /// The entry of the book.
    pub entry: usize,
    /// Whether it waits for confirmation.
    pub(super) confirm: bool,
    /// The resource through which it is subscribed.
    resource_id: Option<u32>,
    /// The source of creation.
    origin: u32,
}

impl Attachment {
    /// One address of a book, with what a call says of it.
    pub fn of_call(book: &AddressBook, entry: usize, confirm: bool, origin: u32) -> Self {
        // seed 002, newbie.confirm: phones never wait.
        let confirm = confirm && book.kind(entry) == AddressType::Email;
        Self { entry, confirm, resource_id: None, origin }
    }

    /// The same with a source of creation.
    #[must_use]
    pub fn with_origin(self, origin: u32) -> Self {
        Self { origin, ..self }
    }
}

/// The address that decided: entry of the book and head id; `None` where a number or field did.
pub fn matched_head(keys: Keys<'_>, decision: &Decision) -> Option<(usize, u64)> {
    let position = decision.matched?;
    match keys.probes[position].target {
        Target::Address(entry) => Some((entry, decision.found[position].head)),
        _ => None,
    }
}

/// Decides which addresses of a step become heads of its member. Addresses among the keys that
/// another member has stay there with a warning; listed heads that another member has are a fault.
pub fn plan(
    view: &mut View<'_>,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Attachment>, Failure> {
    let mut attachments: Vec<Attachment> = Vec::new();
    let contact = decision.contact;
    let mut refused = None;
    for probe in keys.probes {
        match &probe.target {
            Target::Address(entry) => {
                let owner = owner(view, keys, *entry);
                if owner != 0 && owner != contact {
                    warnings.push(stayed(keys, *entry, (probe.kind, probe.index), owner));
                } else if owner == 0 {
                    attachments.push(attachment(keys, step, *entry, step.newbie_confirm, None));
                }
            }
            Target::Refused(fault) => {
                warnings.push(located(fault, probe.kind, probe.index).into());
                refused.get_or_insert(fault);
            }
            Target::Contact(_) | Target::Dataset(_) | Target::Head(_) | Target::Field(_) => {}
        }
    }
    for (index, wish) in step.heads.iter().enumerate() {
        let attaches = wish.rule.as_ref().is_none_or(|rule| rule.newbie == NewbieMode::Attach);
        match owner(view, keys, wish.entry) {
            0 if attaches => {
                let confirm = wish.confirm || step.newbie_confirm;
                let resource_id = wish.resource_id;
                attachments.push(attachment(keys, step, wish.entry, confirm, resource_id));
            }
            owner if owner == contact && contact != 0 => {}
            // Its rule comes after the step.
            _ if wish.rule.is_some() => {}
            owner => return Err(taken(keys, wish.entry, index, owner).into()),
        }
    }
    let mut seen = BTreeSet::new();
    attachments.retain(|wish| seen.insert(keys.links[wish.entry]));
    if contact == 0 && attachments.is_empty() {
        return Err(refused.map_or_else(needs_address, |fault| (**fault).clone()).into());
    }
    let kinds: Vec<u32> =
        attachments.iter().map(|wish| keys.book.kind(wish.entry) as u32).collect();
    check_room(view, keys.space.number, contact, &kinds)?;
    check_head(view, keys, step, decision)?;
    warn_of_second_csid(view, keys, contact, &attachments, warnings)?;
    Ok(attachments)
}

/// Attaches the planned addresses, in order.
pub fn attach(
    view: &mut View<'_>,
    keys: Keys<'_>,
    contact: u64,
    attachments: &[Attachment],
    stamp: &Stamp,
    origin: Origin,
) -> Result<Vec<HeadDelta>, Failure> {
    let space = keys.space.number;
    let mut attached = Vec::with_capacity(attachments.len());
    for wish in attachments {
        let slot = keys.links[wish.entry];
        let kind = keys.book.kind(wish.entry) as u32;
        let known = view.address(slot).map(|record| record.head_id);
        let head_id = known.unwrap_or_else(|| view.next_head_id(space));
        view.set_address(
            slot,
            AddressRecord { head_id, dataset_id: contact, ..Default::default() },
        );
        let former = match known {
            Some(head_id) => view.head(space, head_id)?.cloned(),
            None => None,
        };
        let record = HeadRecord {
            r#type: kind,
            address: keys.book.text(wish.entry).to_owned(),
            create: Some(stamp.clone()),
            import_seconds: if origin == Origin::Import { stamp.time_seconds } else { 0 },
            origin: wish.origin,
            confirm_lock: wish.confirm,
            confirm_lock_seconds: if wish.confirm { stamp.time_seconds } else { 0 },
            resource_ids: wish.resource_id.into_iter().collect(),
            ..Default::default()
        };
        let is_known = former.is_some();
        let mut record = match former {
            Some(former) => with_own_state(record, former),
            None => record,
        };
        confirming::count(view, keys, stamp.time_seconds, wish, &mut record)?;
        if is_known {
            view.change_head(space, head_id, |head| head.clone_from(&record))?;
        } else {
            view.insert_head(space, head_id, &record);
        }
        if let Some(body) = view.change_body(space, contact)? {
            body.head_ids.push(head_id);
            body.head_types.push(kind);
        }
        attached.push(HeadDelta { head_id, before: None, after: Some(deltas::state(&record)) });
    }
    Ok(attached)
}

/// Whether the step changes the state of a head that the member already has.
pub fn would_change(
    view: &mut View<'_>,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
) -> Result<bool, Failure> {
    if let Some((before, after)) = changed_head(view, keys, step, decision)?
        && before != after
    {
        return Ok(true);
    }
    Ok(!unsubscribed(view, keys, step, decision.contact)?.is_empty())
}

/// Refuses changes of a head that would give it too much.
fn check_head(
    view: &mut View<'_>,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
) -> Result<(), Failure> {
    match changed_head(view, keys, step, decision)? {
        Some((before, after)) => {
            let is_new = |id: &&String| !before.groups.contains_key(*id);
            for id in after.groups.keys().filter(is_new) {
                groups::check_new(view, keys.space.number, id)?;
            }
            Ok(HeadChange::check(&after)?)
        }
        None => Ok(()),
    }
}

/// The addressed head before and after the changes of a step, where it has any.
fn changed_head(
    view: &mut View<'_>,
    keys: Keys<'_>,
    step: &Step,
    decision: &Decision,
) -> Result<Option<(HeadRecord, HeadRecord)>, Failure> {
    if step.head_changes.is_empty() {
        return Ok(None);
    }
    let id = addressed_head(view, keys, decision.contact, matched_head(keys, decision))?;
    let before = view.head(keys.space.number, id)?.cloned().unwrap_or_default();
    let mut after = before.clone();
    let changes = resolved(view, keys.space.number, step)?;
    for change in changes {
        change.apply(&mut after, 0);
    }
    Ok(Some((before, after)))
}

/// The changes of a head with the numbers of origins instead of labels.
fn resolved<'s>(
    view: &mut View<'_>,
    space: u32,
    step: &'s Step,
) -> Result<Vec<Cow<'s, HeadChange>>, Failure> {
    step.head_changes.iter().map(|change| change.resolved(view, space)).collect()
}

/// Changes the state of the addressed head and subscribes the member's heads among the keys; what
/// changed is added to what became of the member's heads.
pub fn change(
    view: &mut View<'_>,
    keys: Keys<'_>,
    step: &Step,
    contact: u64,
    member: Option<(usize, u64)>,
    (stamp, origin): (&Stamp, Origin),
    changed: &mut Vec<HeadDelta>,
) -> Result<(), Failure> {
    let space = keys.space.number;
    let subscribes = unsubscribed(view, keys, step, contact)?;
    let mut addressed = None;
    if !step.head_changes.is_empty() {
        addressed = Some(addressed_head(view, keys, contact, member)?);
    }
    let wishes = resolved(view, space, step)?;
    let mut changing: Vec<u64> = subscribes.iter().map(|&(id, _)| id).chain(addressed).collect();
    changing.sort_unstable();
    changing.dedup();
    for id in changing {
        let Some(before) = view.head(space, id)?.map(deltas::state) else { continue };
        view.change_head(space, id, |head| {
            let resources = subscribes.iter().filter(|&&(head_id, _)| head_id == id);
            head.resource_ids.extend(resources.map(|&(_, resource_id)| resource_id));
            head.resource_ids.sort_unstable();
            if addressed == Some(id) {
                for wish in &wishes {
                    wish.apply(head, stamp.time_seconds);
                }
            }
            match origin {
                Origin::Call => head.update = Some(stamp.clone()),
                Origin::Import => head.import_seconds = stamp.time_seconds,
            }
        })?;
        deltas::note_change(view, space, (id, before), changed)?;
    }
    Ok(())
}

/// One entry of a secondary index that comes or goes.
#[derive(Debug)]
pub struct IndexChange {
    field: u16,
    value: String,
    present: bool,
}

impl IndexChange {
    fn new(field: &Field, value: &str, present: bool) -> Self {
        Self { field: field.number, value: value.to_owned(), present }
    }

    /// Makes the change for a member.
    pub fn carry_out(&self, view: &mut View<'_>, space: u32, contact: u64) {
        let value = self.value.as_bytes();
        let key = keys::owned(|key| keys::field(key, space, self.field, value, contact));
        view.set_field(key, self.present);
    }
}

/// The changes of secondary indexes that new data bring; a taken unique value is a fault.
pub fn index_changes(
    view: &View<'_>,
    space: &Space,
    contact: u64,
    before: &str,
    after: &str,
) -> Result<Vec<IndexChange>, Failure> {
    let mut changes = Vec::new();
    for field in &space.fields {
        let (old, new) = (field.values(before), field.values(after));
        let gone = old.iter().filter(|value| !new.contains(value));
        changes.extend(gone.map(|value| IndexChange::new(field, value, false)));
        for value in new.iter().filter(|value| !old.contains(value)) {
            if field.unique
                && let Some(owner) =
                    fields::other_holder(view, (space.number, field), value, contact)?
            {
                return Err(Fault::new(
                    ErrorReason::FieldValueTaken,
                    "Another member has this value of a unique field.",
                )
                .with("field", &field.path)
                .with("contact_id", owner)
                .into());
            }
            changes.push(IndexChange::new(field, value, true));
        }
    }
    Ok(changes)
}

/// The member that has an address; 0 where nobody.
pub fn owner(view: &View<'_>, keys: Keys<'_>, entry: usize) -> u64 {
    view.address(keys.links[entry]).map_or(0, |record| record.dataset_id)
}

fn attachment(
    keys: Keys<'_>,
    step: &Step,
    entry: usize,
    confirm: bool,
    own_resource: Option<u32>,
) -> Attachment {
    let of_step = step.resource_id.filter(|_| is_subscribed_by_steps(keys, entry));
    let resource_id = own_resource.or(of_step);
    Attachment { resource_id, ..Attachment::of_call(keys.book, entry, confirm, 0) }
}

/// The resource of a step is that of e-mails and phones (seed 000, `resource_id`).
fn is_subscribed_by_steps(keys: Keys<'_>, entry: usize) -> bool {
    matches!(keys.book.kind(entry), AddressType::Email | AddressType::Msisdn)
}

/// The heads of the member to which the step subscribes it and that are not subscribed yet, each
/// with the resource: those among the keys, and those listed with a resource of their own.
fn unsubscribed(
    view: &mut View<'_>,
    keys: Keys<'_>,
    step: &Step,
    contact: u64,
) -> StoreResult<Vec<(u64, u32)>> {
    let of_keys = keys.probes.iter().filter_map(|probe| match probe.target {
        Target::Address(entry) if is_subscribed_by_steps(keys, entry) => {
            Some((entry, step.resource_id?))
        }
        _ => None,
    });
    let listed = step.heads.iter().filter_map(|wish| Some((wish.entry, wish.resource_id?)));
    let mut found = Vec::new();
    for (entry, resource_id) in of_keys.chain(listed) {
        let record = view.address(keys.links[entry]).copied().unwrap_or_default();
        if record.dataset_id != contact {
            continue;
        }
        let head = view.head(keys.space.number, record.head_id)?;
        if head.is_some_and(|head| !head.resource_ids.contains(&resource_id)) {
            found.push((record.head_id, resource_id));
        }
    }
    // The same address may stand among the keys more than once, not only side by side.
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The head through which the member is addressed: the matching one, else its first.
pub fn addressed_head(
    view: &mut View<'_>,
    keys: Keys<'_>,
    contact: u64,
    member: Option<(usize, u64)>,
) -> StoreResult<u64> {
    if let Some((_, head_id)) = member {
        return Ok(head_id);
    }
    let by_number = keys.probes.iter().find_map(|probe| match probe.target {
        Target::Head(id) => Some(id),
        _ => None,
    });
    let body = view.body(keys.space.number, contact)?;
    let heads = body.map_or(&[][..], |body| &body.head_ids);
    Ok(by_number.filter(|id| heads.contains(id)).or(heads.first().copied()).unwrap_or(0))
}

/// Refuses further heads of these types for a member who may have no more. Every way to get a head
/// asks here: by a step, an operation, a merge, its undoing, a restored member.
pub fn check_room(
    view: &mut View<'_>,
    space: u32,
    contact: u64,
    kinds: &[u32],
) -> Result<(), Failure> {
    if kinds.is_empty() {
        return Ok(());
    }
    let has = view.body(space, contact)?.map_or_else(Vec::new, |body| body.head_types.clone());
    Ok(view.limits(space).check_room(&has, kinds)?)
}

/// Says so where a member gets an external customer id beside the one it has.
pub fn warn_of_second_csid(
    view: &mut View<'_>,
    keys: Keys<'_>,
    contact: u64,
    attachments: &[Attachment],
    warnings: &mut Vec<Warning>,
) -> StoreResult<()> {
    let attaches = attachments.iter().any(|wish| keys.book.kind(wish.entry) == AddressType::Csid);
    if attaches && has_external_id(view, keys.space.number, contact)? {
        let fault = Fault::new(
            ErrorReason::CsidSecond,
            "The member had another external customer id and now has both.",
        );
        warnings.push(fault.with("contact_id", contact).into());
    }
    Ok(())
}

fn needs_address() -> Fault {
    Fault::new(
        ErrorReason::MemberNeedsAddress,
        "Nobody has these keys and none of them is an address that a new member could have.",
    )
}

fn stayed(keys: Keys<'_>, entry: usize, (kind, index): (KeyKind, u32), owner: u64) -> Warning {
    let fault = Fault::new(
        ErrorReason::LocatorStayed,
        "An address among the keys belongs to another member and stays there.",
    )
    .with("type", type_name(keys.book.kind(entry)))
    .with("owner_contact_id", owner);
    located(&fault, kind, index).into()
}

/// A fault of a key, with where in the request the key is.
fn located(fault: &Fault, kind: KeyKind, index: u32) -> Fault {
    fault.clone().with("key", crate::matching::decide::key_name(kind)).with("index", index)
}

/// The fault of a head that another member has; `index` is its place in the request.
pub fn taken(keys: Keys<'_>, entry: usize, index: usize, owner: u64) -> Fault {
    Fault::new(
        ErrorReason::HeadTaken,
        "A head to attach belongs to another member; detach it there or leave it out.",
    )
    .with("index", index)
    .with("type", type_name(keys.book.kind(entry)))
    .with("owner_contact_id", owner)
}
