//! The spaces of a server, as the rest of the core uses them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::address::{
    BlockedSettings, BlockedValue, Rules, RulesSettings, address_types, type_name,
};
use crate::config::SpaceConfig;
use crate::fault::{Fault, Result};
use crate::matching::fields::Field;
use crate::wire::v1::{self, AddressType, ErrorReason};

/// One space: its number in keys and everything that was decided for it.
#[derive(Debug)]
pub struct Space {
    /// The number of the account.
    pub account_id: u32,
    /// The number of the database.
    pub db_id: u32,
    /// Stands for the space in all keys.
    pub number: u32,
    /// How addresses are normalised.
    pub rules: Rules,
    /// In which dates are written and `current` is evaluated.
    pub zone: TimeZone,
    /// The declared custom fields.
    pub fields: Vec<Field>,
}

impl Space {
    /// Compiles the configuration of a space whose number and field numbers the store has given.
    pub fn new(config: &SpaceConfig, number: u32, fields: Vec<Field>) -> Result<Self> {
        let zone = TimeZone::get(&config.time_zone).map_err(|_| {
            Fault::invalid("spaces.time_zone", "is not the IANA name of a time zone")
        })?;
        let rules = Rules::new(&rules_settings(config)?)?;
        Ok(Self { account_id: config.account_id, db_id: config.db_id, number, rules, zone, fields })
    }
}

/// Every space by account and database.
#[derive(Debug, Default)]
pub struct Spaces {
    by_name: HashMap<(u32, u32), Arc<Space>>,
}

impl Spaces {
    /// Adds a space.
    pub fn insert(&mut self, space: Space) {
        self.by_name.insert((space.account_id, space.db_id), Arc::new(space));
    }

    /// Whether a space is there.
    pub fn contains(&self, account_id: u32, db_id: u32) -> bool {
        self.by_name.contains_key(&(account_id, db_id))
    }

    /// The space with a number in keys.
    pub fn numbered(&self, number: u32) -> Option<&Arc<Space>> {
        self.by_name.values().find(|space| space.number == number)
    }

    /// The space that a request names.
    pub fn get(&self, space: Option<&v1::Space>) -> Result<&Arc<Space>> {
        let Some(&v1::Space { account_id, db_id }) = space else {
            return Err(Fault::required("space"));
        };
        self.by_name.get(&(account_id, db_id)).ok_or_else(|| {
            Fault::new(
                ErrorReason::SpaceUnknown,
                "The server does not serve this space; name it in its configuration.",
            )
            .with("account_id", account_id)
            .with("db_id", db_id)
        })
    }
}

/// The address rules that a configuration asks for.
fn rules_settings(config: &SpaceConfig) -> Result<RulesSettings> {
    let phone_possible_is_enough = match config.phone_rule.as_str() {
        "valid" => false,
        "possible" => true,
        _ => return Err(Fault::invalid("spaces.phone_rule", "is not one of valid, possible")),
    };
    let mut values = Vec::new();
    for (name, listed) in &config.blocked {
        let kind = blocked_kind(name)?;
        values.extend(listed.iter().map(|value| BlockedValue { kind, value: value.clone() }));
    }
    Ok(RulesSettings {
        default_region: Some(config.default_region.clone()).filter(|region| !region.is_empty()),
        phone_possible_is_enough,
        email_national_domains: config.email_national_domains,
        email_national_local_parts: config.email_national_local_parts,
        blocked: BlockedSettings { values, zero_phones: true },
    })
}

/// The type of a list of blocked values; "*" is every type.
fn blocked_kind(name: &str) -> Result<AddressType> {
    if name == "*" {
        return Ok(AddressType::Unspecified);
    }
    address_types()
        .find(|kind| type_name(*kind) == name)
        .ok_or_else(|| Fault::invalid("spaces.blocked", "names an unknown address type"))
}
