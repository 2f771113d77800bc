//! Damaged jobs of the server.

use super::*;
use crate::wire::storage::{JobProgressRecord, JobRecord, RejectList, RejectRecord};
use crate::wire::v1::ImportState;

fn job_key(job_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::job(key, SPACE, job_id))
}

fn progress_key(job_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::job_progress(key, job_id))
}

fn rejects_key(job_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::rejects(key, SPACE, job_id, 1))
}

/// Job 1 has ended and has rejects, job 2 waits.
fn with_jobs(engine: &dyn Engine) {
    sound(engine, 3);
    let progress = |state: ImportState| JobProgressRecord {
        space_number: SPACE,
        state: state as u32,
        ..Default::default()
    };
    let ended = JobRecord {
        end: Some(progress(ImportState::Succeeded)),
        expires_seconds: 3_600,
        ..Default::default()
    };
    write(engine, Table::Jobs, &job_key(1), &ended);
    put(engine, Table::Expiries, &[(&expiry_key(Table::Jobs, &job_key(1)), b"")]).unwrap();
    let list = RejectList { rejects: vec![RejectRecord { row: 7, ..Default::default() }] };
    write(engine, Table::Rejects, &rejects_key(1), &records::pack_rejects(&list).0);
    write(engine, Table::Jobs, &job_key(2), &JobRecord::default());
    write(engine, Table::JobProgress, &progress_key(2), &progress(ImportState::Queued));
    change(engine, Table::Meta, keys::HEADER, |header: &mut StoreHeader| header.next_job_id = 3);
}

const CASES: [Case; 13] = [
    ("jobs: a key of 2 bytes does not parse", |engine| {
        put(engine, Table::Jobs, &[(b"ab", b"")]).unwrap();
    }),
    ("jobs: space 1: job 2 was never given out", |engine| {
        change(engine, Table::Meta, keys::HEADER, |header: &mut StoreHeader| {
            header.next_job_id = 2;
        });
    }),
    ("jobs: space 1: job 2 has neither ended nor a progress", |engine| {
        remove(engine, Table::JobProgress, &progress_key(2));
    }),
    ("jobs: space 1: job 1 has ended and has a progress", |engine| {
        let progress = JobProgressRecord { space_number: SPACE, ..Default::default() };
        write(engine, Table::JobProgress, &progress_key(1), &progress);
    }),
    ("jobs: space 1: job 1 has ended without an expiry", |engine| {
        remove(engine, Table::Expiries, &expiry_key(Table::Jobs, &job_key(1)));
    }),
    ("expiries: an expiry at 3600 for jobs is of an entry that is not there", |engine| {
        remove(engine, Table::Jobs, &job_key(1));
    }),
    (
        "expiries: an expiry at 3600 for jobs is of an entry that expires at another time",
        |engine| {
            change(engine, Table::Jobs, &job_key(1), |job: &mut JobRecord| {
                job.expires_seconds += 1;
            });
        },
    ),
    ("job_progress: a key of 2 bytes does not parse", |engine| {
        put(engine, Table::JobProgress, &[(b"ab", b"")]).unwrap();
    }),
    ("job_progress: space 1: job 2 is not there", |engine| {
        remove(engine, Table::Jobs, &job_key(2));
    }),
    ("job_progress: space 1: job 2 has ended or has no state", |engine| {
        change(engine, Table::JobProgress, &progress_key(2), |progress: &mut JobProgressRecord| {
            progress.state = ImportState::Failed as u32;
        });
    }),
    ("rejects: space 1: rejects of job 1, which is not there", |engine| {
        remove(engine, Table::Jobs, &job_key(1));
    }),
    ("rejects: space 1: batch 1 of job 1 is empty", |engine| {
        let nothing = records::pack_rejects(&RejectList::default()).0;
        write(engine, Table::Rejects, &rejects_key(1), &nothing);
    }),
    ("rejects: 3 bytes do not decompress", |engine| {
        let damaged = crate::wire::storage::RejectSegment {
            content: b"abc".as_slice().into(),
            content_bytes: 100,
        };
        write(engine, Table::Rejects, &rejects_key(1), &damaged);
    }),
];

#[test]
fn damage_of_jobs_is_found() {
    let engine = Memory::default();
    with_jobs(&engine);
    let report = run(&engine);
    assert_eq!(report.problems, Vec::<String>::new());
    let counts = ["jobs", "job_progress", "rejects"].map(|table| report.counts[table]);
    assert_eq!(counts, [2, 1, 1]);
    for (expected, damage) in CASES {
        let engine = Memory::default();
        with_jobs(&engine);
        damage(&engine);
        let problems = run(&engine).problems;
        assert!(problems.iter().any(|problem| problem == expected), "{expected}: {problems:#?}");
    }
}
