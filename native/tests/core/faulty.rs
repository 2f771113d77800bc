//! An engine that fails, waits or panics when a test wants it to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use _native::store::{Engine, EngineStats, Memory, Plan, Snapshot, StoreError, StoreResult};

/// What happens to a write.
#[derive(Debug, Clone)]
pub enum Mishap {
    /// The engine refuses it.
    Fails(StoreError),
    /// The engine panics.
    Panics,
}

/// What a test has arranged, and what has happened.
#[derive(Default)]
struct State {
    closed: bool,
    waiting: usize,
    writes: usize,
    mishaps: Vec<(usize, Mishap)>,
}

/// The engine in memory behind a gate.
#[derive(Default)]
pub struct Faulty {
    inner: Memory,
    state: Mutex<State>,
    changed: Condvar,
}

impl Faulty {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets writes wait until the gate opens.
    pub fn close_gate(&self) {
        self.state().closed = true;
    }

    /// Lets writes go on.
    pub fn open_gate(&self) {
        self.state().closed = false;
        self.changed.notify_all();
    }

    /// Waits until a write waits at the gate.
    pub fn await_write(&self) {
        let state = self.state();
        drop(self.changed.wait_while(state, |state| state.waiting == 0).unwrap());
    }

    /// How many writes have begun.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Lets the write after `skip` more ones go wrong.
    pub fn arrange(&self, skip: usize, mishap: Mishap) {
        let mut state = self.state();
        let write = state.writes + skip + 1;
        state.mishaps.push((write, mishap));
    }

    /// Lets every further write after `skip` more ones go wrong.
    pub fn break_after(&self, skip: usize) {
        (skip..skip + 1_000).for_each(|write| {
            self.arrange(write, Mishap::Fails(StoreError::Io("the disk is gone".to_owned())));
        });
    }

    /// Takes back what was arranged.
    pub fn repair(&self) {
        self.state().mishaps.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn mishap(&self) -> Option<Mishap> {
        let mut state = self.state();
        state.writes += 1;
        state.waiting += 1;
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| state.closed).unwrap();
        state.waiting -= 1;
        let number = state.writes;
        state.mishaps.iter().find(|(write, _)| *write == number).map(|(_, mishap)| mishap.clone())
    }
}

impl Engine for Faulty {
    fn read(&self, read: &mut dyn FnMut(&dyn Snapshot) -> StoreResult<()>) -> StoreResult<()> {
        self.inner.read(read)
    }

    fn write_sorted(&self, plan: &mut Plan<'_>) -> StoreResult<()> {
        match self.mishap() {
            None => self.inner.write_sorted(plan),
            Some(Mishap::Panics) => panic!("arranged by a test"),
            Some(Mishap::Fails(error)) => {
                // As an engine does: it plans, and then fails to commit.
                self.inner.read(&mut |snapshot| plan(snapshot).map(drop))?;
                Err(error)
            }
        }
    }

    fn stats(&self) -> EngineStats {
        self.inner.stats()
    }
}
