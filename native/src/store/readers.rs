//! Counts the open read snapshots and knows the age of the oldest.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{StoreError, StoreResult};

/// The open snapshots of one engine. Numbers are given in the order of opening, so that the first
/// entry is the oldest.
#[derive(Debug)]
pub struct Readers {
    readers_max: u32,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next_number: u64,
    since: BTreeMap<u64, Instant>,
}

/// One open snapshot; dropped when it ends.
#[derive(Debug)]
pub struct Reader<'a> {
    readers: &'a Readers,
    number: u64,
}

impl Readers {
    /// No snapshot, and at most `readers_max` at a time.
    pub fn new(readers_max: u32) -> Self {
        Self { readers_max, open: Mutex::default() }
    }

    /// Counts one more snapshot.
    pub fn enter(&self) -> StoreResult<Reader<'_>> {
        let mut open = self.lock();
        if open.since.len() >= self.readers_max as usize {
            return Err(StoreError::ReadersFull { readers_max: self.readers_max });
        }
        let number = open.next_number;
        open.next_number += 1;
        open.since.insert(number, Instant::now());
        Ok(Reader { readers: self, number })
    }

    /// How many snapshots are open and the age of the oldest in milliseconds.
    pub fn stats(&self) -> (u32, u64) {
        let open = self.lock();
        let age_ms = open.since.values().next().map_or(0, |since| since.elapsed().as_millis());
        let count = u32::try_from(open.since.len()).unwrap_or(u32::MAX);
        (count, u64::try_from(age_ms).unwrap_or(u64::MAX))
    }

    /// No code that can panic runs under this lock, so that what it guards is never half changed.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.readers.lock().since.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_counted_up_to_the_bound() {
        let readers = Readers::new(2);
        assert_eq!(readers.stats(), (0, 0));
        let first = readers.enter().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = readers.enter().unwrap();
        assert_eq!(readers.enter().unwrap_err(), StoreError::ReadersFull { readers_max: 2 });
        let (count, age_ms) = readers.stats();
        assert!(count == 2 && age_ms >= 2);
        drop(first);
        assert_eq!(readers.stats().0, 1);
        drop(second);
        assert_eq!(readers.stats(), (0, 0));
    }
}
