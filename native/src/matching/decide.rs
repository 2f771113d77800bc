//! The decision: walks the ranked keys over a view and says who is meant.

use crate::fault::{Failure, Fault};
use crate::matching::fields::{self, Holders};
use crate::matching::keys::{AddressBook, Probe, Target};
use crate::matching::order::{Manner, NOT_IN_ORDER};
use crate::member::view::{View, address_key};
use crate::space::Space;
use crate::store::StoreResult;
use crate::wire::v1::{AddressType, ErrorReason, KeyKind, KeyState};

/// What a decision is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To answer who somebody is.
    Read,
    /// To change a member: an unknown external customer id then says that a locator's member with
    /// another one is not meant (seed 004, bulk rule).
    Write,
}

/// What one key led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// The member, redirects followed; 0 where none.
    pub contact: u64,
    /// The number of the address; 0 where it was never seen or the key is no address.
    pub head: u64,
    /// What became of the key.
    pub state: KeyState,
}

/// Who is meant, and what every key led to.
#[derive(Debug, Default)]
pub struct Decision {
    /// The member; 0 where nobody was found.
    pub contact: u64,
    /// The position of the key that decided.
    pub matched: Option<usize>,
    /// What each key led to, in the order of the keys.
    pub found: Vec<Found>,
    /// The positions of the keys in the order in which they were tried.
    pub tried: Vec<usize>,
    /// The merged numbers that were followed.
    pub redirects: Vec<(u64, u64)>,
}

/// The keys of one request with what their batch knows of them.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The space of the request.
    pub space: &'a Space,
    /// The keys.
    pub probes: &'a [Probe],
    /// The addresses of the batch.
    pub book: &'a AddressBook,
    /// The slot of each address of the book.
    pub links: &'a [u32],
    /// Narrows e-mail and phone matching to heads subscribed through this resource.
    pub resource_id: Option<u32>,
    /// How they are taken.
    pub manner: Manner,
}

/// Decides who is meant. `decision` is emptied first; its buffers are used again.
pub fn decide(
    view: &mut View<'_>,
    keys: Keys<'_>,
    purpose: Purpose,
    decision: &mut Decision,
) -> Result<(), Failure> {
    decision.contact = 0;
    decision.matched = None;
    decision.redirects.clear();
    decision.found.clear();
    decision.tried.clear();
    decision.tried.extend(0..keys.probes.len());
    decision.tried.sort_by_key(|&position| keys.probes[position].rank);
    for probe in keys.probes {
        let found = look_up(view, keys, probe, &mut decision.redirects)?;
        decision.found.push(found);
    }
    let mut unknown_external_id = false;
    for step in 0..decision.tried.len() {
        let position = decision.tried[step];
        let probe = &keys.probes[position];
        if probe.rank == NOT_IN_ORDER {
            decision.found[position].state = KeyState::NotInOrder;
            continue;
        }
        let found = decision.found[position];
        if found.contact == 0 {
            if found.state == KeyState::Ambiguous && decision.matched.is_none() {
                return Err(ambiguous(probe).into());
            }
            unknown_external_id |=
                probe.kind == KeyKind::ExternalCustomerId && found.state == KeyState::NotFound;
            continue;
        }
        let state = if decision.matched.is_some() {
            if found.contact == decision.contact { KeyState::Agrees } else { KeyState::Conflict }
        } else if purpose == Purpose::Write
            && unknown_external_id
            && probe.kind == KeyKind::Locator
            && has_external_id(view, keys.space.number, found.contact)?
        {
            KeyState::PassedOver
        } else {
            decision.matched = Some(position);
            decision.contact = found.contact;
            KeyState::Matched
        };
        decision.found[position].state = state;
    }
    if keys.manner.strict { check_strict(keys, decision).map_err(Failure::Fault) } else { Ok(()) }
}

/// The fault of keys that nobody has. Where none of them can be used at all, the first one's fault
/// says more than "not found".
pub fn nobody(keys: Keys<'_>) -> Fault {
    let unusable = keys.probes.iter().map(|probe| match &probe.target {
        Target::Refused(fault) => Some((**fault).clone()),
        _ => None,
    });
    let faults: Option<Vec<Fault>> = unusable.collect();
    let missing = || Fault::new(ErrorReason::MemberMissing, "No member has these keys.");
    faults.and_then(|faults| faults.into_iter().next()).unwrap_or_else(missing)
}

/// Whether a living member has an external customer id.
pub fn has_external_id(view: &mut View<'_>, space: u32, contact: u64) -> StoreResult<bool> {
    let csid = AddressType::Csid as u32;
    Ok(view.body(space, contact)?.is_some_and(|body| body.head_types.contains(&csid)))
}

fn look_up(
    view: &mut View<'_>,
    keys: Keys<'_>,
    probe: &Probe,
    redirects: &mut Vec<(u64, u64)>,
) -> Result<Found, Failure> {
    let space = keys.space.number;
    let contact_of = |contact: u64, head: u64| Found {
        contact,
        head,
        state: if contact == 0 { KeyState::NotFound } else { KeyState::Agrees },
    };
    Ok(match &probe.target {
        Target::Address(entry) => {
            let record = view.address(keys.links[*entry]).copied().unwrap_or_default();
            let narrowed = keys.resource_id.is_some_and(|_| {
                matches!(keys.book.kind(*entry), AddressType::Email | AddressType::Msisdn)
            });
            if narrowed && !subscribed(view, keys, record.head_id)? {
                contact_of(0, record.head_id)
            } else {
                contact_of(record.dataset_id, record.head_id)
            }
        }
        Target::Contact(id) => contact_of(view.follow(space, *id, redirects)?.unwrap_or(0), 0),
        Target::Dataset(id) => contact_of(if view.lives(space, *id)? { *id } else { 0 }, 0),
        Target::Head(id) => contact_of(owner_of_head(view, space, *id)?, *id),
        Target::Field(query) => match fields::holders(view, keys.space, query)? {
            Holders::None => contact_of(0, 0),
            Holders::One(contact) => contact_of(contact, 0),
            Holders::Several => Found { contact: 0, head: 0, state: KeyState::Ambiguous },
        },
        Target::Refused(fault) => {
            let state = match fault.reason {
                ErrorReason::AddressBlocked => KeyState::Blocked,
                _ => KeyState::Invalid,
            };
            Found { contact: 0, head: 0, state }
        }
    })
}

fn subscribed(view: &mut View<'_>, keys: Keys<'_>, head_id: u64) -> StoreResult<bool> {
    let Some(resource_id) = keys.resource_id else {
        return Ok(true);
    };
    let head = view.head(keys.space.number, head_id)?;
    Ok(head.is_some_and(|head| head.resource_ids.contains(&resource_id)))
}

/// The member that a head belongs to now; 0 where nobody.
pub fn owner_of_head(view: &mut View<'_>, space: u32, head_id: u64) -> StoreResult<u64> {
    let Some(head) = view.head(space, head_id)? else {
        return Ok(0);
    };
    let key = address_key(space, head);
    Ok(view.address_by_key(&key)?.map_or(0, |record| record.dataset_id))
}

fn ambiguous(probe: &Probe) -> Fault {
    let path = match &probe.target {
        Target::Field(query) => query.path.as_str(),
        _ => "",
    };
    Fault::new(
        ErrorReason::MatchAmbiguous,
        "Two or more members have this value; give a key that only one has.",
    )
    .with("field", path)
}

fn check_strict(keys: Keys<'_>, decision: &Decision) -> Result<(), Fault> {
    let conflict = decision.found.iter().find(|found| found.state == KeyState::Conflict);
    if let Some(conflict) = conflict {
        return Err(Fault::new(
            ErrorReason::MatchConflict,
            "The keys point at several members and the request is strict.",
        )
        .with("contact_id", decision.contact)
        .with("conflicting_contact_id", conflict.contact));
    }
    let Some(matched) = decision.matched else {
        return Ok(());
    };
    let above = decision.tried.iter().take_while(|&&position| position != matched);
    // A blocked value identifies nobody, so that it is not an unknown key either.
    let unknown = above.filter(|&&position| decision.found[position].state != KeyState::Blocked);
    match unknown.map(|&position| &keys.probes[position]).next() {
        None => Ok(()),
        Some(unknown) => Err(Fault::new(
            ErrorReason::MatchKeyUnknown,
            "A key that ranks above the matching one is unknown and the request is strict.",
        )
        .with("key", key_name(unknown.kind))),
    }
}

/// The name of a key as the contract's field calls it.
pub fn key_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Unspecified => "unspecified",
        KeyKind::ContactId => "contact_id",
        KeyKind::ExternalCustomerId => "external_customer_id",
        KeyKind::Locator => "locator",
        KeyKind::Field => "field",
        KeyKind::HeadId => "head_id",
        KeyKind::DatasetId => "dataset_id",
    }
}
