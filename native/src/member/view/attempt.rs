//! Attempts: an operation that touches several members in turn is undone whole when a later part of
//! it is refused.

use rustc_hash::FxHashSet;

use super::origins::OpenOrigins;
use super::{Body, Number, OpenSpace, Place, View};
use crate::fault::Failure;
use crate::store::Table;
use crate::wire::storage::{
    AddressRecord, HeadRecord, MergeRecord, RedirectRecord, RequestRecord, TrashRecord,
};

/// What an attempt has changed, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    undos: Vec<Undo>,
    /// Bodies, heads and spaces whose former state is noted: the first one is what counts, and
    /// bodies are large.
    bodies: FxHashSet<u32>,
    heads: FxHashSet<Number>,
    spaces: FxHashSet<u32>,
}

/// One former state.
#[derive(Debug)]
pub(super) enum Undo {
    /// An address of the batch.
    Slot(u32, Option<AddressRecord>, bool),
    /// Another address.
    #[expect(clippy::option_option, reason = "unchanged, gone, kept")]
    Other(Vec<u8>, Option<Option<AddressRecord>>),
    /// Where a body was.
    Place(Number, Option<Place>),
    /// An open body.
    Body(u32, Box<Body>),
    /// A head: as it was open, and its position among the mutations.
    Head(Number, Option<Box<(HeadRecord, bool)>>, Option<u32>),
    /// A head that is no more.
    GoneHead(Number),
    /// A redirect, where the view had changed it before.
    #[expect(clippy::option_option, reason = "unchanged, ended, leading somewhere")]
    Redirect(Number, Option<Option<RedirectRecord>>),
    /// A merge, where the view had changed it before.
    #[expect(clippy::option_option, reason = "unchanged, gone, kept")]
    Merge(Number, Option<Option<Box<MergeRecord>>>),
    /// The answer to a request id, where the view had changed it before.
    #[expect(clippy::option_option, reason = "unchanged, gone, kept")]
    Request(Vec<u8>, Option<Option<Box<RequestRecord>>>),
    /// A deleted member, where the view had changed it before.
    #[expect(clippy::option_option, reason = "unchanged, gone, kept")]
    Trash(Number, Option<Option<Box<TrashRecord>>>),
    /// A record of another table, where the view had changed it before.
    #[expect(clippy::option_option, reason = "unchanged, gone, kept")]
    Record((Table, Vec<u8>), Option<Option<Vec<u8>>>),
    /// An entry of a secondary index.
    Field(Vec<u8>, Option<bool>),
    /// The counters of a space.
    Space(u32, Box<OpenSpace>),
    /// The origins of a space.
    Origins(u32, Box<OpenOrigins>),
}

impl View<'_> {
    /// Does `work` whole or not at all: a fault leaves the view as it was. Attempts do not nest.
    pub fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        debug_assert!(self.journal.is_none(), "attempts do not nest");
        let mark = self.out.mark();
        let header = self.header;
        self.journal = Some(Journal::default());
        let outcome = work(self);
        let journal = self.journal.take().unwrap_or_default();
        if let Err(Failure::Fault(_)) = outcome {
            for undo in journal.undos.into_iter().rev() {
                self.undo(undo);
            }
            self.out.rewind(&mark);
            self.header = header;
        }
        outcome
    }

    pub(super) fn note(&mut self, undo: Undo) {
        if let Some(journal) = &mut self.journal {
            journal.undos.push(undo);
        }
    }

    pub(super) fn note_body(&mut self, position: u32) {
        if let Some(journal) = &mut self.journal
            && journal.bodies.insert(position)
        {
            let body = Box::new(self.bodies[position as usize].1.clone());
            journal.undos.push(Undo::Body(position, body));
        }
    }

    pub(super) fn note_head(&mut self, number: Number) {
        if let Some(journal) = &mut self.journal
            && journal.heads.insert(number)
        {
            let open = self.heads.get(&number).cloned().map(Box::new);
            let new = self.new_heads.get(&number).copied();
            journal.undos.push(Undo::Head(number, open, new));
        }
    }

    pub(super) fn note_space(&mut self, number: u32) {
        if let Some(journal) = &mut self.journal
            && journal.spaces.insert(number)
            && let Some(space) = self.spaces.get(&number)
        {
            journal.undos.push(Undo::Space(number, Box::new(space.clone())));
        }
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Slot(slot, record, changed) => {
                let slot = &mut self.slots[slot as usize];
                slot.record = record;
                slot.changed = changed;
            }
            Undo::Other(key, former) => restore(&mut self.others, key, former),
            Undo::Place(number, former) => {
                // A body that the attempt has put is not written.
                if let Some(&Place::Open(position)) = self.places.get(&number) {
                    self.bodies[position as usize].1.changed = false;
                }
                restore(&mut self.places, number, former);
            }
            Undo::Body(position, body) => self.bodies[position as usize].1 = *body,
            Undo::Head(number, open, new) => {
                restore(&mut self.heads, number, open.map(|head| *head));
                restore(&mut self.new_heads, number, new);
            }
            Undo::Redirect(number, former) => restore(&mut self.redirects, number, former),
            Undo::GoneHead(number) => drop(self.gone_heads.remove(&number)),
            Undo::Merge(number, former) => restore(&mut self.merges, number, former),
            Undo::Request(key, former) => restore(&mut self.requests, key, former),
            Undo::Trash(number, former) => restore(&mut self.trash, number, former),
            Undo::Record(place, former) => restore(&mut self.records, place, former),
            Undo::Field(key, Some(former)) => drop(self.fields.insert(key, former)),
            Undo::Field(key, None) => drop(self.fields.remove(&key)),
            Undo::Space(number, space) => drop(self.spaces.insert(number, *space)),
            Undo::Origins(space, former) => drop(self.origins.insert(space, *former)),
        }
    }
}

fn restore<K: std::hash::Hash + Eq, V>(
    map: &mut rustc_hash::FxHashMap<K, V>,
    key: K,
    former: Option<V>,
) {
    match former {
        Some(former) => drop(map.insert(key, former)),
        None => drop(map.remove(&key)),
    }
}
