//! The spaces of a server, as the rest of the core uses them. Their policies change while they are
//! in use: who has a space has one state of it, and the writer exchanges it between two commits.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use jiff::tz::TimeZone;

use crate::address::Rules;
use crate::fault::{Fault, Result};
use crate::matching::fields::Field;
use crate::policy::compile::Compiled;
use crate::policy::{Limits, declare};
use crate::wire::storage::SpaceRecord;
use crate::wire::v1::{self, ErrorReason, SpacePolicy};

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
    /// The declared custom fields whose indexes writes maintain; the store knows which of them are
    /// complete.
    pub fields: Vec<Field>,
    /// The bounds of members and merges.
    pub limits: Limits,
    /// How long deleted members are kept.
    pub retention_seconds: i64,
    /// Whether changes of members are refused that have changed since the call arrived.
    pub versioning: bool,
}

impl Space {
    /// A space with a policy that was checked, and the fields that the store has recorded for it.
    pub fn new(name: (u32, u32), policy: Compiled, record: &SpaceRecord) -> Result<Self> {
        let building = record.builds.iter().filter_map(declare::maintained);
        let fields = record.fields.iter().chain(building).map(Field::new).collect::<Result<_>>()?;
        let Compiled { rules, zone, limits, retention_seconds, versioning } = policy;
        let ((account_id, db_id), number) = (name, record.number);
        Ok(Self {
            account_id,
            db_id,
            number,
            rules,
            zone,
            fields,
            limits,
            retention_seconds,
            versioning,
        })
    }

    /// The account and the database.
    pub fn name(&self) -> (u32, u32) {
        (self.account_id, self.db_id)
    }
}

/// Every space by account and database.
#[derive(Debug, Default)]
pub struct Spaces {
    by_name: RwLock<HashMap<(u32, u32), Arc<Space>>>,
    /// The policies of the configuration, complete.
    configured: HashMap<(u32, u32), SpacePolicy>,
}

impl Spaces {
    /// Spaces whose configuration says so.
    pub fn new(configured: HashMap<(u32, u32), SpacePolicy>) -> Self {
        Self { configured, ..Self::default() }
    }

    /// Puts a space in the place of its former state.
    pub fn put(&self, space: Arc<Space>) {
        let mut spaces = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        spaces.insert(space.name(), space);
    }

    /// The names of all spaces, in order.
    pub fn names(&self) -> Vec<(u32, u32)> {
        let mut names: Vec<_> = self.read().keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Whether a space is still as whoever prepared something with it knew it.
    pub fn is_current(&self, space: &Arc<Space>) -> bool {
        self.read().get(&space.name()).is_none_or(|current| Arc::ptr_eq(current, space))
    }

    /// The space of a name, if it is served.
    pub fn named(&self, name: (u32, u32)) -> Option<Arc<Space>> {
        self.read().get(&name).cloned()
    }

    /// The policy of the configuration.
    pub fn configured(&self, name: (u32, u32)) -> SpacePolicy {
        self.configured.get(&name).cloned().unwrap_or_default()
    }

    /// The space with a number in keys.
    pub fn numbered(&self, number: u32) -> Option<Arc<Space>> {
        self.read().values().find(|space| space.number == number).cloned()
    }

    /// The space that a request names.
    pub fn get(&self, space: Option<&v1::Space>) -> Result<Arc<Space>> {
        let Some(&v1::Space { account_id, db_id }) = space else {
            return Err(Fault::required("space"));
        };
        self.named((account_id, db_id)).ok_or_else(|| {
            Fault::new(
                ErrorReason::SpaceUnknown,
                "The server does not serve this space; name it in its configuration.",
            )
            .with("account_id", account_id)
            .with("db_id", db_id)
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<(u32, u32), Arc<Space>>> {
        // One insertion is one change: a panic leaves the map consistent.
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }
}
