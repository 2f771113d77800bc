//! A space gets another policy, or that of its configuration again.

use std::sync::Arc;

use prost::Message;

use crate::fault::{Failure, Fault};
use crate::policy::compile::custom_field;
use crate::policy::compile::record as field_record;
use crate::policy::{compile, complete, declare};
use crate::space::Space;
use crate::store::{Table, keys, records};
use crate::upkeep::fields;
use crate::wire::storage::{FieldBuild, FieldRecord, PolicyRecord, SpaceRecord};
use crate::wire::v1::{
    self, ErrorReason, FieldConflict, FieldState, FieldStatus, PolicyOutcome, PolicySource,
    SpacePolicy, SpaceState,
};
use crate::write::operation::{Operation, Scene};

/// Where the policy of a request is at fault.
pub const AT: &str = "policy";

/// Gives the space of the batch another policy.
#[derive(Debug)]
pub struct SetPolicy {
    /// The method that does it.
    pub name: &'static str,
    /// The policy.
    pub policy: SpacePolicy,
    /// Whether it replaces that of the configuration, or is that one.
    pub is_stored: bool,
    /// The version that the policy must have.
    pub expected_version: Option<u64>,
}

impl Operation for SetPolicy {
    fn name(&self) -> &'static str {
        self.name
    }

    fn changes_space(&self) -> bool {
        true
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let space = Arc::clone(&scene.batch.space);
        let key = keys::owned(|key| keys::policy(key, space.number));
        let snapshot = scene.view.snapshot();
        let former: PolicyRecord =
            records::get(snapshot, Table::Policies, &key)?.unwrap_or_default();
        self.check_version(former.version)?;
        let policy = complete(&self.policy);
        let mut record = scene.view.space_record(&space)?.clone();
        let declares = declare::declare(&mut record, &policy.fields)?;
        let encoded = policy.encode_to_vec();
        let changed = declares || former.policy != encoded || former.is_stored != self.is_stored;
        let current = if changed {
            let compiled = compile(&policy, AT)?;
            let current = PolicyRecord {
                version: former.version + 1,
                is_stored: self.is_stored,
                policy: encoded.into(),
                changed: Some(scene.stamp()),
            };
            scene.view.put_record(Table::Policies, &key, &current);
            let next = Space::new(space.name(), compiled, &record)?;
            *scene.view.change_space(space.number) = record.clone();
            if let Some((key, task)) = fields::task(&record) {
                scene.view.set_record(Table::Tasks, key, Some(&task));
            }
            scene.view.set_changed_space(Arc::new(next));
            current
        } else {
            former
        };
        let state = state(space.name(), current, &record)?;
        Ok(PolicyOutcome { state: Some(state), changed }.encode_to_vec())
    }
}

impl SetPolicy {
    fn check_version(&self, version: u64) -> Result<(), Fault> {
        match self.expected_version {
            Some(expected) if expected != version => Err(Fault::new(
                ErrorReason::PolicyVersioning,
                "The policy has changed since it was read; read it again and repeat.",
            )
            .with("expected_policy_version", expected)
            .with("policy_version", version)),
            _ => Ok(()),
        }
    }
}

/// A space as the contract shows it.
pub fn state(
    (account_id, db_id): (u32, u32),
    record: PolicyRecord,
    space: &SpaceRecord,
) -> Result<SpaceState, Failure> {
    let policy = crate::policy::decode(&record.policy)?;
    let source = if record.is_stored { PolicySource::Stored } else { PolicySource::Configuration };
    let changed = record.changed.unwrap_or_default();
    let declared = policy.fields.iter().filter_map(|field| status(space, &field_record(field)));
    let is_dropping = |build: &&FieldBuild| build.state == FieldState::Dropping as u32;
    let dropping = space.builds.iter().filter(is_dropping).map(of_build);
    Ok(SpaceState {
        space: Some(v1::Space { account_id, db_id }),
        policy_version: record.version,
        source: source.into(),
        fields: declared.chain(dropping).collect(),
        policy: Some(policy),
        changed: Some(v1::Stamp { time_seconds: changed.time_seconds, host: changed.host }),
    })
}

fn status(space: &SpaceRecord, declared: &FieldRecord) -> Option<FieldStatus> {
    let builds = space.builds.iter();
    let is_it = |field: &FieldRecord| field.path == declared.path;
    if space.fields.iter().any(is_it) {
        let field = Some(custom_field(declared));
        let state = FieldState::Ready.into();
        return Some(FieldStatus { field, state, ..Default::default() });
    }
    let mut maintained = builds.filter(|build| declare::maintained(build).is_some_and(is_it));
    maintained.next().map(of_build)
}

fn of_build(build: &FieldBuild) -> FieldStatus {
    let conflict = |conflict: &crate::wire::storage::FieldConflictRecord| FieldConflict {
        contact_id: conflict.dataset_id,
        other_contact_id: conflict.other_dataset_id,
    };
    FieldStatus {
        field: build.field.as_ref().map(custom_field),
        state: i32::try_from(build.state).unwrap_or_default(),
        done: build.done,
        total: build.total,
        conflicts: build.conflicts.iter().map(conflict).collect(),
        conflicts_total: build.conflicts_total,
    }
}
