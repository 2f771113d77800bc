//! One batch's view of the store: what was read, what the batch has changed, and the mutations
//! that make the change permanent. This file reads, `fates` knows what became of numbers, `changes`
//! changes, `attempt` takes back.
//!
//! Everything may be asked for at any time and is read when it is first needed; `link` and the
//! `load_*` methods only make sure that a batch needs few round trips.

mod attempt;
mod changes;
mod fates;
mod origins;

pub use changes::address_key;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use prost::Message;
use rustc_hash::{FxHashMap, FxHashSet};

use self::attempt::Journal;
use self::origins::OpenOrigins;
use crate::matching::AddressBook;
use crate::policy::Limits;
use crate::space::Space;
use crate::store::{Mutations, Snapshot, StoreError, StoreResult, Table, keys, records};
use crate::wire::storage::{
    AddressRecord, BodyRecord, HeadRecord, MergeRecord, RedirectRecord, RequestRecord, SpaceRecord,
    StoreHeader, TrashRecord,
};

/// Redirects that are followed from one number; merges that would need more are refused.
pub const REDIRECT_HOPS_MAX: usize = 1_000;

/// Bytes of a usual entry of Heads.
const HEAD_BYTES: usize = 64;

/// A number within a space.
type Number = (u32, u64);

/// One address of the batch.
#[derive(Debug)]
struct Slot<'b> {
    key: &'b [u8],
    record: Option<AddressRecord>,
    changed: bool,
}

/// A living body, or what a batch made of it.
#[derive(Debug, Default, Clone)]
struct Body {
    record: BodyRecord,
    /// Whether it differs from the store and from what was settled.
    changed: bool,
    /// Whether the mutations have a former state of it.
    settled: bool,
}

/// Where the body of a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere: no such member lives.
    Nowhere,
    /// At a position among the open bodies.
    Open(u32),
    /// Encoded, at a position among the mutations.
    Settled(u32),
}

/// The view.
pub struct View<'b> {
    snapshot: &'b dyn Snapshot,
    slots: Vec<Slot<'b>>,
    /// Changed addresses that the batch does not name; `None` is one that is no more.
    others: FxHashMap<Vec<u8>, Option<AddressRecord>>,
    bodies: Vec<(Number, Body)>,
    places: FxHashMap<Number, Place>,
    living: FxHashMap<Number, bool>,
    /// Changed redirects; `None` ends one.
    redirects: FxHashMap<Number, Option<RedirectRecord>>,
    heads: FxHashMap<Number, (HeadRecord, bool)>,
    /// Heads that the batch has made, by their position among the mutations: most are never read
    /// again.
    new_heads: FxHashMap<Number, u32>,
    /// Heads that are no more: their numbers are never given again.
    gone_heads: FxHashSet<Number>,
    fields: BTreeMap<Vec<u8>, bool>,
    requests: FxHashMap<Vec<u8>, Option<Box<RequestRecord>>>,
    /// Changed deleted members; `None` is one that is kept no longer.
    trash: FxHashMap<Number, Option<Box<TrashRecord>>>,
    /// Changed merges; `None` is one that is no more.
    merges: FxHashMap<Number, Option<Box<MergeRecord>>>,
    /// Changed records of the tables that have no map of their own, encoded; `None` is one that
    /// is no more.
    records: FxHashMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    /// List groups of spaces that heads of the batch join, whose codes no express list has.
    joined: FxHashMap<u32, FxHashSet<String>>,
    spaces: FxHashMap<u32, OpenSpace>,
    origins: FxHashMap<u32, OpenOrigins>,
    header: StoreHeader,
    /// The header of the snapshot.
    stored: StoreHeader,
    out: Mutations,
    /// What the attempt that is under way has changed.
    journal: Option<Journal>,
    /// The new state of a space, of the job that is under way.
    changed_space: Option<Arc<Space>>,
}

/// The counters of a space.
#[derive(Debug, Clone)]
struct OpenSpace {
    key: Vec<u8>,
    record: SpaceRecord,
    limits: Limits,
    changed: bool,
}

impl<'b> View<'b> {
    /// A view of a snapshot without changes.
    pub fn new(snapshot: &'b dyn Snapshot) -> StoreResult<Self> {
        Self::with_room(snapshot, Mutations::default())
    }

    /// The same with mutations that are empty but have room.
    pub fn with_room(snapshot: &'b dyn Snapshot, out: Mutations) -> StoreResult<Self> {
        let header: StoreHeader =
            records::get(snapshot, Table::Meta, keys::HEADER)?.unwrap_or_default();
        Ok(Self {
            stored: header,
            snapshot,
            slots: Vec::new(),
            others: FxHashMap::default(),
            redirects: FxHashMap::default(),
            journal: None,
            changed_space: None,
            bodies: Vec::new(),
            places: FxHashMap::default(),
            living: FxHashMap::default(),
            heads: FxHashMap::default(),
            new_heads: FxHashMap::default(),
            gone_heads: FxHashSet::default(),
            fields: BTreeMap::new(),
            requests: FxHashMap::default(),
            merges: FxHashMap::default(),
            trash: FxHashMap::default(),
            records: FxHashMap::default(),
            out,
            joined: FxHashMap::default(),
            spaces: FxHashMap::default(),
            origins: FxHashMap::default(),
            header,
        })
    }

    /// The revision of the last change, those of this view included.
    pub fn revision(&self) -> u64 {
        self.header.revision
    }

    /// The first number that no import of the server ever had.
    pub fn next_job_id(&self) -> u64 {
        self.header.next_job_id.max(1)
    }

    /// The revision of the snapshot: what came later is in no scan of it.
    pub fn stored_revision(&self) -> u64 {
        self.stored.revision
    }

    /// The snapshot below, for tables that the view does not change.
    pub fn snapshot(&self) -> &'b dyn Snapshot {
        self.snapshot
    }

    /// Reads every address of the books in one round trip and answers, for each book, the slot of
    /// each of its addresses. The books are sealed. To be called once.
    pub fn link(&mut self, books: &[&'b AddressBook]) -> StoreResult<Vec<Vec<u32>>> {
        let mut wanted = Vec::with_capacity(books.iter().map(|book| book.len()).sum());
        for (book_index, book) in (0u32..).zip(books) {
            let entry = |&entry: &u32| {
                let key = book.key(entry as usize);
                (keys::sort_prefix(key), key, book_index, entry)
            };
            wanted.extend(book.order().iter().map(entry));
        }
        // Stable, because that sort is fast where each book is one sorted run already.
        wanted.sort_by(|left, right| left.0.cmp(&right.0).then_with(|| left.1.cmp(right.1)));
        let mut links: Vec<Vec<u32>> = books.iter().map(|book| vec![0; book.len()]).collect();
        for &(_, key, book, entry) in &wanted {
            if self.slots.last().is_none_or(|slot: &Slot<'_>| slot.key != key) {
                self.slots.push(Slot { key, record: None, changed: false });
            }
            links[book as usize][entry as usize] = index(self.slots.len() - 1);
        }
        self.out.reserve(Table::Heads, self.slots.len(), self.slots.len() * HEAD_BYTES);
        let sorted: Vec<&[u8]> = self.slots.iter().map(|slot| slot.key).collect();
        let slots = &mut self.slots;
        records::get_many(self.snapshot, Table::Addresses, &sorted, |position, record| {
            slots[position].record = record;
        })?;
        Ok(links)
    }

    /// The address of a slot, if it was ever seen.
    pub fn address(&self, slot: u32) -> Option<&AddressRecord> {
        self.slots[slot as usize].record.as_ref()
    }

    /// The address of a key, whether or not the batch names it.
    pub fn address_by_key(&self, key: &[u8]) -> StoreResult<Option<AddressRecord>> {
        if let Ok(position) = self.slots.binary_search_by_key(&key, |slot| slot.key) {
            return Ok(self.slots[position].record);
        }
        match self.others.get(key) {
            Some(record) => Ok(*record),
            None => records::get(self.snapshot, Table::Addresses, key),
        }
    }

    /// Reads the bodies that the slots' addresses belong to in one round trip.
    pub fn load_bodies(&mut self, numbers: &mut Vec<Number>) -> StoreResult<()> {
        numbers.retain(|number| number.1 != 0 && !self.places.contains_key(number));
        numbers.sort_unstable();
        numbers.dedup();
        let mut encoded = Vec::with_capacity(numbers.len() * keys::NUMBERED_BYTES);
        for &(space, id) in numbers.iter() {
            keys::body(&mut encoded, space, id);
        }
        let sorted: Vec<&[u8]> = encoded.chunks(keys::NUMBERED_BYTES).collect();
        let (bodies, places) = (&mut self.bodies, &mut self.places);
        records::get_many(self.snapshot, Table::Bodies, &sorted, |position, record| {
            let number = numbers[position];
            let place = record.map_or(Place::Nowhere, |record| {
                bodies.push((number, Body { record, ..Body::default() }));
                Place::Open(index(bodies.len() - 1))
            });
            places.insert(number, place);
        })
    }

    /// The body of a number, if it lives.
    pub fn body(&mut self, space: u32, id: u64) -> StoreResult<Option<&BodyRecord>> {
        let position = self.open_position(space, id)?;
        Ok(position.map(|position| &self.bodies[position as usize].1.record))
    }

    /// Where the body of a number is open, if it lives.
    fn open_position(&mut self, space: u32, id: u64) -> StoreResult<Option<u32>> {
        if id == 0 {
            return Ok(None);
        }
        if !self.places.contains_key(&(space, id)) {
            self.load_bodies(&mut vec![(space, id)])?;
        }
        match self.places.get(&(space, id)) {
            Some(&Place::Open(position)) => Ok(Some(position)),
            Some(&Place::Settled(position)) => self.reopen(space, id, position).map(Some),
            Some(Place::Nowhere) | None => Ok(None),
        }
    }

    fn reopen(&mut self, space: u32, id: u64, settled: u32) -> StoreResult<u32> {
        let value = self.out.value(Table::Bodies, settled).unwrap_or_default();
        let record = records::decode(Table::Bodies, value)?;
        Ok(self.open(space, id, Body { record, changed: false, settled: true }))
    }

    fn open(&mut self, space: u32, id: u64, body: Body) -> u32 {
        let position = index(self.bodies.len());
        self.places.insert((space, id), Place::Open(position));
        self.bodies.push(((space, id), body));
        position
    }

    /// Whether a body lives; cheaper than reading it.
    pub fn lives(&mut self, space: u32, id: u64) -> StoreResult<bool> {
        if let Some(&place) = self.places.get(&(space, id)) {
            return Ok(place != Place::Nowhere);
        }
        if let Some(&lives) = self.living.get(&(space, id)) {
            return Ok(lives);
        }
        let mut lives = false;
        let key = keys::owned(|key| keys::body(key, space, id));
        self.snapshot.get_many(Table::Bodies, &[&key], &mut |_, value| lives = value.is_some())?;
        self.living.insert((space, id), lives);
        Ok(lives)
    }

    /// Follows the redirects of a merged number; each hop is reported. Answers the living number.
    pub fn follow(
        &mut self,
        space: u32,
        id: u64,
        hops: &mut Vec<(u64, u64)>,
    ) -> StoreResult<Option<u64>> {
        let mut current = id;
        for _ in 0..=REDIRECT_HOPS_MAX {
            if self.lives(space, current)? {
                return Ok(Some(current));
            }
            let Some(to) = self.redirect(space, current)? else {
                return Ok(None);
            };
            hops.push((current, to));
            current = to;
        }
        let problem = format!("redirects of space {space} number {id} do not end");
        Err(StoreError::Corrupt { table: Table::Redirects.name(), problem })
    }

    /// The record of a head, if it was ever seen.
    pub fn head(&mut self, space: u32, id: u64) -> StoreResult<Option<&HeadRecord>> {
        Ok(self.head_mut(space, id)?.map(|entry| &entry.0))
    }

    /// Makes the counters of a space available; to be called before its numbers are taken.
    pub fn open_space(&mut self, space: &Space) -> StoreResult<()> {
        if self.spaces.contains_key(&space.number) {
            return Ok(());
        }
        let key = keys::owned(|key| keys::space(key, space.account_id, space.db_id));
        let record = records::get(self.snapshot, Table::Spaces, &key)?.ok_or_else(|| {
            let problem = format!("space number {} has no record", space.number);
            StoreError::Corrupt { table: Table::Spaces.name(), problem }
        })?;
        let limits = space.limits.clone();
        self.spaces.insert(space.number, OpenSpace { key, record, limits, changed: false });
        Ok(())
    }

    /// The record of a space, changes of this view included.
    pub fn space_record(&mut self, space: &Space) -> StoreResult<&SpaceRecord> {
        self.open_space(space)?;
        Ok(&self.spaces[&space.number].record)
    }

    /// The bounds of members in an open space.
    pub fn limits(&self, space: u32) -> &Limits {
        &self.spaces.get(&space).expect("open_space comes first").limits
    }

    /// Whether the view has the body of a number, so that the snapshot may be older.
    pub fn has_body(&self, space: u32, id: u64) -> bool {
        self.places.contains_key(&(space, id))
    }

    /// The stored answer to a request id, those of this view included.
    pub fn request(&self, key: &[u8]) -> StoreResult<Option<RequestRecord>> {
        match self.requests.get(key) {
            Some(record) => Ok(record.as_deref().cloned()),
            None => records::get(self.snapshot, Table::Requests, key),
        }
    }

    /// A merge, those of this view included.
    pub fn merge(&self, space: u32, id: u64) -> StoreResult<Option<MergeRecord>> {
        if let Some(record) = self.merges.get(&(space, id)) {
            Ok(record.as_deref().cloned())
        } else {
            let key = keys::owned(|key| keys::merge(key, space, id));
            records::get(self.snapshot, Table::Merges, &key)
        }
    }

    /// The merges of a member as receiver and as source, those of this view included, in order.
    pub fn merges_of(&self, space: u32, member: u64) -> StoreResult<BTreeSet<u64>> {
        let mut merges = BTreeSet::new();
        let prefix = keys::owned(|key| keys::body(key, space, member));
        let mut failed = Ok(());
        self.snapshot.scan(Table::MemberMerges, &prefix, usize::MAX, &mut |key, _| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            match keys::parse_member_merge(key) {
                Ok((_, _, merge_id)) => drop(merges.insert(merge_id)),
                Err(error) => failed = Err(error),
            }
            ControlFlow::Continue(())
        })?;
        failed?;
        let ours = self.merges.iter().filter(|((of, _), _)| *of == space);
        for (&(_, merge_id), record) in ours {
            match record.as_deref() {
                None => drop(merges.remove(&merge_id)),
                Some(record) => {
                    if [record.receiver_dataset_id, record.source_dataset_id].contains(&member) {
                        merges.insert(merge_id);
                    }
                }
            }
        }
        Ok(merges)
    }

    /// A deleted member that can be restored, those of this view included.
    pub fn trash(&self, space: u32, id: u64) -> StoreResult<Option<TrashRecord>> {
        if let Some(record) = self.trash.get(&(space, id)) {
            return Ok(record.as_deref().cloned());
        }
        let key = keys::owned(|key| keys::trash(key, space, id));
        records::get(self.snapshot, Table::Trash, &key)
    }

    /// A record of a table without a method of its own, those of this view included: what
    /// `set_record` changes.
    pub fn record<M: Message + Default>(&self, table: Table, key: &[u8]) -> StoreResult<Option<M>> {
        match self.records.get(&(table, key.to_vec())) {
            Some(value) => value.as_ref().map(|value| records::decode(table, value)).transpose(),
            None => records::get(self.snapshot, table, key),
        }
    }

    /// The records of such a table whose keys begin with a prefix, those of this view included, in
    /// the order of keys. For tables with few entries.
    pub fn all_records<M: Message + Default>(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> StoreResult<BTreeMap<Vec<u8>, M>> {
        let mut values = BTreeMap::new();
        self.snapshot.scan(table, prefix, usize::MAX, &mut |key, value| {
            if !key.starts_with(prefix) {
                return ControlFlow::Break(());
            }
            values.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })?;
        let ours = self.records.iter();
        for ((_, key), value) in
            ours.filter(|((of, key), _)| *of == table && key.starts_with(prefix))
        {
            match value {
                Some(value) => drop(values.insert(key.clone(), value.clone())),
                None => drop(values.remove(key)),
            }
        }
        let decoded = values.into_iter();
        decoded.map(|(key, value)| Ok((key, records::decode(table, &value)?))).collect()
    }

    /// The first member from `from` on that the index lists under a prefix.
    pub fn next_holder(&self, prefix: &[u8], from: u64) -> StoreResult<Option<u64>> {
        let start = keys::field_from(prefix, from);
        let mut stored = None;
        self.snapshot.scan(Table::Fields, &start, usize::MAX, &mut |key, _| {
            if !key.starts_with(prefix) {
                return ControlFlow::Break(());
            }
            if self.fields.get(key) == Some(&false) {
                return ControlFlow::Continue(());
            }
            stored = Some(keys::parse_field(key).map(|field| field.dataset_id));
            ControlFlow::Break(())
        })?;
        let added = self
            .fields
            .range(start..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .find(|(_, added)| **added)
            .map(|(key, _)| keys::parse_field(key).map(|field| field.dataset_id));
        Ok([stored.transpose()?, added.transpose()?].into_iter().flatten().min())
    }

    fn head_mut(&mut self, space: u32, id: u64) -> StoreResult<Option<&mut (HeadRecord, bool)>> {
        if self.gone_heads.contains(&(space, id)) {
            return Ok(None);
        }
        if !self.heads.contains_key(&(space, id)) {
            let new = self.new_heads.get(&(space, id));
            let known = if let Some(value) =
                new.and_then(|&position| self.out.value(Table::Heads, position))
            {
                Some(records::decode(Table::Heads, value)?)
            } else {
                let key = keys::owned(|key| keys::head(key, space, id));
                records::get(self.snapshot, Table::Heads, &key)?
            };
            if let Some(record) = known {
                self.heads.insert((space, id), (record, false));
            }
        }
        Ok(self.heads.get_mut(&(space, id)))
    }
}

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("a batch holds fewer than 2^32 addresses")
}
