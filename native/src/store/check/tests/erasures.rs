//! Damage of tasks and of the proofs of erasures.

use super::*;
use crate::wire::storage::task_record::Work;
use crate::wire::storage::{EraseTask, ErasureRecord, TaskRecord};

/// The erasure, its task and the change that began both have this number.
const ERASURE: u64 = 3;
/// The member and the identifier that are gone.
const MEMBER: u64 = 6;
const HEAD: u64 = 8;

fn erasure_key(erasure_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::erasure(key, SPACE, erasure_id))
}

fn task_key(task_id: u64) -> Vec<u8> {
    keys::owned(|key| keys::task(key, task_id))
}

fn erased_request_key() -> Vec<u8> {
    keys::owned(|key| keys::erased_request(key, &request_key()))
}

/// A sound store from which a member was erased whose history is still to be gone through.
fn erased(engine: &dyn Engine) {
    sound(engine, 3);
    change(engine, Table::Spaces, b"\0\0\0\x07\0\0\0\x08", |space: &mut SpaceRecord| {
        space.next_dataset_id = MEMBER + 1;
        space.next_head_id = HEAD + 1;
    });
    let erasure = ErasureRecord {
        dataset_ids: vec![MEMBER],
        head_ids: vec![HEAD],
        merge_ids: vec![1],
        task_id: ERASURE,
        ..Default::default()
    };
    write(engine, Table::Erasures, &erasure_key(ERASURE), &erasure);
    let redirect = RedirectRecord { to_dataset_id: 0, erasure_id: ERASURE };
    write(engine, Table::Redirects, &redirect_key(MEMBER), &redirect);
    let work =
        EraseTask { erasure_ids: vec![ERASURE], through_revision: ERASURE, ..Default::default() };
    let task =
        TaskRecord { space_number: SPACE, work: Some(Work::Erase(work)), ..Default::default() };
    write(engine, Table::Tasks, &task_key(ERASURE), &task);
    let request = RequestRecord { expires_seconds: 3_600, erased: true, ..Default::default() };
    write(engine, Table::Requests, &erased_request_key(), &request);
    let expiry = expiry_key(Table::Requests, &erased_request_key());
    put(engine, Table::Expiries, &[(&expiry, b"")]).unwrap();
    write(engine, Table::Changes, &change_key(1), &segment(&[1, MEMBER]));
    let change = ChangeRecord { erased: true, ..Default::default() };
    let list = ChangeList { changes: vec![change] };
    let (content, content_bytes) = records::pack_changes(&list);
    let segment = ChangeSegment { content, content_bytes, ..segment(&[1]) };
    write(engine, Table::Changes, &change_key(ERASURE), &segment);
}

#[test]
fn an_erasure_that_goes_on_is_sound() {
    let engine = Memory::default();
    erased(&engine);
    assert_eq!(run(&engine).problems, Vec::<String>::new());
}

const CASES: [Case; 15] = [
    ("erasures: space 1: erasure 3 left 6 in bodies", |engine| {
        write(engine, Table::Bodies, &body_key(MEMBER), &BodyRecord::default());
    }),
    ("erasures: space 1: erasure 3 left 6 in trash", |engine| {
        let key = keys::owned(|key| keys::trash(key, SPACE, MEMBER));
        write(engine, Table::Trash, &key, &TrashRecord::default());
    }),
    ("erasures: space 1: erasure 3 left 8 in heads", |engine| {
        write(engine, Table::Heads, &head_key(HEAD), &HeadRecord::default());
    }),
    ("erasures: space 1: erasure 3 left 1 in merges", |engine| {
        write(engine, Table::Merges, &merge_key(1), &MergeRecord::default());
    }),
    ("erasures: space 1: member 6 does not lead to its erasure 3", |engine| {
        remove(engine, Table::Redirects, &redirect_key(MEMBER));
    }),
    ("erasures: space 1: nobody finishes erasure 3", |engine| {
        remove(engine, Table::Tasks, &task_key(ERASURE));
    }),
    ("erasures: space 1: erasure 9 is of the future", |engine| {
        write(engine, Table::Erasures, &erasure_key(9), &ErasureRecord::default());
    }),
    ("erasures: space 1: erasure 3 has numbers that were never given out", |engine| {
        change(engine, Table::Erasures, &erasure_key(ERASURE), |erasure: &mut ErasureRecord| {
            erasure.head_ids.push(99);
        });
    }),
    ("redirects: space 1: member 6 is erased, but no erasure says so", |engine| {
        remove(engine, Table::Erasures, &erasure_key(ERASURE));
    }),
    ("tasks: space 1: task 3 is for erasure 3, which does not wait for it", |engine| {
        change(engine, Table::Erasures, &erasure_key(ERASURE), |erasure: &mut ErasureRecord| {
            erasure.task_id = 2;
        });
    }),
    ("tasks: space 1: task 9 is of the future", |engine| {
        let task = TaskRecord { space_number: SPACE, ..Default::default() };
        write(engine, Table::Tasks, &task_key(9), &task);
    }),
    ("tasks: space 1: task 2 is of no known kind", |engine| {
        let task = TaskRecord { space_number: SPACE, ..Default::default() };
        write(engine, Table::Tasks, &task_key(2), &task);
    }),
    ("changes: space 1: changes of member 6 were left by its erasure", |engine| {
        change(engine, Table::Erasures, &erasure_key(ERASURE), |erasure: &mut ErasureRecord| {
            erasure.finished_seconds = 1;
        });
    }),
    ("requests: space 1: answers of member 6 were left by its erasure", |engine| {
        change(engine, Table::Erasures, &erasure_key(ERASURE), |erasure: &mut ErasureRecord| {
            erasure.finished_seconds = 1;
        });
        change(engine, Table::Requests, &request_key(), |request: &mut RequestRecord| {
            request.dataset_ids = vec![MEMBER];
        });
    }),
    ("requests: the fingerprint of a request has 32 bytes", |engine| {
        change(engine, Table::Requests, &erased_request_key(), |request: &mut RequestRecord| {
            request.fingerprint = vec![0; 32].into();
        });
    }),
];

#[test]
fn damage_of_erasures_is_found() {
    for (expected, damage) in CASES {
        let engine = Memory::default();
        erased(&engine);
        damage(&engine);
        let report = run(&engine);
        assert!(
            report.problems.iter().any(|problem| problem == expected),
            "{expected}: {report:#?}"
        );
    }
}
