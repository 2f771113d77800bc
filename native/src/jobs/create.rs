//! A job is stored at the end of the queue.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use jiff::ToSpan;
use prost::Message;

use super::record::{self, Stored};
use crate::fault::{Failure, Fault};
use crate::store::{StoreResult, Table, keys, records};
use crate::wire::storage::{JobProgressRecord, JobRecord};
use crate::wire::v1::{AutoGroup, ErrorReason, ImportState, StartImportRequest};
use crate::write::operation::{Operation, Scene};

/// Imports of a space that have not ended: weeks of work; each is looked at whenever one is chosen.
pub const QUEUE_JOBS_MAX: usize = 1_000;

/// How far back jobs are looked at for a name that none of them has: names are of the second in
/// which they were made, or a few later.
const NAMES_SECONDS: i64 = 60;

/// Stores a job; answers it encoded.
#[derive(Debug)]
pub struct CreateJob {
    /// What was asked for, checked and without inline content.
    pub request: StartImportRequest,
}

impl Operation for CreateJob {
    fn name(&self) -> &'static str {
        "StartImport"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let space = scene.space();
        let unfinished = record::unfinished(scene.view)?;
        let ours = unfinished.values().filter(|job| job.space_number == space);
        let groups: BTreeSet<&str> = ours.clone().map(|job| job.group_id.as_str()).collect();
        if ours.count() >= QUEUE_JOBS_MAX {
            return Err(queue_full().into());
        }
        let (group_id, group_name) = match &self.request.auto_group {
            Some(group) => named(scene, group, &groups)?,
            None => (String::new(), String::new()),
        };
        let job = JobRecord {
            request: self.request.encode_to_vec().into(),
            group_id: group_id.clone(),
            group_name,
            created_seconds: scene.batch.moment.now.as_second(),
            ..Default::default()
        };
        let progress = JobProgressRecord {
            space_number: space,
            state: ImportState::Queued as u32,
            group_id,
            clean_group: self.request.clean_group,
            ..Default::default()
        };
        let stored = Stored { job_id: scene.view.take_job_id(), job, progress };
        stored.store(scene);
        let unfinished = record::unfinished(scene.view)?;
        Ok(stored.to_wire(&scene.batch.space, &unfinished)?.encode_to_vec())
    }
}

/// Code and name of a group, made up where they are not given: of the moment in which the import
/// was asked for, in the zone of the space.
pub fn named(
    scene: &Scene<'_, '_>,
    group: &AutoGroup,
    taken: &BTreeSet<&str>,
) -> StoreResult<(String, String)> {
    let moment = &scene.batch.moment;
    let now = moment.now.to_zoned(moment.zone.clone());
    let mut id = group.id.clone();
    if id.is_empty() {
        let recent = recent_groups(scene)?;
        let mut time = now.datetime();
        loop {
            id = time.strftime("import%Y%m%d%H%M%S").to_string();
            if !taken.contains(id.as_str()) && !recent.contains(&id) {
                break;
            }
            // Two imports of one second must not meet in a group that neither has named.
            time = time.saturating_add(1.second());
        }
    }
    let name = if group.name.is_empty() {
        now.strftime("Внесены %Y-%m-%d %H:%M:%S").to_string()
    } else {
        group.name.clone()
    };
    Ok((id, name))
}

/// The groups of the newest jobs of the space.
fn recent_groups(scene: &Scene<'_, '_>) -> StoreResult<BTreeSet<String>> {
    let prefix = keys::owned(|key| keys::space_prefix(key, scene.space()));
    let since_seconds = scene.batch.moment.now.as_second() - NAMES_SECONDS;
    let (mut groups, mut failed) = (BTreeSet::new(), Ok(()));
    let snapshot = scene.view.snapshot();
    snapshot.scan(Table::Jobs, &prefix, QUEUE_JOBS_MAX, &mut |key, value| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        match records::decode::<JobRecord>(Table::Jobs, value) {
            Ok(job) if job.created_seconds < since_seconds => return ControlFlow::Break(()),
            Ok(job) => drop(groups.insert(job.group_id)),
            Err(error) => failed = Err(error),
        }
        ControlFlow::Continue(())
    })?;
    failed.map(|()| groups)
}

fn queue_full() -> Fault {
    let message = "Too many imports of the space have not ended; try again when some have.";
    Fault::new(ErrorReason::ImportQueueFull, message).with("max", QUEUE_JOBS_MAX)
}
