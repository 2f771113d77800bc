//! A job is stored at the end of the queue.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use jiff::{ToSpan, Zoned};
use prost::Message;

use super::record::{self, Stored};
use crate::express;
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
        if unfinished.values().filter(|job| job.space_number == space).count() >= QUEUE_JOBS_MAX {
            return Err(queue_full().into());
        }
        let (group_id, group_name) = named(scene, &self.request, 0)?;
        check_joined(scene, &self.request, 0)?;
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
            is_express: self.request.express,
            ..Default::default()
        };
        let stored = Stored { job_id: scene.view.take_job_id(), job, progress };
        stored.store(scene);
        let unfinished = record::unfinished(scene.view)?;
        Ok(stored.to_wire(&scene.batch.space, &unfinished)?.encode_to_vec())
    }
}

/// Answers the code that the group of an import would have, and stores nothing; refuses the groups
/// that `CreateJob` would refuse.
#[derive(Debug)]
pub struct NameGroup {
    /// What is asked for, checked.
    pub request: StartImportRequest,
}

impl Operation for NameGroup {
    fn name(&self) -> &'static str {
        "NameGroup"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let (id, _) = named(scene, &self.request, 0)?;
        check_joined(scene, &self.request, 0)?;
        Ok(id.into_bytes())
    }
}

/// Code and name of the group or the express list of a job, made up where they are not given: of
/// the moment in which the import was asked for, in the zone of the space. Empty without a group.
pub fn named(
    scene: &Scene<'_, '_>,
    request: &StartImportRequest,
    job_id: u64,
) -> Result<(String, String), Failure> {
    let none = AutoGroup::default();
    let group = match &request.auto_group {
        Some(group) => group,
        None if request.express => &none,
        None => return Ok((String::new(), String::new())),
    };
    let moment = &scene.batch.moment;
    let now = moment.now.to_zoned(moment.zone.clone());
    let others = others(scene, job_id)?;
    let id = if group.id.is_empty() {
        made_up(scene, &others, (&now, request.express))?
    } else {
        check_new(scene, &others, (&group.id, request.express))?;
        group.id.clone()
    };
    let name = if group.name.is_empty() {
        now.strftime("Внесены %Y-%m-%d %H:%M:%S").to_string()
    } else {
        group.name.clone()
    };
    Ok((id, name))
}

/// Refuses list groups to join that are express lists, or will be.
pub fn check_joined(
    scene: &Scene<'_, '_>,
    request: &StartImportRequest,
    job_id: u64,
) -> Result<(), Failure> {
    let groups = request.options.as_ref().and_then(|options| options.groups.as_ref());
    let Some(joined) = groups.map(|groups| &groups.add).filter(|joined| !joined.is_empty()) else {
        return Ok(());
    };
    let others = others(scene, job_id)?;
    for id in joined {
        check_new(scene, &others, (id, false))?;
    }
    Ok(())
}

/// The groups of the other jobs of the space that have not ended, and which are express lists.
fn others(scene: &Scene<'_, '_>, job_id: u64) -> StoreResult<BTreeSet<(String, bool)>> {
    let unfinished = record::unfinished(scene.view)?.into_iter();
    let is_other = |(id, job): &(u64, JobProgressRecord)| {
        *id != job_id && job.space_number == scene.space() && !job.group_id.is_empty()
    };
    Ok(unfinished.filter(is_other).map(|(_, job)| (job.group_id, job.is_express)).collect())
}

/// A code of the moment that nobody has.
fn made_up(
    scene: &Scene<'_, '_>,
    others: &BTreeSet<(String, bool)>,
    (now, is_express): (&Zoned, bool),
) -> StoreResult<String> {
    let pattern = if is_express { "importex%Y%m%d%H%M%S" } else { "import%Y%m%d%H%M%S" };
    let recent = recent_groups(scene)?;
    let mut time = now.datetime();
    loop {
        let id = time.strftime(pattern).to_string();
        let is_waited_for = others.iter().any(|(other, _)| *other == id);
        let is_there = express::is_taken(scene.view, (scene.space(), &id))?;
        if !is_waited_for && !recent.contains(&id) && !is_there {
            return Ok(id);
        }
        // Two imports must not meet in a group that neither has named: those of one second, those
        // that took later seconds, and those of the hour that comes twice in autumn.
        time = time.saturating_add(1.second());
    }
}

/// Refuses a code where an express list would have it together with another list or group, be it
/// one that an import will make.
fn check_new(
    scene: &Scene<'_, '_>,
    others: &BTreeSet<(String, bool)>,
    (id, is_express): (&str, bool),
) -> Result<(), Failure> {
    let place = (scene.space(), id);
    let is_there = if is_express {
        express::is_taken(scene.view, place)?
    } else {
        express::exists(scene.view, place)?
    };
    let clashes = |(other, is_list): &(String, bool)| other == id && (is_express || *is_list);
    if is_there || others.iter().any(clashes) { Err(express::taken(id).into()) } else { Ok(()) }
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
