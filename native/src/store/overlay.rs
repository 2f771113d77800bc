//! A snapshot with mutations on top that are not committed yet: what the next batch is planned on
//! while the writer still commits the one before.

use std::ops::ControlFlow;

use super::{Snapshot, SortedMutations, StoreResult, Table};

/// A snapshot as it will be.
pub struct Overlay<'a> {
    base: &'a dyn Snapshot,
    pending: &'a SortedMutations,
}

impl<'a> Overlay<'a> {
    /// Puts mutations on top of a snapshot. It does not matter whether the snapshot has them.
    pub fn new(base: &'a dyn Snapshot, pending: &'a SortedMutations) -> Self {
        Self { base, pending }
    }
}

impl Snapshot for Overlay<'_> {
    fn get_many(
        &self,
        table: Table,
        keys: &[&[u8]],
        visit: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> StoreResult<()> {
        let pending: Vec<_> = keys.iter().map(|key| self.pending.get(table, key)).collect();
        let stored: Vec<usize> =
            (0..keys.len()).filter(|&position| pending[position].is_none()).collect();
        let stored_keys: Vec<&[u8]> = stored.iter().map(|&position| keys[position]).collect();
        // The values are visited in the order of the keys, from whichever side they come.
        let mut next = 0;
        let mut visit_pending = |until: usize, visit: &mut dyn FnMut(usize, Option<&[u8]>)| {
            for (position, value) in pending.iter().enumerate().take(until).skip(next) {
                if let Some(value) = value {
                    visit(position, *value);
                }
            }
            next = until;
        };
        self.base.get_many(table, &stored_keys, &mut |index, value| {
            visit_pending(stored[index], visit);
            visit(stored[index], value);
        })?;
        visit_pending(keys.len(), visit);
        Ok(())
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> StoreResult<()> {
        let mut left = limit;
        let mut give = |key: &[u8], value: &[u8]| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            visit(key, value)
        };
        let mut pending = self.pending.from(table, from).peekable();
        let mut broken = false;
        self.base.scan(table, from, usize::MAX, &mut |key, value| {
            let mut replaced = false;
            while let Some((pending_key, pending_value)) = pending.next_if(|next| next.0 <= key) {
                replaced = pending_key == key;
                if let Some(pending_value) = pending_value
                    && give(pending_key, pending_value).is_break()
                {
                    broken = true;
                    return ControlFlow::Break(());
                }
            }
            if !replaced && give(key, value).is_break() {
                broken = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if broken {
            return Ok(());
        }
        for (key, value) in pending {
            if let Some(value) = value
                && give(key, value).is_break()
            {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Engine, Memory, Mutations};
    use super::*;

    type Entries = Vec<(Vec<u8>, Vec<u8>)>;

    fn mutations(changes: &[(u8, Option<u8>)]) -> Mutations {
        let mut mutations = Mutations::default();
        for (key, value) in changes {
            match value {
                Some(value) => mutations.put(Table::Bodies, &[*key], &[*value]),
                None => mutations.delete(Table::Bodies, &[*key]),
            }
        }
        mutations
    }

    fn scanned(snapshot: &dyn Snapshot, from: u8, limit: usize) -> Entries {
        let mut entries = Vec::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            entries.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        snapshot.scan(Table::Bodies, &[from], limit, visit).unwrap();
        entries
    }

    fn got(snapshot: &dyn Snapshot) -> Vec<(usize, Option<Vec<u8>>)> {
        let keys: Vec<[u8; 1]> = (0..24).map(|key| [key]).collect();
        let keys: Vec<&[u8]> = keys.iter().map(<[u8; 1]>::as_slice).collect();
        let mut values = Vec::new();
        let visit = &mut |position, value: Option<&[u8]>| {
            values.push((position, value.map(<[u8]>::to_vec)));
        };
        snapshot.get_many(Table::Bodies, &keys, visit).unwrap();
        values
    }

    proptest! {
        /// Whatever is stored and pending: the overlay shows what the commit will leave, and the
        /// same again after the commit.
        #[test]
        fn shows_what_the_commit_leaves(
            stored in prop::collection::vec((0..20u8, prop::option::of(any::<u8>())), 0..20),
            pending in prop::collection::vec((0..24u8, prop::option::of(any::<u8>())), 0..20),
            from in 0..24u8,
            limit in 0..24usize,
        ) {
            let engine = Memory::default();
            engine.write(&mut |_| Ok(mutations(&stored))).unwrap();
            let sorted = mutations(&pending).sorted();
            let mut before = None;
            engine.read(&mut |snapshot| {
                let overlay = Overlay::new(snapshot, &sorted);
                before = Some((got(&overlay), scanned(&overlay, from, limit)));
                Ok(())
            }).unwrap();
            engine.write(&mut |_| Ok(mutations(&pending))).unwrap();
            engine.read(&mut |snapshot| {
                let after = (got(snapshot), scanned(snapshot, from, limit));
                let overlay = Overlay::new(snapshot, &sorted);
                assert_eq!(before.as_ref(), Some(&after));
                assert_eq!((got(&overlay), scanned(&overlay, from, limit)), after);
                Ok(())
            }).unwrap();
        }
    }
}
