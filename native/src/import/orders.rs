//! What the options of an import order for every row, checked once.

use std::sync::Arc;

use crate::fault::{Fault, Result};
use crate::import::columns::Column;
use crate::member::batch::WishRule;
use crate::member::origins::{OriginName, check_number};
use crate::member::system::{HeadChange, check_group_id};
use crate::wire::storage::SequenceMark;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::import_options::Origin;
use crate::wire::v1::{GroupOrders, HeadAttachRules, ImportOptions};
use crate::write::prepare::wish_rule;

/// Groups of one list: somebody has named each of them.
const GROUPS_MAX: usize = 100;
/// The datakey of a column of origins.
const ORIGIN_PATH: &str = "member.origin";
/// Triggers of one list: somebody has named each of them.
const TRIGGERS_MAX: usize = 100;
/// Bytes of an event key: a name that somebody gave to an event.
const EVENT_KEY_BYTES_MAX: usize = 100;

/// How the columns that attach do it.
#[derive(Debug)]
pub struct AttachRule {
    /// Whether new e-mail heads wait for confirmation.
    pub confirm: bool,
    /// How a head comes to the member.
    pub rule: Option<Arc<WishRule>>,
}

impl AttachRule {
    /// Checks what an import says of it.
    pub fn compile(rules: Option<&HeadAttachRules>) -> Result<Self> {
        let rules = rules.cloned().unwrap_or_default();
        Ok(Self {
            confirm: rules.newbie_confirm,
            rule: wish_rule(rules.head_rule, rules.data_rule.as_ref())?,
        })
    }
}

/// The origin of members that rows make. A column of origins goes before it (seed 002,
/// member.import, origin).
pub fn origin(options: &ImportOptions) -> Result<Option<OriginName>> {
    let is_origin =
        |target: &Target| matches!(target, Target::Datakey(datakey) if datakey.path == ORIGIN_PATH);
    if options.columns.iter().filter_map(|column| column.target.as_ref()).any(is_origin) {
        return Ok(None);
    }
    match &options.origin {
        None | Some(Origin::OriginNumber(0)) => Ok(None),
        Some(Origin::OriginNumber(number)) => {
            check_number(*number)?;
            Ok(Some(OriginName::Number(*number)))
        }
        Some(Origin::OriginLabel(label)) => OriginName::of_call(0, label).map(Some),
    }
}

/// The list groups that the address of every row leaves, then joins.
pub fn groups(orders: Option<&GroupOrders>) -> Result<Vec<HeadChange>> {
    let orders = orders.cloned().unwrap_or_default();
    for (name, ids) in [("groups.remove", &orders.remove), ("groups.add", &orders.add)] {
        if ids.len() > GROUPS_MAX {
            return Err(Fault::limit(name, GROUPS_MAX, ids.len()));
        }
        ids.iter().try_for_each(|id| check_group_id(id))?;
    }
    let leaves = orders.remove.into_iter().map(HeadChange::LeaveGroup);
    Ok(leaves.chain(orders.add.into_iter().map(HeadChange::JoinGroup)).collect())
}

/// Refuses what an import without members cannot do (seed 002, `no_member`).
pub fn check_no_member(columns: &[Column], options: &ImportOptions) -> Result<()> {
    if !matches!(columns, [Column::Address(_)]) {
        return Err(Fault::invalid("columns", "must be one address where no_member is set"));
    }
    let others = [
        ("groups", options.groups.is_some()),
        ("sequence", options.sequence.is_some()),
        ("head_attach", options.head_attach.is_some()),
        ("if_exists", options.if_exists != 0),
        ("origin", options.origin.is_some()),
        ("event_key", !options.event_key.is_empty()),
    ];
    match others.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => {
            Err(Fault::conflict("no_member", name, "An import without members cannot do this."))
        }
    }
}

/// What changes say to triggers; `None` is nothing.
pub fn sequence(options: &ImportOptions) -> Result<Option<SequenceMark>> {
    let Some(orders) = &options.sequence else { return Ok(None) };
    let mark = SequenceMark {
        event: orders.event,
        stop: orders.stop.clone(),
        start: orders.start.clone(),
    };
    for (name, triggers) in [("sequence.stop", &mark.stop), ("sequence.start", &mark.start)] {
        if triggers.len() > TRIGGERS_MAX {
            return Err(Fault::limit(name, TRIGGERS_MAX, triggers.len()));
        }
    }
    Ok((mark != SequenceMark::default()).then_some(mark))
}

/// What the change that makes a member says besides.
pub fn event_key(options: &ImportOptions) -> Result<String> {
    if options.event_key.len() > EVENT_KEY_BYTES_MAX {
        return Err(Fault::limit("event_key", EVENT_KEY_BYTES_MAX, options.event_key.len()));
    }
    Ok(options.event_key.clone())
}
