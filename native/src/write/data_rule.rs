//! The data rules of requests, compiled.

use crate::datakey::{DataRule, HasHas, HasMiss, MissHas, PATH_ELEMENTS_MAX, Path};
use crate::fault::{Fault, Result};
use crate::wire::v1;
use crate::wire::v1::{HasHasMode, HasMissMode, MissHasMode};

/// Keys of a data rule with a mode of their own.
const RULE_KEYS_MAX: usize = 100;
/// The level of a data rule: no deeper than datakeys go.
const RULE_LEVEL_MAX: usize = PATH_ELEMENTS_MAX;

/// Compiles a data rule; one that is not given is the seed's.
pub fn data_rule(asked: Option<&v1::DataRule>) -> Result<DataRule> {
    let Some(asked) = asked else {
        return Ok(DataRule::default());
    };
    let level = asked.level.map_or(DataRule::default().level, |level| level as usize);
    if level > RULE_LEVEL_MAX {
        return Err(Fault::limit("data_rule.level", RULE_LEVEL_MAX, level));
    }
    if asked.keys.len() > RULE_KEYS_MAX {
        return Err(Fault::limit("data_rule.keys", RULE_KEYS_MAX, asked.keys.len()));
    }
    let keys = asked.keys.iter().enumerate().map(|(index, key)| {
        let path = Path::parse(index, &key.path)?;
        if path.reserved().is_some() {
            let message = "System keys belong to heads and are not merged.";
            let fault = Fault::new(v1::ErrorReason::DatakeyReserved, message);
            return Err(fault.with("index", index).with("path", &key.path));
        }
        Ok((path, has_has(key.mode, "data_rule.keys.mode")?))
    });
    Ok(DataRule {
        level,
        has_miss: has_miss(asked.has_miss)?,
        has_has: has_has(asked.has_has, "data_rule.has_has")?,
        miss_has: miss_has(asked.miss_has)?,
        keys: keys.collect::<Result<_>>()?,
    })
}

fn has_miss(mode: i32) -> Result<HasMiss> {
    match HasMissMode::try_from(mode) {
        Ok(HasMissMode::Unspecified | HasMissMode::Set) => Ok(HasMiss::Set),
        Ok(HasMissMode::None) => Ok(HasMiss::None),
        Ok(HasMissMode::Move) => Ok(HasMiss::Move),
        Err(_) => Err(Fault::invalid("data_rule.has_miss", "is not a known mode")),
    }
}

fn has_has(mode: i32, field: &str) -> Result<HasHas> {
    match HasHasMode::try_from(mode) {
        Ok(HasHasMode::Unspecified | HasHasMode::None) => Ok(HasHas::None),
        Ok(HasHasMode::Delete) => Ok(HasHas::Delete),
        Ok(HasHasMode::Set) => Ok(HasHas::Set),
        Ok(HasHasMode::Move) => Ok(HasHas::Move),
        Ok(HasHasMode::Merge) => Ok(HasHas::Merge),
        Err(_) => Err(Fault::invalid(field, "is not a known mode")),
    }
}

fn miss_has(mode: i32) -> Result<MissHas> {
    match MissHasMode::try_from(mode) {
        Ok(MissHasMode::Unspecified | MissHasMode::None) => Ok(MissHas::None),
        Ok(MissHasMode::Delete) => Ok(MissHas::Delete),
        Err(_) => Err(Fault::invalid("data_rule.miss_has", "is not a known mode")),
    }
}
