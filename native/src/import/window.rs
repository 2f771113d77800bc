//! Chunks on their way: prepared and handed over, their outcome not taken yet. A window of bytes
//! bounds what waits, so that whoever brings chunks is slowed down to what the writer commits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::fault::{Fault, Result};
use crate::wire::v1::ErrorReason;

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<(usize, T)>,
    bytes: usize,
    finished: bool,
    cancelled: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, finished: false, cancelled: false }
    }
}

/// The chunks of one import in their order. One side brings them, one takes them.
#[derive(Debug)]
pub struct Window<T> {
    bytes_max: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Window<T> {
    /// A window for so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until there is room; one chunk always fits.
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        let mut state = self.lock();
        while !state.cancelled && !self.has_room(&state, bytes) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.cancelled {
            return Err(Fault::new(ErrorReason::ShuttingDown, "The import was given up."));
        }
        state.bytes += bytes;
        Ok(())
    }

    /// Takes room without waiting; whether there was.
    pub fn try_reserve(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        let has_room = self.has_room(&state, bytes);
        if has_room {
            state.bytes += bytes;
        }
        has_room
    }

    /// Gives room back.
    pub fn release(&self, bytes: usize) {
        self.lock().bytes -= bytes;
        self.changed.notify_all();
    }

    /// Puts a chunk for whose bytes there is room.
    pub fn push(&self, bytes: usize, chunk: T) {
        self.lock().waiting.push_back((bytes, chunk));
        self.changed.notify_all();
    }

    /// Says that no chunk follows.
    pub fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// Gives up: blocked calls return, and no chunk is taken any more.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.changed.notify_all();
    }

    /// Waits for the next chunk, with its bytes, which count until they are released; none after
    /// the last one.
    pub fn next(&self) -> Option<(usize, T)> {
        let mut state = self.lock();
        loop {
            if state.cancelled {
                return None;
            }
            if let Some(next) = state.waiting.pop_front() {
                return Some(next);
            }
            if state.finished {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next chunk where there is one.
    pub fn try_next(&self) -> Option<(usize, T)> {
        self.lock().waiting.pop_front()
    }

    fn has_room(&self, state: &State<T>, bytes: usize) -> bool {
        state.bytes == 0 || state.bytes + bytes <= self.bytes_max
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every change of the state is a single assignment: a panic leaves it consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
