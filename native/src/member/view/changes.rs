//! The half of a view that changes: every change is one entry or one record, and an attempt that is
//! under way can take it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;

use super::attempt::Undo;
use super::{Body, Number, OpenSpace, Place, View, index};
use crate::space::Space;
use crate::store::{Mutations, StoreResult, Table, keys, records};
use crate::wire::storage::{
    AddressRecord, BodyRecord, HeadRecord, MergeRecord, RedirectRecord, RequestRecord, SpaceRecord,
    TrashRecord,
};
use crate::wire::v1::AddressType;

/// The list groups of a head with the times of joining.
type Groups = BTreeMap<String, i64>;

/// Bytes of a usual entry of Addresses.
const ADDRESS_BYTES: usize = 48;

impl View<'_> {
    /// Makes room for the bodies of a batch of so many steps and bytes.
    pub fn expect(&mut self, steps: usize, bytes: usize) {
        self.out.reserve(Table::Bodies, steps, bytes);
    }

    /// Spends the next revision.
    pub fn next_revision(&mut self) -> u64 {
        self.header.revision += 1;
        self.header.revision
    }

    /// Takes the next number of an import that the server runs.
    pub fn take_job_id(&mut self) -> u64 {
        let job_id = self.header.next_job_id.max(1);
        self.header.next_job_id = job_id + 1;
        job_id
    }

    /// Gives an address of the batch a new record.
    pub fn set_address(&mut self, slot: u32, record: AddressRecord) {
        let position = slot as usize;
        let former = &self.slots[position];
        let undo = Undo::Slot(slot, former.record, former.changed);
        self.note(undo);
        let slot = &mut self.slots[position];
        slot.record = Some(record);
        slot.changed = true;
    }

    /// Gives the address of a known head to a member; 0 gives it to nobody.
    pub fn assign_head(&mut self, space: u32, head_id: u64, dataset_id: u64) -> StoreResult<()> {
        self.write_address(space, AddressRecord { head_id, dataset_id, ..Default::default() })
    }

    /// Lets the address of a known head belong to nobody but the deleted member that had it.
    pub fn delete_head(&mut self, space: u32, head_id: u64, deleted: u64) -> StoreResult<()> {
        let record = AddressRecord { head_id, dataset_id: 0, deleted_dataset_id: deleted };
        self.write_address(space, record)
    }

    fn write_address(&mut self, space: u32, record: AddressRecord) -> StoreResult<()> {
        let head_id = record.head_id;
        let Some(key) = self.head(space, head_id)?.map(|head| address_key(space, head)) else {
            return Ok(());
        };
        if let Ok(slot) = self.slots.binary_search_by_key(&key.as_slice(), |slot| slot.key) {
            self.set_address(index(slot), record);
            return Ok(());
        }
        let former = self.others.insert(key.clone(), Some(record));
        self.note(Undo::Other(key, former));
        Ok(())
    }

    /// Ends a head with its address, for ever: when the address is seen again, it gets another
    /// number.
    pub fn remove_head(&mut self, space: u32, id: u64) -> StoreResult<()> {
        let Some(address) = self.head(space, id)?.map(|head| address_key(space, head)) else {
            return Ok(());
        };
        if let Ok(slot) = self.slots.binary_search_by_key(&address.as_slice(), |slot| slot.key) {
            let former = &self.slots[slot];
            let undo = Undo::Slot(index(slot), former.record, former.changed);
            self.note(undo);
            let slot = &mut self.slots[slot];
            slot.record = None;
            slot.changed = true;
        } else {
            let former = self.others.insert(address.clone(), None);
            self.note(Undo::Other(address, former));
        }
        self.change_head(space, id, |head| head.groups.clear())?;
        self.note_head((space, id));
        self.heads.remove(&(space, id));
        self.new_heads.remove(&(space, id));
        self.gone_heads.insert((space, id));
        self.note(Undo::GoneHead((space, id)));
        self.out.delete(Table::Heads, &keys::owned(|key| keys::head(key, space, id)));
        Ok(())
    }

    /// Puts a new body.
    pub fn insert_body(&mut self, space: u32, id: u64, record: BodyRecord) {
        self.note_place((space, id));
        self.open(space, id, Body { record, changed: true, settled: false });
        let counters = self.counters(space);
        counters.members = Some(counters.members() + 1);
    }

    /// A living body, to be changed.
    pub fn change_body(&mut self, space: u32, id: u64) -> StoreResult<Option<&mut BodyRecord>> {
        let Some(position) = self.open_position(space, id)? else {
            return Ok(None);
        };
        self.note_body(position);
        let body = &mut self.bodies[position as usize].1;
        body.changed = true;
        Ok(Some(&mut body.record))
    }

    /// Encodes a body whose step is done: most are not touched again, and a large batch then holds
    /// few that are decoded. A body settles once only, because each time leaves another state of it
    /// among the mutations; within an attempt it stays open.
    pub fn settle_body(&mut self, space: u32, id: u64) {
        let Some(&Place::Open(position)) = self.places.get(&(space, id)) else {
            return;
        };
        let body = &mut self.bodies[position as usize].1;
        if body.settled || !body.changed || self.journal.is_some() {
            return;
        }
        let record = std::mem::take(body).record;
        let key = keys::owned(|key| keys::body(key, space, id));
        let settled = self.out.put_record(Table::Bodies, &key, &record);
        self.places.insert((space, id), Place::Settled(settled));
    }

    /// Ends a living body; answers what it was.
    pub fn remove_body(&mut self, space: u32, id: u64) -> StoreResult<Option<BodyRecord>> {
        let Some(position) = self.open_position(space, id)? else {
            return Ok(None);
        };
        self.note_body(position);
        self.note_place((space, id));
        let body = std::mem::take(&mut self.bodies[position as usize].1);
        self.places.insert((space, id), Place::Nowhere);
        self.out.delete(Table::Bodies, &keys::owned(|key| keys::body(key, space, id)));
        let counters = self.counters(space);
        counters.members = Some(counters.members().saturating_sub(1));
        Ok(Some(body.record))
    }

    /// Lets a number lead to another one, or no longer.
    pub fn set_redirect(&mut self, space: u32, id: u64, to: Option<u64>) {
        let record = to.map(|to_dataset_id| RedirectRecord { to_dataset_id, erasure_id: 0 });
        let former = self.redirects.insert((space, id), record);
        self.note(Undo::Redirect((space, id), former));
    }

    /// Lets an erased number lead nowhere, for ever.
    pub fn set_erased(&mut self, space: u32, id: u64, erasure_id: u64) {
        let record = RedirectRecord { to_dataset_id: 0, erasure_id };
        let former = self.redirects.insert((space, id), Some(record));
        self.note(Undo::Redirect((space, id), former));
    }

    /// Changes the record of a head that exists.
    pub fn change_head(
        &mut self,
        space: u32,
        id: u64,
        change: impl FnOnce(&mut HeadRecord),
    ) -> StoreResult<()> {
        self.note_head((space, id));
        let Some((record, changed)) = self.head_mut(space, id)? else { return Ok(()) };
        let before = record.groups.clone();
        change(record);
        *changed = true;
        if before != record.groups {
            let after = record.groups.clone();
            self.index_groups(space, id, &before, &after);
        }
        Ok(())
    }

    /// Whether a head of the batch joins a list group, or was about to.
    pub fn is_joined(&self, space: u32, group: &str) -> bool {
        self.joined.get(&space).is_some_and(|groups| groups.contains(group))
    }

    /// Remembers that one does.
    pub fn note_joined(&mut self, space: u32, group: &str) {
        self.joined.entry(space).or_default().insert(group.to_owned());
    }

    /// Lets the index of list groups follow a head. No later step of the batch reads it.
    fn index_groups(&mut self, space: u32, id: u64, before: &Groups, after: &Groups) {
        let key = |group: &String| keys::owned(|key| keys::group_head(key, space, group, id));
        for left in before.keys().filter(|group| !after.contains_key(*group)) {
            self.delete(Table::GroupHeads, &key(left));
        }
        for joined in after.keys().filter(|group| !before.contains_key(*group)) {
            self.put(Table::GroupHeads, &key(joined), &[]);
        }
    }

    /// Puts the record of a head that never was: it is in no list group yet.
    pub fn insert_head(&mut self, space: u32, id: u64, record: &HeadRecord) {
        debug_assert!(record.groups.is_empty(), "a new head joins its groups by a change");
        self.note_head((space, id));
        let key = keys::owned(|key| keys::head(key, space, id));
        let position = self.out.put_record(Table::Heads, &key, record);
        self.new_heads.insert((space, id), position);
        self.heads.remove(&(space, id));
    }

    /// Takes the next head id of an open space.
    pub fn next_head_id(&mut self, space: u32) -> u64 {
        let record = self.counters(space);
        record.next_head_id += 1;
        record.next_head_id - 1
    }

    /// Takes the next dataset id of an open space.
    pub fn next_dataset_id(&mut self, space: u32) -> u64 {
        let record = self.counters(space);
        record.next_dataset_id += 1;
        record.next_dataset_id - 1
    }

    /// Stores the answer to a request id.
    pub fn set_request(&mut self, key: Vec<u8>, record: RequestRecord) {
        self.put(Table::Requests, &key, &records::encode(&record));
        self.keep_request(key, Some(record));
    }

    /// Forgets the answer to a request id.
    pub fn remove_request(&mut self, key: Vec<u8>) {
        self.delete(Table::Requests, &key);
        self.keep_request(key, None);
    }

    fn keep_request(&mut self, key: Vec<u8>, record: Option<RequestRecord>) {
        if self.journal.is_some() {
            let former = self.requests.get(&key).cloned();
            self.note(Undo::Request(key.clone(), former));
        }
        self.requests.insert(key, record.map(Box::new));
    }

    /// Stores a merge, where both members find it.
    pub fn set_merge(&mut self, space: u32, id: u64, record: MergeRecord) {
        for member in [record.receiver_dataset_id, record.source_dataset_id] {
            let key = keys::owned(|key| keys::member_merge(key, space, member, id));
            self.put(Table::MemberMerges, &key, &[]);
        }
        let former = self.merges.insert((space, id), Some(Box::new(record)));
        self.note(Undo::Merge((space, id), former));
    }

    /// Forgets a merge: nobody can undo it any more.
    pub fn remove_merge(&mut self, space: u32, id: u64, record: &MergeRecord) {
        for member in [record.receiver_dataset_id, record.source_dataset_id] {
            let key = keys::owned(|key| keys::member_merge(key, space, member, id));
            self.delete(Table::MemberMerges, &key);
        }
        let former = self.merges.insert((space, id), None);
        self.note(Undo::Merge((space, id), former));
    }

    /// Keeps a deleted member to be restored, or keeps it no longer.
    pub fn set_trash(&mut self, space: u32, id: u64, record: Option<TrashRecord>) {
        let former = self.trash.insert((space, id), record.map(Box::new));
        self.note(Undo::Trash((space, id), former));
    }

    /// Changes a record of a table without a method of its own; `None` ends it.
    pub fn set_record<M: Message>(&mut self, table: Table, key: Vec<u8>, record: Option<&M>) {
        let place = (table, key);
        let former = self.records.insert(place.clone(), record.map(Message::encode_to_vec));
        self.note(Undo::Record(place, former));
    }

    /// Writes an entry that no later step of the batch reads.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.out.put(table, key, value);
    }

    /// Writes a record that no later step of the batch reads.
    pub fn put_record<M: Message>(&mut self, table: Table, key: &[u8], record: &M) {
        self.out.put_record(table, key, record);
    }

    /// Removes an entry that no later step of the batch reads.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.out.delete(table, key);
    }

    /// Adds or removes an entry of a secondary index.
    pub fn set_field(&mut self, key: Vec<u8>, present: bool) {
        if self.journal.is_some() {
            let former = self.fields.get(&key).copied();
            self.note(Undo::Field(key.clone(), former));
        }
        self.fields.insert(key, present);
    }

    /// What makes the changes of this view permanent.
    pub fn into_mutations(mut self) -> Mutations {
        let mut out = std::mem::take(&mut self.out);
        if self.header != self.stored {
            out.put(Table::Meta, keys::HEADER, &records::encode(&self.header));
        }
        for space in self.spaces.values().filter(|space| space.changed) {
            out.put(Table::Spaces, &space.key, &records::encode(&space.record));
        }
        out.reserve(Table::Addresses, self.slots.len(), self.slots.len() * ADDRESS_BYTES);
        for slot in self.slots.iter().filter(|slot| slot.changed) {
            put_or_delete(&mut out, Table::Addresses, slot.key, slot.record.as_ref());
        }
        for (key, record) in &self.others {
            put_or_delete(&mut out, Table::Addresses, key, record.as_ref());
        }
        let mut key = Vec::new();
        // After the new heads: of two entries for one head, the last counts.
        for (&(space, id), (record, _)) in self.heads.iter().filter(|(_, entry)| entry.1) {
            key.clear();
            keys::head(&mut key, space, id);
            out.put_record(Table::Heads, &key, record);
        }
        // After the settled ones: of two entries for one body, the last counts. Each is dropped
        // when it is written, so that a large batch is not held twice.
        for ((space, id), body) in self.bodies.drain(..).filter(|(_, body)| body.changed) {
            key.clear();
            keys::body(&mut key, space, id);
            out.put_record(Table::Bodies, &key, &body.record);
        }
        for (&(space, id), record) in &self.redirects {
            key.clear();
            keys::redirect(&mut key, space, id);
            put_or_delete(&mut out, Table::Redirects, &key, record.as_ref());
        }
        for (&(space, id), record) in &self.merges {
            key.clear();
            keys::merge(&mut key, space, id);
            put_or_delete(&mut out, Table::Merges, &key, record.as_deref());
        }
        for (&(space, id), record) in &self.trash {
            key.clear();
            keys::trash(&mut key, space, id);
            put_or_delete(&mut out, Table::Trash, &key, record.as_deref());
        }
        for ((table, key), value) in &self.records {
            match value {
                Some(value) => out.put(*table, key, value),
                None => out.delete(*table, key),
            }
        }
        for (&space, origins) in &self.origins {
            origins.write(space, &mut out);
        }
        for (key, &present) in &self.fields {
            if present {
                out.put(Table::Fields, key, &[]);
            } else {
                out.delete(Table::Fields, key);
            }
        }
        out
    }

    /// Says how a space is from this job on.
    pub fn set_changed_space(&mut self, space: Arc<Space>) {
        self.changed_space = Some(space);
    }

    /// The same for whoever commits the job.
    pub fn take_changed_space(&mut self) -> Option<Arc<Space>> {
        self.changed_space.take()
    }

    /// The record of an open space, to be changed.
    pub fn change_space(&mut self, number: u32) -> &mut SpaceRecord {
        self.counters(number)
    }

    pub(super) fn counters(&mut self, number: u32) -> &mut SpaceRecord {
        self.note_space(number);
        let open: &mut OpenSpace = self.spaces.get_mut(&number).expect("open_space comes first");
        open.changed = true;
        &mut open.record
    }

    fn note_place(&mut self, number: Number) {
        let former = self.places.get(&number).copied();
        self.note(Undo::Place(number, former));
    }
}

fn put_or_delete<M: Message>(out: &mut Mutations, table: Table, key: &[u8], record: Option<&M>) {
    match record {
        Some(record) => drop(out.put_record(table, key, record)),
        None => out.delete(table, key),
    }
}

/// The key under which the address of a head is found.
pub fn address_key(space: u32, head: &HeadRecord) -> Vec<u8> {
    let kind = AddressType::try_from(i32::try_from(head.r#type).unwrap_or_default());
    keys::owned(|key| {
        keys::address(key, space, kind.unwrap_or_default(), head.address.as_bytes());
    })
}
