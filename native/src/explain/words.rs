//! Decisions and changes in the words of the contract.

use crate::member::read::wire_head;
use crate::member::{View, record};
use crate::store::StoreResult;
use crate::wire::storage::{
    ChangeRecord, DatakeyDelta, DecisionRecord, HeadDelta, HeadRecord, KeyRecord, Reasoning,
    RuleRecord, WarningRecord,
};
use crate::wire::v1;
use crate::wire::v1::{ErrorReason, IfExists, KeyState, NamedOrder, NewbieMode, OwnedMode};
use crate::write::changelog;

/// Why something was done.
pub fn explanation(
    view: &mut View<'_>,
    space: u32,
    reasoning: &Reasoning,
) -> StoreResult<v1::Explanation> {
    let mut decisions = Vec::with_capacity(reasoning.decisions.len());
    let mut rules = Vec::new();
    for record in &reasoning.decisions {
        decisions.push(decision(view, space, record)?);
        rules.extend(rules_of_keys(record));
    }
    rules.extend(reasoning.rules.iter().map(rule_of_head));
    Ok(v1::Explanation {
        operation: reasoning.operation.clone(),
        decisions,
        rules,
        warnings: reasoning.warnings.iter().map(warning).collect(),
    })
}

fn decision(
    view: &mut View<'_>,
    space: u32,
    record: &DecisionRecord,
) -> StoreResult<v1::ExplainedDecision> {
    let matched = KeyState::Matched as u32;
    let mut keys = Vec::with_capacity(record.keys.len());
    for key in &record.keys {
        keys.push(key_report(view, space, key)?);
    }
    let redirect = |followed: &crate::wire::storage::FollowedRedirect| v1::Redirect {
        from_contact_id: followed.from_dataset_id,
        to_contact_id: followed.to_dataset_id,
    };
    let winner = record.keys.iter().find(|key| key.state == matched);
    Ok(v1::ExplainedDecision {
        role: number(record.role),
        contact_id: winner.map_or(0, |key| key.dataset_id),
        keys,
        redirects: record.redirects.iter().map(redirect).collect(),
    })
}

fn key_report(view: &mut View<'_>, space: u32, key: &KeyRecord) -> StoreResult<v1::KeyReport> {
    let address = match view.head(space, key.head_id)? {
        Some(head) => wire_head(key.head_id, head).address,
        None => None,
    };
    Ok(v1::KeyReport {
        kind: number(key.kind),
        index: key.index,
        address,
        state: number(key.state),
        contact_id: key.dataset_id,
        head_id: key.head_id,
        reason: number(key.reason),
        message: verdict(key),
    })
}

/// Why a key won or lost.
fn verdict(key: &KeyRecord) -> String {
    let state = KeyState::try_from(number(key.state)).unwrap_or_default();
    let sentence = match state {
        KeyState::Unspecified => "It was not looked at, because the request was refused before.",
        KeyState::Matched => "It leads to this member and decided.",
        KeyState::Agrees => "It leads to the same member as the key that decided.",
        KeyState::NotFound => "Nobody had it, so that the next key was tried.",
        KeyState::Conflict => "It leads to another member than the key that decided.",
        KeyState::NotInOrder => "The order of keys does not name it, so that it was not tried.",
        KeyState::Blocked => "It is a value that identifies nobody in this space.",
        KeyState::PassedOver => {
            "Its member has another external customer id, so that it is another person than the \
             one with the given unknown id."
        }
        KeyState::Ambiguous => "Several members have this value of the field.",
        KeyState::Invalid => {
            let reason = ErrorReason::try_from(number(key.reason)).unwrap_or_default();
            return format!("It could not be used: {}.", reason.as_str_name());
        }
    };
    sentence.to_owned()
}

/// The rules of matching that a decision was made by.
fn rules_of_keys(record: &DecisionRecord) -> Vec<v1::AppliedRule> {
    let mut rules = Vec::new();
    let mut add = |rule: &str, value: &str, message: &str| {
        rules.push(v1::AppliedRule {
            rule: rule.to_owned(),
            value: value.to_owned(),
            message: message.to_owned(),
            ..Default::default()
        });
    };
    match NamedOrder::try_from(number(record.order)).unwrap_or_default() {
        NamedOrder::Unspecified if record.keys.len() < 2 => {}
        NamedOrder::Unspecified => {
            add("policy.explicit_order", "", "Keys were tried in the order of the request.");
        }
        order => add("policy.order", order.as_str_name(), "Keys were tried in this order."),
    }
    if record.strict {
        let message = "A conflict, or an unknown key above the one that decided, is an error.";
        add("policy.strict", "true", message);
    }
    let if_exists = IfExists::try_from(number(record.if_exists)).unwrap_or_default();
    let message = match if_exists {
        IfExists::Unspecified => "",
        IfExists::Error => "A member who exists is refused.",
        IfExists::Must => "A member who does not exist is refused.",
        IfExists::Ignore => "A member who exists is left as it is.",
    };
    if !message.is_empty() {
        add("if_exists", if_exists.as_str_name(), message);
    }
    rules
}

/// The rule by which a listed head came to the member.
fn rule_of_head(record: &RuleRecord) -> v1::AppliedRule {
    let owned = |mode: u32| OwnedMode::try_from(number(mode)).unwrap_or_default();
    let (rule, value, message) = if record.single != 0 {
        let (mode, who) = (owned(record.single), "The head was the only one of its member");
        ("head_rule.single", mode.as_str_name(), format!("{who} and {}.", moved(mode, record)))
    } else if record.multi != 0 {
        let (mode, who) = (owned(record.multi), "The head was one of several of its member");
        ("head_rule.multi", mode.as_str_name(), format!("{who} and {}.", moved(mode, record)))
    } else {
        let mode = NewbieMode::try_from(number(record.newbie)).unwrap_or_default();
        let what = if mode == NewbieMode::None { "stays so" } else { "was attached" };
        ("head_rule.newbie", mode.as_str_name(), format!("The head was nobody's and {what}."))
    };
    v1::AppliedRule {
        rule: rule.to_owned(),
        value: value.to_owned(),
        index: record.index,
        head_id: record.head_id,
        owner_contact_id: record.owner_dataset_id,
        merge_id: record.merge_id,
        message,
    }
}

/// What a mode did with the head of another member.
fn moved(mode: OwnedMode, record: &RuleRecord) -> String {
    let merge_id = record.merge_id;
    match mode {
        OwnedMode::Unspecified | OwnedMode::Error | OwnedMode::None => "stays there".to_owned(),
        OwnedMode::Decapitate => format!("was taken from it by merge {merge_id}"),
        OwnedMode::Transplant | OwnedMode::Replace | OwnedMode::ReplaceSameType => {
            format!("was moved by merge {merge_id}")
        }
    }
}

/// What one revision changed.
pub fn change(
    view: &mut View<'_>,
    space: u32,
    (revision, record): (u64, &ChangeRecord),
    time_seconds: i64,
) -> StoreResult<v1::Change> {
    let (created, ended) = (!record.created_data.is_empty(), !record.removed_data.is_empty());
    let datakeys = match (created, ended) {
        (true, _) => changelog::deltas("{}", &record.created_data),
        (_, true) => changelog::deltas(&record.removed_data, "{}"),
        _ => record.datakeys.clone(),
    };
    let mut heads = Vec::with_capacity(record.heads.len());
    for delta in &record.heads {
        heads.push(head_difference(view, space, delta)?);
    }
    Ok(v1::Change {
        revision,
        time_seconds,
        origin: number(record.origin),
        contact_id: record.dataset_id,
        version: record.version,
        created,
        ended,
        successor_contact_id: record.successor_dataset_id,
        merge_id: record.merge_id,
        erased: record.erased,
        request_id: record.request_id.clone(),
        datakeys: datakeys.into_iter().map(datakey_difference).collect(),
        heads,
    })
}

fn datakey_difference(delta: DatakeyDelta) -> v1::DatakeyDifference {
    v1::DatakeyDifference { key: delta.key, before: delta.before.into(), after: delta.after.into() }
}

/// Type and address of the head come from what is known of it now.
fn head_difference(
    view: &mut View<'_>,
    space: u32,
    delta: &HeadDelta,
) -> StoreResult<v1::HeadDifference> {
    let known = view.head(space, delta.head_id)?.cloned();
    let Some(known) = known else {
        let head = v1::Head { id: delta.head_id, address: None };
        return Ok(v1::HeadDifference { head: Some(head), before: None, after: None });
    };
    let state = |state: &HeadRecord| {
        let (kind, address) = (known.r#type, known.address.clone());
        record::head_state(delta.head_id, &HeadRecord { r#type: kind, address, ..state.clone() })
    };
    Ok(v1::HeadDifference {
        head: Some(wire_head(delta.head_id, &known)),
        before: delta.before.as_ref().map(state),
        after: delta.after.as_ref().map(state),
    })
}

fn warning(record: &WarningRecord) -> v1::Warning {
    v1::Warning {
        reason: number(record.reason),
        message: record.message.clone(),
        details: record.details.clone(),
    }
}

/// A number of the contract, which the store keeps unsigned.
fn number(stored: u32) -> i32 {
    i32::try_from(stored).unwrap_or_default()
}
