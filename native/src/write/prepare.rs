//! Requests become batches: everything that needs no store is done here, on the caller's thread.

use std::sync::Arc;

use prost::Message;

use crate::datakey::{self, Change, Moment};
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Policy, Probe, fields, prepare as prepare_keys};
use crate::member::batch::{Batch, Copy, HeadWish, Origin, RequestId, Step, WishRule};
use crate::member::system::HeadChange;
use crate::space::Space;
use crate::wire::v1::{
    AddressType, CopyMissing, CopySource, DataRule, ErrorReason, HeadRule, IfExists, MemberChange,
    NewbieMode, OwnedMode, Warning, copy_source,
};
use crate::write::data_rule::data_rule;
use crate::write::requests;

/// Datakey changes of one step: a body of 1 MiB holds no more worth changing one by one.
pub const DATAKEYS_MAX: usize = 1_000;
/// Heads listed by one step.
pub const HEADS_MAX: usize = 100;
/// Bytes of a source: the longest textual IP address with a zone is shorter.
pub const SOURCE_BYTES_MAX: usize = 64;

/// Prepares the changes of one call. A change that cannot be prepared becomes its fault.
pub fn batch(space: &Arc<Space>, changes: &[MemberChange], moment: Moment) -> Batch {
    let mut book = AddressBook::default();
    let mut probes = Vec::new();
    let prepared = |change| step(space, change, &mut book, &mut probes);
    let steps = changes.iter().map(prepared).collect();
    let space = Arc::clone(space);
    Batch {
        space,
        book: book.sealed(),
        probes,
        steps,
        cells: None,
        row_probes: Vec::new(),
        origin: Origin::Call,
        moment,
        in_order: false,
    }
}

fn step(
    space: &Space,
    change: &MemberChange,
    book: &mut AddressBook,
    probes: &mut Vec<Probe>,
) -> Result<Step> {
    check_bounds(change)?;
    let policy = Policy::compile(change.policy.as_ref())?;
    let keys = change.keys.as_ref().ok_or_else(|| Fault::required("keys"))?;
    let first = probes.len();
    prepare_keys(space, &policy, keys, book, probes)?;
    let own = first..probes.len();
    let heads = heads(space, change, book)?;
    let copy = copy(space, change.copy.as_ref(), book, probes)?;
    let mut step = Step {
        probes: own,
        heads,
        if_exists: IfExists::try_from(change.if_exists)
            .map_err(|_| Fault::invalid("if_exists", "is not a known condition"))?,
        copy,
        newbie_confirm: change.newbie_confirm,
        source: change.source.clone(),
        expected_version: change.expected_version,
        request: request_id(space, change)?,
        return_fresh: change.return_fresh,
        resource_id: keys.resource_id,
        manner: policy.manner,
        restores: policy.restores && change.if_exists != IfExists::Error as i32,
        skip_triggers: change.skip_triggers,
        ..Step::default()
    };
    if change.insert_fields {
        for (index, value) in keys.fields.iter().enumerate() {
            add_datakey(&mut step, index, &fields::insertion(space, value)?)?;
        }
    }
    for (index, datakey) in change.datakeys.iter().enumerate() {
        add_datakey(&mut step, index, datakey)?;
    }
    Ok(step)
}

fn request_id(space: &Space, change: &MemberChange) -> Result<Option<Box<RequestId>>> {
    if change.request_id.is_empty() {
        return Ok(None);
    }
    let known = requests::prepare(space.number, &change.request_id, &change.encode_to_vec())?;
    Ok(known.map(|mut request| {
        request.keeps_refusal = change.keep_refusal;
        request
    }))
}

fn check_bounds(change: &MemberChange) -> Result<()> {
    if change.datakeys.len() > DATAKEYS_MAX {
        return Err(Fault::limit("datakeys", DATAKEYS_MAX, change.datakeys.len()));
    }
    if change.heads.len() > HEADS_MAX {
        return Err(Fault::limit("heads", HEADS_MAX, change.heads.len()));
    }
    check_source(&change.source)
}

/// A source is an IP address, or empty.
pub fn check_source(source: &str) -> Result<()> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(Fault::limit("source", SOURCE_BYTES_MAX, source.len()));
    }
    if !source.is_empty() && source.parse::<std::net::IpAddr>().is_err() {
        return Err(Fault::invalid("source", "must be an IP address"));
    }
    Ok(())
}

fn heads(space: &Space, change: &MemberChange, book: &mut AddressBook) -> Result<Vec<HeadWish>> {
    let mut heads = Vec::with_capacity(change.heads.len());
    for (index, wish) in change.heads.iter().enumerate() {
        let head = wish.head.as_ref().ok_or_else(|| Fault::required("heads.head"))?;
        let kind = AddressType::try_from(head.r#type)
            .map_err(|_| Fault::invalid("heads.head.type", "is not a known address type"))?;
        let entry =
            book.add(space, kind, &head.value).map_err(|fault| fault.with("index", index))?;
        let rule = wish_rule(wish.head_rule, wish.data_rule.as_ref())
            .map_err(|fault| fault.with("index", index))?;
        if rule.is_some() && wish.resource_id.is_some() {
            return Err(resource_beside_rule(index));
        }
        let resource_id = wish.resource_id;
        heads.push(HeadWish { entry, confirm: wish.newbie_confirm, rule, resource_id });
    }
    Ok(heads)
}

/// A head whose rule decides where it goes is subscribed by whoever has it then, not by the wish.
fn resource_beside_rule(index: usize) -> Fault {
    let message = "heads.resource_id cannot stand beside head_rule or data_rule; leave one out.";
    Fault::conflict("heads.resource_id", "heads.head_rule", message).with("index", index)
}

/// The rule of a head; `None` where it is the one that every head has without.
pub fn wish_rule(
    head_rule: Option<HeadRule>,
    merges_by: Option<&DataRule>,
) -> Result<Option<Arc<WishRule>>> {
    if head_rule.is_none() && merges_by.is_none() {
        return Ok(None);
    }
    let rule = head_rule.unwrap_or_default();
    let newbie = match NewbieMode::try_from(rule.newbie) {
        Ok(NewbieMode::Unspecified) => NewbieMode::Attach,
        Ok(mode) => mode,
        Err(_) => return Err(Fault::invalid("heads.head_rule.newbie", "is not a known mode")),
    };
    let owned = |mode: i32, field: &str| match OwnedMode::try_from(mode) {
        Ok(OwnedMode::Unspecified) => Ok(OwnedMode::Error),
        Ok(mode) => Ok(mode),
        Err(_) => Err(Fault::invalid(field, "is not a known mode")),
    };
    let rule = WishRule {
        newbie,
        single: owned(rule.single, "heads.head_rule.single")?,
        multi: owned(rule.multi, "heads.head_rule.multi")?,
        data_rule: data_rule(merges_by)?,
    };
    Ok(Some(Arc::new(rule)))
}

fn copy(
    space: &Space,
    copy: Option<&CopySource>,
    book: &mut AddressBook,
    probes: &mut Vec<Probe>,
) -> Result<Copy> {
    let Some(copy) = copy else {
        return Ok(Copy::Itself);
    };
    let missing = CopyMissing::try_from(copy.missing)
        .map_err(|_| Fault::invalid("copy.missing", "is not a known rule"))?;
    match &copy.source {
        None => Err(Fault::required("copy.source")),
        Some(copy_source::Source::Data(data)) => Ok(Copy::Data(datakey::copy_data(data)?)),
        Some(copy_source::Source::Member(keys)) => {
            let first = probes.len();
            let policy = Policy::compile(None)?;
            prepare_keys(space, &policy, keys, book, probes)?;
            Ok(Copy::Member(first..probes.len(), missing))
        }
    }
}

/// Sorts a change to where it belongs: the data, a system key, or a warning that it is ignored.
fn add_datakey(
    step: &mut Step,
    index: usize,
    datakey: &crate::wire::v1::DatakeyChange,
) -> Result<()> {
    let change = Change::compile(index, datakey)?;
    let Some(reserved) = change.path().reserved() else {
        step.changes.push(change);
        return Ok(());
    };
    let compiled = HeadChange::compile(index, datakey, &reserved);
    match compiled.map_err(|fault| fault.with("index", index))? {
        Some(head_change) => step.head_changes.push(head_change),
        None => step.warnings.push(ignored(index, &datakey.path)),
    }
    Ok(())
}

/// The warning of a system key that takes no changes.
pub fn ignored(index: usize, path: &str) -> Warning {
    let message = "Changes of this system key are ignored.";
    let fault = Fault::new(ErrorReason::DatakeyReserved, message);
    fault.with("index", index).with("path", path).into()
}
