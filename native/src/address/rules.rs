//! What a space decides about addresses.

use crate::address::blocked::{Blocked, BlockedSettings};
use crate::fault::{Fault, Result};
use crate::phone::Region;

/// The rules of one space as its configuration gives them.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are options of a space, one by one")]
pub struct RulesSettings {
    /// The two-letter region of numbers without a country code, such as "RU".
    pub default_region: Option<String>,
    /// Whether a number of a possible length is enough where the numbering plan assigns it to
    /// nobody.
    pub phone_possible_is_enough: bool,
    /// Whether domains that are not plain ASCII are accepted, in either spelling.
    pub email_national_domains: bool,
    /// Whether local parts that are not plain ASCII are accepted.
    pub email_national_local_parts: bool,
    /// Whether e-mails are opaque stand-ins for addresses.
    pub email_substitutes: bool,
    /// What never matches and never attaches.
    pub blocked: BlockedSettings,
}

impl Default for RulesSettings {
    /// The defaults of seed 002: national addresses are on, numbers must be in the plan.
    fn default() -> Self {
        Self {
            default_region: None,
            phone_possible_is_enough: false,
            email_national_domains: true,
            email_national_local_parts: true,
            email_substitutes: false,
            blocked: BlockedSettings::default(),
        }
    }
}

/// The checked rules of one space.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are options of a space, one by one")]
pub struct Rules {
    /// The region of numbers without a country code.
    pub(super) default_region: Option<Region>,
    /// See [`RulesSettings::phone_possible_is_enough`].
    pub(super) phone_possible_is_enough: bool,
    /// See [`RulesSettings::email_national_domains`].
    pub(super) email_national_domains: bool,
    /// See [`RulesSettings::email_national_local_parts`].
    pub(super) email_national_local_parts: bool,
    /// See [`RulesSettings::email_substitutes`].
    pub(super) email_substitutes: bool,
    /// What never matches and never attaches.
    pub(super) blocked: Blocked,
}

impl Rules {
    /// Checks the settings. A fault names the field in question, such as "`blocked.values[3]`".
    pub fn new(settings: &RulesSettings) -> Result<Self> {
        let default_region = settings.default_region.as_deref().map(parse_region).transpose()?;
        let mut rules = Self {
            default_region,
            phone_possible_is_enough: settings.phone_possible_is_enough,
            email_national_domains: settings.email_national_domains,
            email_national_local_parts: settings.email_national_local_parts,
            email_substitutes: settings.email_substitutes,
            blocked: Blocked::default(),
        };
        // The listed values are normalised by the rules that do not block anything yet.
        rules.blocked = Blocked::new(&settings.blocked, &rules)?;
        Ok(rules)
    }
}

fn parse_region(code: &str) -> Result<Region> {
    Region::parse(code).ok_or_else(|| {
        Fault::invalid("default_region", "is not a two-letter region with a numbering plan")
    })
}
