//! A policy of the contract becomes usable, or is refused with the field at fault.

use jiff::tz::TimeZone;
use prost::Message;

use super::limits::{FIELDS_MAX, Limits, RETENTION_DAYS_DEFAULT, RETENTION_DAYS_MAX, within};
use crate::address::{BlockedSettings, BlockedValue, Rules, RulesSettings};
use crate::datakey::Pattern;
use crate::fault::{Fault, Result};
use crate::matching::fields::Field;
use crate::store::{StoreError, StoreResult, Table};
use crate::wire::storage::FieldRecord;
use crate::wire::v1::{
    AddressType, BlockedValues, CustomField, FieldKind, HeadTypeLimit, PhoneRule, PolicyLimits,
    SpacePolicy,
};

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// The zone of a policy that names none.
const TIME_ZONE_DEFAULT: &str = "UTC";

/// A policy that was checked, without its fields, whose numbers the store gives.
#[derive(Debug)]
pub struct Compiled {
    /// How addresses are normalised.
    pub rules: Rules,
    /// In which dates are written and `current` is evaluated.
    pub zone: TimeZone,
    /// The bounds of members and merges.
    pub limits: Limits,
    /// How long deleted members are kept.
    pub retention_seconds: i64,
    /// Whether changes of members are refused that have changed since the call arrived.
    pub versioning: bool,
}

/// Checks a policy; `at` is what stands before the names of its fields in faults.
pub fn compile(policy: &SpacePolicy, at: &str) -> Result<Compiled> {
    let name = if policy.time_zone.is_empty() { TIME_ZONE_DEFAULT } else { &policy.time_zone };
    let zone = TimeZone::get(name).map_err(|_| {
        Fault::invalid(&format!("{at}.time_zone"), "is not the IANA name of a time zone")
    })?;
    check_fields(policy, at)?;
    let limits = policy.limits.clone().unwrap_or_default();
    let retention = format!("{at}.retention_days");
    within(&retention, policy.retention_days, RETENTION_DAYS_MAX)?;
    Ok(Compiled {
        rules: rules(policy, at)?,
        zone,
        limits: Limits {
            confirm_free_per_month: policy.confirm_free_per_month_max,
            members: policy.members_max,
            ..Limits::compile(&limits, &format!("{at}.limits"))?
        },
        retention_seconds: i64::from(retention_days(policy)) * SECONDS_PER_DAY,
        versioning: policy.versioning,
    })
}

/// A policy that was checked, with every default filled in and in the one order in which two of
/// them can be compared.
pub fn complete(policy: &SpacePolicy) -> SpacePolicy {
    let limits = policy.limits.clone().unwrap_or_default();
    let compiled = Limits::compile(&limits, "").unwrap_or_default();
    let bound = |value: usize| u32::try_from(value).expect("bounds are small numbers");
    let mut heads_per_type: Vec<HeadTypeLimit> = limits.heads_per_type;
    heads_per_type.sort_by_key(|limit| limit.r#type);
    let mut blocked: Vec<BlockedValues> = Vec::new();
    for list in &policy.blocked {
        match blocked.iter_mut().find(|known| known.r#type == list.r#type) {
            Some(known) => known.values.extend(list.values.iter().cloned()),
            None => blocked.push(list.clone()),
        }
    }
    blocked.retain(|list| !list.values.is_empty());
    blocked.sort_by_key(|list| list.r#type);
    let field = |field: &CustomField| {
        let kind = if field.kind == 0 { FieldKind::String.into() } else { field.kind };
        CustomField { kind, ..field.clone() }
    };
    let phone_rule = match policy.phone_rule() {
        PhoneRule::Unspecified => PhoneRule::Valid,
        other => other,
    };
    SpacePolicy {
        phone_rule: phone_rule.into(),
        email_national_domains: Some(policy.email_national_domains.unwrap_or(true)),
        email_national_local_parts: Some(policy.email_national_local_parts.unwrap_or(true)),
        blocked,
        time_zone: if policy.time_zone.is_empty() {
            TIME_ZONE_DEFAULT.to_owned()
        } else {
            policy.time_zone.clone()
        },
        fields: policy.fields.iter().map(field).collect(),
        limits: Some(PolicyLimits {
            heads_per_member_max: bound(compiled.heads),
            heads_per_type,
            merge_heads_max: bound(compiled.merge_heads),
            merge_bytes_max: bound(compiled.merge_bytes),
        }),
        retention_days: retention_days(policy),
        ..policy.clone()
    }
}

/// A policy as it is stored.
pub fn decode(encoded: &[u8]) -> StoreResult<SpacePolicy> {
    SpacePolicy::decode(encoded).map_err(|error| StoreError::Corrupt {
        table: Table::Policies.name(),
        problem: format!("a policy does not decode: {error}"),
    })
}

/// A declared field of a policy as a store records it, without a number.
pub fn record(field: &CustomField) -> FieldRecord {
    let kind = match field.kind() {
        FieldKind::Unspecified => FieldKind::String,
        other => other,
    };
    FieldRecord { number: 0, path: field.path.clone(), kind: kind as u32, unique: field.unique }
}

/// The same back.
pub fn custom_field(record: &FieldRecord) -> CustomField {
    let kind = i32::try_from(record.kind).unwrap_or_default();
    CustomField { path: record.path.clone(), kind, unique: record.unique }
}

fn retention_days(policy: &SpacePolicy) -> u32 {
    if policy.retention_days == 0 { RETENTION_DAYS_DEFAULT } else { policy.retention_days }
}

fn check_fields(policy: &SpacePolicy, at: &str) -> Result<()> {
    let fields = &policy.fields;
    if fields.len() > FIELDS_MAX {
        return Err(Fault::limit(&format!("{at}.fields"), FIELDS_MAX, fields.len()));
    }
    for (index, field) in fields.iter().enumerate() {
        let at = format!("{at}.fields[{index}]");
        if FieldKind::try_from(field.kind).is_err() {
            return Err(Fault::invalid(&format!("{at}.kind"), "is not a known kind"));
        }
        let path = format!("{at}.path");
        if fields[..index].iter().any(|other| other.path == field.path) {
            return Err(Fault::invalid(&path, "must differ within a space"));
        }
        let in_field = |fault: Fault| fault.with("field", &path);
        if Pattern::parse(index, &field.path).map_err(in_field)?.reserved().is_some() {
            return Err(Fault::invalid(&path, "must not be a system key"));
        }
        Field::new(&record(field)).map_err(in_field)?;
    }
    Ok(())
}

fn rules(policy: &SpacePolicy, at: &str) -> Result<Rules> {
    let phone_possible_is_enough = match PhoneRule::try_from(policy.phone_rule) {
        Ok(rule) => rule == PhoneRule::Possible,
        Err(_) => return Err(Fault::invalid(&format!("{at}.phone_rule"), "is not a known rule")),
    };
    let mut values = Vec::new();
    let mut places = Vec::new();
    for (list, blocked) in policy.blocked.iter().enumerate() {
        let place = format!("{at}.blocked[{list}]");
        let kind = AddressType::try_from(blocked.r#type)
            .map_err(|_| Fault::invalid(&format!("{place}.type"), "is not a known address type"))?;
        for (index, value) in blocked.values.iter().enumerate() {
            values.push(BlockedValue { kind, value: value.clone() });
            places.push(format!("{place}.values[{index}]"));
        }
    }
    let region = &policy.default_region;
    let settings = RulesSettings {
        default_region: Some(region.clone()).filter(|region| !region.is_empty()),
        phone_possible_is_enough,
        email_national_domains: policy.email_national_domains.unwrap_or(true),
        email_national_local_parts: policy.email_national_local_parts.unwrap_or(true),
        email_substitutes: policy.email_substitutes,
        blocked: BlockedSettings { values, zero_phones: true },
    };
    Rules::new(&settings).map_err(|fault| located(fault, at, &places))
}

/// Lets a fault of the rules name the field of the policy.
fn located(mut fault: Fault, at: &str, places: &[String]) -> Fault {
    for name in ["field", "limit"] {
        let Some(field) = fault.details.get(name) else { continue };
        let index = field.strip_prefix("blocked.values[").and_then(|rest| rest.strip_suffix(']'));
        let place = index.and_then(|index| places.get(index.parse::<usize>().ok()?)).cloned();
        let place = place.unwrap_or_else(|| match field.as_str() {
            "blocked.values" => format!("{at}.blocked"),
            other => format!("{at}.{other}"),
        });
        fault.message = fault.message.replacen(field.as_str(), &place, 1);
        fault.details.insert(name.to_owned(), place);
    }
    fault
}
