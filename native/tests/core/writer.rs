//! The queue and its writer: what is committed together, what is refused, and what a failure
//! costs.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use _native::boot;
use _native::core::Core;
use _native::datakey::Moment;
use _native::fault::{Fault, Result};
use _native::metrics::Metrics;
use _native::space::Space;
use _native::store::{Engine, StoreError};
use _native::wire::v1::{ErrorReason, MemberOutcome};
use _native::write::queue::{Answers, Done, Purpose, Reply, wait};
use _native::write::{Job, Writer, prepare};
use jiff::Timestamp;
use prost::Message;

use crate::faulty::{Faulty, Mishap};
use crate::support::{
    SET_MEMBER, SPACE, assert_clean, config, core_on, described, email_change, email_keys,
    space_config,
};

/// A writer on a faulty engine, with the space that its jobs are for.
struct Bench {
    engine: Arc<Faulty>,
    writer: Writer,
    space: Arc<Space>,
    writes_before: usize,
}

const COMMIT_ROWS_MAX: usize = 100;
const COMMIT_BYTES_MAX: usize = 1_000;

impl Bench {
    fn new() -> Self {
        let engine = Faulty::new();
        let spaces = boot::spaces(engine.as_ref(), &[space_config(SPACE)], 0).unwrap();
        let space = spaces.get(Some(&SPACE)).unwrap();
        let metrics = Arc::new(Metrics::default());
        let shared: Arc<dyn Engine> = Arc::clone(&engine) as Arc<dyn Engine>;
        let (rows_max, bytes_max) = (COMMIT_ROWS_MAX, COMMIT_BYTES_MAX);
        let writer = Writer::start(shared, metrics, Arc::new(spaces), rows_max, bytes_max).unwrap();
        let writes_before = engine.writes();
        Self { engine, writer, space, writes_before }
    }

    /// A job that makes the member of an e-mail.
    fn job(&self, email: &str, bytes: usize) -> Job {
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let moment = Moment { now, zone: self.space.zone.clone() };
        let batch = prepare::batch(&self.space, &[email_change(email, "name", "\"A\"")], moment);
        Job { batch, purpose: Purpose::Members, bytes, deadline: None }
    }

    fn submit(&self, email: &str) -> Reply {
        self.writer.submit(self.job(email, 10)).unwrap()
    }

    /// Puts a job into the hands of the writer, which then waits at the gate.
    fn occupy(&self) -> Reply {
        self.engine.close_gate();
        let reply = self.submit("first@example.com");
        self.engine.await_write();
        reply
    }

    fn commits(&self) -> usize {
        self.engine.writes() - self.writes_before
    }
}

fn outcome(done: Result<Done>) -> Result<MemberOutcome> {
    match done?.answers {
        Answers::Members(mut outcomes) => outcomes.pop().expect("a job of one step"),
        _ => unreachable!("a job of steps"),
    }
}

fn reason(done: Result<Done>) -> ErrorReason {
    outcome(done).unwrap_err().reason
}

#[test]
fn what_waits_is_committed_together() {
    let bench = Bench::new();
    let first = bench.occupy();
    let replies: Vec<Reply> = thread::scope(|scope| {
        let submit = |number| bench.submit(&format!("member{number}@example.com"));
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || submit(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    bench.engine.open_gate();
    assert_eq!(outcome(wait(&first)).unwrap().contact_id, 1);
    let mut contacts: Vec<u64> =
        replies.iter().map(|reply| outcome(wait(reply)).unwrap().contact_id).collect();
    contacts.sort_unstable();
    assert_eq!(contacts, (2..10).collect::<Vec<_>>());
    assert_eq!(bench.commits(), 2);
    assert_clean(bench.engine.as_ref());
}

#[test]
fn a_commit_is_bounded_by_rows_and_by_bytes() {
    for (bytes, jobs, commits) in [
        (1, COMMIT_ROWS_MAX, 1),
        (1, COMMIT_ROWS_MAX + 1, 2),
        (COMMIT_BYTES_MAX / 2, 2, 1),
        (COMMIT_BYTES_MAX / 2, 3, 2),
        (COMMIT_BYTES_MAX + 1, 2, 2),
    ] {
        let bench = Bench::new();
        let first = bench.occupy();
        let submit = |number| bench.writer.submit(bench.job(&format!("m{number}@a.com"), bytes));
        let replies: Vec<Reply> = (0..jobs).map(|number| submit(number).unwrap()).collect();
        bench.engine.open_gate();
        wait(&first).unwrap();
        for reply in &replies {
            wait(reply).unwrap();
        }
        assert_eq!(bench.commits(), 1 + commits, "{jobs} jobs of {bytes} bytes");
    }
}

#[test]
fn a_job_whose_deadline_passes_in_the_queue_writes_nothing() {
    let bench = Bench::new();
    let first = bench.occupy();
    let with_deadline = |email, time_left| {
        let deadline = Instant::now().checked_add(time_left);
        bench.writer.submit(Job { deadline, ..bench.job(email, 10) }).unwrap()
    };
    let late = with_deadline("late@example.com", Duration::from_millis(1));
    let early = with_deadline("early@example.com", Duration::from_hours(1));
    thread::sleep(Duration::from_millis(5));
    bench.engine.open_gate();
    wait(&first).unwrap();
    assert_eq!(reason(wait(&late)), ErrorReason::DeadlineExceeded);
    assert_eq!(outcome(wait(&early)).unwrap().contact_id, 2);
    // The late one has left no trace: its address is new.
    bench.writer.run(bench.job("late@example.com", 10)).map(drop).unwrap();
    let outcome = outcome(wait(&bench.submit("late@example.com"))).unwrap();
    assert_eq!((outcome.contact_id, outcome.member.unwrap().id), (3, 3));
}

#[test]
fn a_call_without_time_left_is_refused() {
    let engine = Faulty::new();
    let core = core_on(&(Arc::clone(&engine) as Arc<dyn Engine>), &config());
    let writes = engine.writes();
    let fault = core.call(SET_MEMBER, bytes::Bytes::new(), Some(Duration::ZERO)).unwrap_err();
    assert_eq!(described(&fault), "DEADLINE_EXCEEDED");
    assert_eq!(engine.writes(), writes);
}

#[test]
fn more_than_the_bound_is_refused_at_once() {
    let bench = Bench::new();
    let first = bench.occupy();
    let submit = |number: usize| {
        bench.writer.submit(bench.job(&format!("m{number}@a.com"), COMMIT_BYTES_MAX))
    };
    let accepted: Vec<Reply> = (0..8).map(|number| submit(number).unwrap()).collect();
    let fault = submit(8).unwrap_err();
    assert_eq!(described(&fault), "OVERLOADED queue=writes");
    bench.engine.open_gate();
    wait(&first).unwrap();
    for reply in &accepted {
        wait(reply).unwrap();
    }
    assert_eq!(outcome(wait(&submit(8).unwrap())).unwrap().contact_id, 10);
}

#[test]
fn who_waits_its_turn_gets_in_when_there_is_room_or_the_queue_is_closed() {
    for close in [false, true] {
        let bench = Bench::new();
        let first = bench.occupy();
        let job = |number: usize| bench.job(&format!("m{number}@a.com"), COMMIT_BYTES_MAX);
        let full: Vec<Reply> = (0..8).map(|n| bench.writer.submit(job(n)).unwrap()).collect();
        thread::scope(|scope| {
            let patient = scope.spawn(|| bench.writer.submit_in_turn(job(8)));
            thread::sleep(Duration::from_millis(20));
            assert!(!patient.is_finished(), "the queue is full");
            if close {
                scope.spawn(|| bench.writer.close());
                let fault = patient.join().unwrap().unwrap_err();
                assert_eq!(described(&fault), "SHUTTING_DOWN");
                bench.engine.open_gate();
            } else {
                bench.engine.open_gate();
                assert!(wait(&patient.join().unwrap().unwrap()).is_ok());
            }
        });
        assert!(wait(&first).is_ok() && full.iter().all(|reply| wait(reply).is_ok()));
    }
}

#[test]
fn one_job_over_every_bound_is_taken() {
    let bench = Bench::new();
    let job = bench.job("large@example.com", COMMIT_BYTES_MAX * 100);
    assert_eq!(outcome(bench.writer.run(job)).unwrap().contact_id, 1);
}

#[test]
fn a_failed_commit_is_told_to_all_and_the_next_one_works() {
    let io = StoreError::Io("the disk is gone".to_owned());
    for (mishap, expected) in [
        (Mishap::Fails(StoreError::Full { map_bytes_max: 7 }), "STORE_FULL map_bytes=7"),
        (Mishap::Fails(io), "INTERNAL"),
        (Mishap::Panics, "INTERNAL"),
    ] {
        let bench = Bench::new();
        let first = bench.occupy();
        bench.engine.arrange(0, mishap.clone());
        let emails = ["a@example.com", "b@example.com", "c@example.com"];
        let replies = emails.map(|email| bench.submit(email));
        bench.engine.open_gate();
        wait(&first).unwrap();
        for reply in &replies {
            let fault: Fault = wait(reply).map(drop).unwrap_err();
            assert_eq!(described(&fault), expected, "{mishap:?}");
            assert!(!fault.message.contains("disk"), "causes are for the log");
        }
        let next = outcome(bench.writer.run(bench.job("a@example.com", 10))).unwrap();
        assert_eq!((next.contact_id, next.revision), (2, 2), "{mishap:?}");
        assert_clean(bench.engine.as_ref());
    }
}

#[test]
fn what_waits_behind_a_panic_is_answered() {
    let bench = Bench::new();
    let first = bench.occupy();
    bench.engine.arrange(0, Mishap::Panics);
    let large = |email| bench.writer.submit(bench.job(email, COMMIT_BYTES_MAX)).unwrap();
    let (hit, behind) = (large("a@example.com"), large("b@example.com"));
    bench.engine.open_gate();
    wait(&first).unwrap();
    assert_eq!(reason(wait(&hit)), ErrorReason::Internal);
    assert_eq!(outcome(wait(&behind)).unwrap().contact_id, 2);
}

#[test]
fn closing_commits_what_waits_and_refuses_what_comes() {
    let bench = Bench::new();
    let first = bench.occupy();
    let second = bench.submit("second@example.com");
    thread::scope(|scope| {
        let closing = scope.spawn(|| bench.writer.close());
        // Closing has begun as soon as a job is refused.
        let refused = loop {
            match bench.writer.submit(bench.job("late@example.com", 10)) {
                Ok(_) => thread::yield_now(),
                // The queue may be full before closing has begun.
                Err(fault) if fault.reason == ErrorReason::Overloaded => thread::yield_now(),
                Err(fault) => break fault,
            }
        };
        assert_eq!(described(&refused), "SHUTTING_DOWN");
        assert!(!closing.is_finished(), "what waits is committed first");
        bench.engine.open_gate();
    });
    assert_eq!(outcome(wait(&first)).unwrap().contact_id, 1);
    assert_eq!(outcome(wait(&second)).unwrap().contact_id, 2);
    bench.writer.close();
    assert_clean(bench.engine.as_ref());
}

#[test]
fn a_closed_core_reads_and_refuses_writes() {
    let engine: Arc<dyn Engine> = Faulty::new();
    let core: Arc<Core> = core_on(&engine, &config());
    crate::support::set_member(&core, email_change("a@example.com", "name", "1")).unwrap();
    core.close();
    core.close();
    let change = email_change("b@example.com", "name", "1");
    let fault = crate::support::set_member(&core, change).unwrap_err();
    assert_eq!(described(&fault), "SHUTTING_DOWN");
    let request = _native::wire::v1::ResolveRequest {
        space: Some(SPACE),
        keys: Some(email_keys("a@example.com")),
        ..Default::default()
    };
    assert!(core.call(crate::support::RESOLVE, request.encode_to_vec().into(), None).is_ok());
}
