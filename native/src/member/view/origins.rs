//! The origins of spaces: few enough to be read whole where one is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::View;
use super::attempt::Undo;
use crate::store::{Mutations, StoreResult, Table, keys, records};
use crate::wire::storage::OriginRecord;

/// The origins of one space, by number.
#[derive(Debug, Default, Clone)]
pub(super) struct OpenOrigins {
    labels: BTreeMap<u32, String>,
    changed: BTreeSet<u32>,
}

impl OpenOrigins {
    /// Writes what has changed.
    pub(super) fn write(&self, space: u32, out: &mut Mutations) {
        for &number in &self.changed {
            let key = keys::owned(|key| keys::origin(key, space, number));
            match self.labels.get(&number) {
                Some(label) => {
                    let record = OriginRecord { label: label.clone() };
                    out.put_record(Table::Origins, &key, &record);
                }
                None => out.delete(Table::Origins, &key),
            }
        }
    }
}

impl View<'_> {
    /// The labels of a space by their numbers, those of this view included.
    pub fn origins(&mut self, space: u32) -> StoreResult<&BTreeMap<u32, String>> {
        Ok(&self.open_origins(space)?.labels)
    }

    /// Gives a number a label, or none any more.
    pub fn set_origin(
        &mut self,
        space: u32,
        number: u32,
        label: Option<String>,
    ) -> StoreResult<()> {
        let former = self.open_origins(space)?.clone();
        self.note(Undo::Origins(space, Box::new(former)));
        let open = self.open_origins(space)?;
        open.changed.insert(number);
        match label {
            Some(label) => drop(open.labels.insert(number, label)),
            None => drop(open.labels.remove(&number)),
        }
        Ok(())
    }

    /// The first number of an open space that no origin ever had.
    pub fn next_origin_number(&self, space: u32) -> u32 {
        let next = self.spaces.get(&space).map_or(0, |open| open.record.next_origin_number);
        next.max(1)
    }

    /// Takes a number, so that it is not given again by itself.
    pub fn use_origin_number(&mut self, space: u32, number: u32) {
        if number >= self.next_origin_number(space) {
            self.counters(space).next_origin_number = number.saturating_add(1);
        }
    }

    fn open_origins(&mut self, space: u32) -> StoreResult<&mut OpenOrigins> {
        if !self.origins.contains_key(&space) {
            let read = self.read_origins(space)?;
            self.origins.insert(space, read);
        }
        Ok(self.origins.entry(space).or_default())
    }

    fn read_origins(&self, space: u32) -> StoreResult<OpenOrigins> {
        let mut open = OpenOrigins::default();
        let mut parsed = Ok(());
        let prefix = keys::owned(|key| keys::space_prefix(key, space));
        self.snapshot.scan(Table::Origins, &prefix, usize::MAX, &mut |key, value| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            let entry = keys::parse_origin(key).and_then(|(_, number)| {
                let record: OriginRecord = records::decode(Table::Origins, value)?;
                Ok((number, record.label))
            });
            match entry {
                Ok((number, label)) => drop(open.labels.insert(number, label)),
                Err(error) => {
                    parsed = Err(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        parsed.map(|()| open)
    }
}
