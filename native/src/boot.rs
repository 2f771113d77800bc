//! What happens before the first call: the store is opened, spaces get their numbers and policies,
//! and the indexes of declared fields are told to follow.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;

use crate::config::{CoreConfig, SpaceConfig};
use crate::fault::{Failure, Fault, Result};
use crate::member::groups;
use crate::policy::{self, compile, complete, declare};
use crate::space::{Space, Spaces};
use crate::store::{Engine, Lmdb, Memory, Mutations, Options, Snapshot, Table, keys, records};
use crate::upkeep::fields;
use crate::wire::storage::{PolicyRecord, SpaceRecord, Stamp, StoreHeader, TaskRecord};
use crate::wire::v1::SpacePolicy;

/// Where the policy of a store is at fault; only a newer zmey could have stored it.
const STORED: &str = "stored_policy";

/// Opens the engine that a configuration names.
pub fn engine(config: &CoreConfig) -> Result<Arc<dyn Engine>> {
    Ok(match &config.store_path {
        None => Arc::new(Memory::new(config.readers_max)),
        Some(path) => Arc::new(Lmdb::open(&Options {
            path: path.into(),
            map_bytes_initial: config.map_bytes_initial,
            map_bytes_max: config.map_bytes_max,
            readers_max: config.readers_max,
        })?),
    })
}

/// Gives every configured space its number, its policy and the beginnings of its indexes; all in
/// one commit. `now_seconds` is when.
pub fn spaces(engine: &dyn Engine, configs: &[SpaceConfig], now_seconds: i64) -> Result<Spaces> {
    let configured = configured(configs)?;
    let mut opened = Ok(Vec::new());
    engine.write(&mut |snapshot| {
        let mut booting = Booting { snapshot, now_seconds, mutations: Mutations::default() };
        opened = booting.open_all(&configured);
        match &opened {
            Ok(_) => Ok(booting.mutations),
            Err(Failure::Store(error)) => Err(error.clone()),
            // What is refused leaves no trace.
            Err(Failure::Fault(_)) => Ok(Mutations::default()),
        }
    })?;
    let opened = opened.map_err(|failure| match failure {
        Failure::Fault(fault) => fault,
        Failure::Store(error) => error.into(),
    })?;
    let spaces = Spaces::new(configured.into_iter().collect());
    for space in opened {
        spaces.put(Arc::new(space));
    }
    Ok(spaces)
}

/// The policies of a configuration, complete. A faulty one is refused before the store is touched:
/// a field that is left out by mistake would lose its index.
fn configured(configs: &[SpaceConfig]) -> Result<BTreeMap<(u32, u32), SpacePolicy>> {
    let mut policies = BTreeMap::new();
    for config in configs {
        if config.account_id == 0 || config.db_id == 0 {
            return Err(Fault::invalid("spaces", "must have account_id and db_id from 1"));
        }
        let policy = policy::config::policy(config)?;
        compile(&policy, policy::config::AT)?;
        if policies.insert((config.account_id, config.db_id), complete(&policy)).is_some() {
            return Err(Fault::invalid("spaces", "must differ in account_id or db_id"));
        }
    }
    Ok(policies)
}

/// One start on a snapshot, with what it has to write.
struct Booting<'a> {
    snapshot: &'a dyn Snapshot,
    now_seconds: i64,
    mutations: Mutations,
}

impl Booting<'_> {
    fn open_all(
        &mut self,
        configured: &BTreeMap<(u32, u32), SpacePolicy>,
    ) -> std::result::Result<Vec<Space>, Failure> {
        let stored: StoreHeader =
            records::get(self.snapshot, Table::Meta, keys::HEADER)?.unwrap_or_default();
        let mut header = stored;
        header.next_space_number = header.next_space_number.max(1);
        let mut spaces = Vec::with_capacity(configured.len());
        for (&name, policy) in configured {
            spaces.push(self.open(name, policy, &mut header)?);
        }
        if header.next_space_number > stored.next_space_number.max(1) {
            self.mutations.put(Table::Meta, keys::HEADER, &records::encode(&header));
        }
        Ok(spaces)
    }

    fn open(
        &mut self,
        name: (u32, u32),
        configured: &SpacePolicy,
        header: &mut StoreHeader,
    ) -> std::result::Result<Space, Failure> {
        let key = keys::owned(|key| keys::space(key, name.0, name.1));
        let known: Option<SpaceRecord> = records::get(self.snapshot, Table::Spaces, &key)?;
        let is_new = known.is_none();
        let mut record = known.unwrap_or_else(|| {
            header.next_space_number += 1;
            SpaceRecord {
                number: header.next_space_number - 1,
                next_head_id: 1,
                next_dataset_id: 1,
                next_field_number: 1,
                has_group_heads: true,
                ..Default::default()
            }
        });
        let lacks_index = !record.has_group_heads;
        if lacks_index {
            groups::index(self.snapshot, record.number, &mut self.mutations)?;
            record.has_group_heads = true;
        }
        let policy = self.policy(record.number, configured)?;
        if declare::declare(&mut record, &policy.fields)? || is_new || lacks_index {
            self.mutations.put(Table::Spaces, &key, &records::encode(&record));
        }
        if let Some((key, task)) = fields::task(&record) {
            let known: Option<TaskRecord> = records::get(self.snapshot, Table::Tasks, &key)?;
            if known.is_none() {
                self.mutations.put(Table::Tasks, &key, &records::encode(&task));
            }
        }
        Ok(Space::new(name, compile(&policy, STORED)?, &record)?)
    }

    /// The policy of a space: the stored one, else that of the configuration, whose changes are
    /// counted.
    fn policy(
        &mut self,
        number: u32,
        configured: &SpacePolicy,
    ) -> std::result::Result<SpacePolicy, Failure> {
        let key = keys::owned(|key| keys::policy(key, number));
        let known: PolicyRecord =
            records::get(self.snapshot, Table::Policies, &key)?.unwrap_or_default();
        if known.is_stored {
            return Ok(policy::decode(&known.policy)?);
        }
        let encoded = configured.encode_to_vec();
        if known.version == 0 || known.policy != encoded {
            let record = PolicyRecord {
                version: known.version + 1,
                is_stored: false,
                policy: encoded.into(),
                changed: Some(Stamp { time_seconds: self.now_seconds, ..Default::default() }),
            };
            self.mutations.put(Table::Policies, &key, &records::encode(&record));
        }
        Ok(configured.clone())
    }
}
