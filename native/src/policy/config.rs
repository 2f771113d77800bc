//! The policy that the configuration of a server gives to a space.

use crate::address::{address_types, type_name};
use crate::config::{FieldConfig, SpaceConfig};
use crate::fault::{Fault, Result};
use crate::wire::v1::{
    AddressType, BlockedValues, CustomField, FieldKind, HeadTypeLimit, PhoneRule, PolicyLimits,
    SpacePolicy,
};

/// Where faults of a configuration say they are.
pub const AT: &str = "spaces";

/// Reads the names of a configuration; what they mean together is for `compile` to check.
pub fn policy(config: &SpaceConfig) -> Result<SpacePolicy> {
    let phone_rule = match config.phone_rule.as_str() {
        "valid" => PhoneRule::Valid,
        "possible" => PhoneRule::Possible,
        _ => return Err(Fault::invalid("spaces.phone_rule", "is not one of valid, possible")),
    };
    if config.time_zone.is_empty() {
        return Err(Fault::invalid("spaces.time_zone", "is not the IANA name of a time zone"));
    }
    let blocked = config.blocked.iter().map(|(name, values)| {
        let kind = if name == "*" { AddressType::Unspecified } else { named(name, "blocked")? };
        Ok(BlockedValues { r#type: kind.into(), values: values.clone() })
    });
    let limit = |(name, heads_max): &(String, u32)| {
        let kind = named(name, "heads_per_type_max")?;
        Ok(HeadTypeLimit { r#type: kind.into(), heads_max: *heads_max })
    };
    Ok(SpacePolicy {
        default_region: config.default_region.clone(),
        phone_rule: phone_rule.into(),
        email_national_domains: Some(config.email_national_domains),
        email_national_local_parts: Some(config.email_national_local_parts),
        email_substitutes: config.email_substitutes,
        blocked: blocked.collect::<Result<_>>()?,
        time_zone: config.time_zone.clone(),
        fields: config.fields.iter().enumerate().map(field).collect::<Result<_>>()?,
        limits: Some(PolicyLimits {
            heads_per_member_max: config.heads_per_member_max,
            heads_per_type: config.heads_per_type_max.iter().map(limit).collect::<Result<_>>()?,
            merge_heads_max: config.merge_heads_max,
            merge_bytes_max: config.merge_bytes_max,
        }),
        retention_days: config.retention_days,
        versioning: config.versioning,
        confirm_free_per_month_max: config.confirm_free_per_month_max,
        members_max: config.members_max,
    })
}

fn field((index, field): (usize, &FieldConfig)) -> Result<CustomField> {
    let kind = match field.kind.as_str() {
        "string" => FieldKind::String,
        "int" => FieldKind::Int,
        "tags" => FieldKind::Tags,
        _ => {
            let at = format!("spaces.fields[{index}].kind");
            return Err(Fault::invalid(&at, "is not one of string, int, tags"));
        }
    };
    Ok(CustomField { path: field.path.clone(), kind: kind.into(), unique: field.unique })
}

fn named(name: &str, option: &str) -> Result<AddressType> {
    let unknown = || Fault::invalid(&format!("spaces.{option}"), "names an unknown address type");
    address_types().find(|kind| type_name(*kind) == name).ok_or_else(unknown)
}
