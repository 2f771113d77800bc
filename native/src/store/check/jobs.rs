//! The imports that the server runs itself: records, progress, rejects.

use super::page::{Entry, fetch};
use super::{Problems, Store, is_given};
use crate::store::records::{decode, unpack_rejects};
use crate::store::{StoreResult, Table, keys};
use crate::wire::storage::{JobProgressRecord, JobRecord, RejectSegment};
use crate::wire::v1::ImportState;

/// Every job was given its number and has either a progress or an end with an expiry.
pub fn jobs(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Jobs;
    let (mut going_on, mut expiring) = (Vec::new(), Vec::new());
    for entry in page {
        let Some((space, job_id)) = problems.accept(TABLE, keys::parse_job(&entry.key)) else {
            continue;
        };
        let decoded = decode::<JobRecord>(TABLE, &entry.value);
        let Some(job) = problems.accept(TABLE, decoded) else { continue };
        if store.space(problems, TABLE, space).is_none() {
            continue;
        }
        if !is_given(job_id, store.header.next_job_id) {
            problems.in_space(TABLE, space, &format!("job {job_id} was never given out"));
        }
        let key = keys::owned(|key| keys::job_progress(key, job_id));
        going_on.push((key, (space, job_id, job.end.is_some())));
        if job.end.is_some() {
            let seconds = u64::try_from(job.expires_seconds).unwrap_or_default();
            let key = keys::owned(|key| keys::expiry(key, seconds, TABLE, &entry.key));
            expiring.push((key, (space, job_id)));
        }
    }
    fetch(store.snapshot, Table::JobProgress, going_on, &mut |&(space, job_id, ended), value| {
        let problem = match (value, ended) {
            (Some(_), true) => "has ended and has a progress",
            (None, false) => "has neither ended nor a progress",
            _ => return,
        };
        problems.in_space(TABLE, space, &format!("job {job_id} {problem}"));
    })?;
    fetch(store.snapshot, Table::Expiries, expiring, &mut |&(space, job_id), value| {
        if value.is_none() {
            problems.in_space(TABLE, space, &format!("job {job_id} has ended without an expiry"));
        }
    })
}

/// Every progress is of a job of its space and says that it has not ended.
pub fn progress(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::JobProgress;
    const STATES: [ImportState; 3] =
        [ImportState::Queued, ImportState::Fetching, ImportState::Applying];
    let mut jobs = Vec::new();
    for entry in page {
        let parsed = keys::parse_job_progress(&entry.key);
        let Some(job_id) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<JobProgressRecord>(TABLE, &entry.value);
        let Some(progress) = problems.accept(TABLE, decoded) else { continue };
        let space = progress.space_number;
        if !STATES.iter().any(|state| *state as u32 == progress.state) {
            problems.in_space(TABLE, space, &format!("job {job_id} has ended or has no state"));
        }
        let key = keys::owned(|key| keys::job(key, space, job_id));
        jobs.push((key, (space, job_id)));
    }
    fetch(store.snapshot, Table::Jobs, jobs, &mut |&(space, job_id), value| {
        if value.is_none() {
            problems.in_space(TABLE, space, &format!("job {job_id} is not there"));
        }
    })
}

/// Every segment of rejects can be read and is of a job that is there.
pub fn rejects(store: &Store<'_>, problems: &mut Problems, page: &[Entry]) -> StoreResult<()> {
    const TABLE: Table = Table::Rejects;
    let mut jobs = Vec::new();
    for entry in page {
        let parsed = keys::parse_rejects(&entry.key);
        let Some((space, job_id, batch)) = problems.accept(TABLE, parsed) else { continue };
        let decoded = decode::<RejectSegment>(TABLE, &entry.value);
        let list = decoded.and_then(|segment| unpack_rejects(&segment));
        let Some(list) = problems.accept(TABLE, list) else { continue };
        if list.rejects.is_empty() {
            problems.in_space(TABLE, space, &format!("batch {batch} of job {job_id} is empty"));
        }
        let key = keys::owned(|key| keys::job(key, space, job_id));
        jobs.push((key, (space, job_id)));
    }
    fetch(store.snapshot, Table::Jobs, jobs, &mut |&(space, job_id), value| {
        if value.is_none() {
            problems.in_space(
                TABLE,
                space,
                &format!("rejects of job {job_id}, which is not there"),
            );
        }
    })
}
