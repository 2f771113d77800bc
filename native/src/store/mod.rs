//! The ordered byte map under everything: a small trait, two engines.
//!
//! An engine knows tables, keys and values as bytes; `keys` alone knows what is in a key, and the
//! values are the messages of `proto/zmey/storage/v1`.

pub mod check;
pub mod dump;
pub mod header;
pub mod keys;
pub mod lmdb;
pub mod memory;
pub mod overlay;
mod owner;
mod readers;
pub mod records;

#[cfg(test)]
mod conformance;

pub use self::header::FORMAT_VERSION;
pub use self::lmdb::{Lmdb, Options};
pub use self::memory::Memory;

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::ops::ControlFlow;
use std::sync::Arc;

use prost::Message;

/// The tables of a store. Each is an ordered map of its own. Their positions are on disk, in keys
/// of Expiries and in dumps: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `"header"` -> `StoreHeader`.
    Meta,
    /// account, database -> `SpaceRecord`.
    Spaces,
    /// space, type, canonical address -> `AddressRecord`; kept when the member dies.
    Addresses,
    /// space, head id -> `HeadRecord`; kept when the member dies.
    Heads,
    /// space, dataset id -> `BodyRecord` of a living member.
    Bodies,
    /// space, merged or erased dataset id -> `RedirectRecord`; kept for ever.
    Redirects,
    /// space, declared field, value, dataset id -> nothing: the secondary indexes.
    Fields,
    /// space, request id -> `RequestRecord`; an erased one is there as SHA-256.
    Requests,
    /// space, import id -> `ImportRecord`.
    Imports,
    /// time, table, key -> nothing: what to forget when.
    Expiries,
    /// first revision -> `ChangeSegment`: the change log.
    Changes,
    /// space, merge id -> `MergeRecord`.
    Merges,
    /// space, dataset id, merge id -> nothing: the merges of a member, as receiver and as source.
    MemberMerges,
    /// space, dataset id -> `TrashRecord`: deleted members that can be restored.
    Trash,
    /// space, origin number -> `OriginRecord`: the sources of creation of heads.
    Origins,
    /// task id, a revision -> `TaskRecord`: work that goes on after the call that began it.
    Tasks,
    /// space, erasure id -> `ErasureRecord`: the proofs that members were erased.
    Erasures,
    /// space -> `PolicyRecord`: what a space decides.
    Policies,
    /// space, group id -> `GroupRecord`: list groups that somebody made.
    Groups,
    /// space, group id, head id -> nothing: the heads of a list group.
    GroupHeads,
    /// space, job id, the newest first -> `JobRecord`: imports that the server runs itself.
    Jobs,
    /// job id -> `JobProgressRecord` of an import that has not ended.
    JobProgress,
    /// space, job id, batch -> `RejectSegment`: the rows of an import that were refused.
    Rejects,
    /// space, list id -> `ExpressListRecord`: the lists of express imports.
    ExpressLists,
    /// space, list number, last row -> `ExpressSegment`: their rows.
    ExpressRows,
}

impl Table {
    /// Every table, in the order of `Table`.
    pub const ALL: [Self; 25] = [
        Self::Meta,
        Self::Spaces,
        Self::Addresses,
        Self::Heads,
        Self::Bodies,
        Self::Redirects,
        Self::Fields,
        Self::Requests,
        Self::Imports,
        Self::Expiries,
        Self::Changes,
        Self::Merges,
        Self::MemberMerges,
        Self::Trash,
        Self::Origins,
        Self::Tasks,
        Self::Erasures,
        Self::Policies,
        Self::Groups,
        Self::GroupHeads,
        Self::Jobs,
        Self::JobProgress,
        Self::Rejects,
        Self::ExpressLists,
        Self::ExpressRows,
    ];

    /// The number of the table on disk and in dumps.
    pub fn tag(self) -> u8 {
        self as u8
    }

    /// The table with this number.
    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.get(usize::from(tag)).copied()
    }

    /// The name of the table on disk and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Spaces => "spaces",
            Self::Addresses => "addresses",
            Self::Heads => "heads",
            Self::Bodies => "bodies",
            Self::Redirects => "redirects",
            Self::Fields => "fields",
            Self::Requests => "requests",
            Self::Imports => "imports",
            Self::Expiries => "expiries",
            Self::Changes => "changes",
            Self::Merges => "merges",
            Self::MemberMerges => "member_merges",
            Self::Trash => "trash",
            Self::Origins => "origins",
            Self::Tasks => "tasks",
            Self::Erasures => "erasures",
            Self::Policies => "policies",
            Self::Groups => "groups",
            Self::GroupHeads => "group_heads",
            Self::Jobs => "jobs",
            Self::JobProgress => "job_progress",
            Self::Rejects => "rejects",
            Self::ExpressLists => "express_lists",
            Self::ExpressRows => "express_rows",
        }
    }
}

/// What can go wrong below the domain; one type for all engines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The store may not grow beyond this size. Reads and deletes go on.
    Full {
        /// The bound in bytes.
        map_bytes_max: u64,
    },
    /// Every reader slot is taken.
    ReadersFull {
        /// The bound.
        readers_max: u32,
    },
    /// Another process owns the store.
    Owned {
        /// The directory.
        path: String,
        /// What is known of the owner, e.g. its process id.
        owner: String,
    },
    /// The store was written by another format version.
    FormatUnknown {
        /// The version found.
        found: u32,
        /// The version this build knows.
        supported: u32,
    },
    /// A value does not parse or an invariant does not hold.
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong, without personal data.
        problem: String,
    },
    /// The operating system or the engine failed.
    Io(String),
}

impl Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { map_bytes_max } => {
                write!(formatter, "the store is full: it may not grow over {map_bytes_max} bytes")
            }
            Self::ReadersFull { readers_max } => {
                write!(formatter, "all {readers_max} reader slots of the store are taken")
            }
            Self::Owned { path, owner } => {
                write!(formatter, "the store {path} is owned by {owner}; stop it first")
            }
            Self::FormatUnknown { found, supported } => write!(
                formatter,
                "the store has format version {found}; this zmey knows {supported}"
            ),
            Self::Corrupt { table, problem } => {
                write!(formatter, "table {table} is corrupt: {problem}")
            }
            Self::Io(problem) => formatter.write_str(problem),
        }
    }
}

impl std::error::Error for StoreError {}

/// The result of everything below the domain.
pub type StoreResult<T> = Result<T, StoreError>;

/// One consistent view of the store.
pub trait Snapshot {
    /// Visits the value of each key in the order of `keys`, which must be sorted (equal keys may
    /// repeat); `None` where the table has none. One round trip whatever the number of keys.
    fn get_many(
        &self,
        table: Table,
        keys: &[&[u8]],
        visit: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> StoreResult<()>;

    /// Visits entries in ascending order from the first key that is not less than `from`, until
    /// `limit` entries were visited or `visit` breaks.
    #[expect(clippy::type_complexity, reason = "a name for the closure would say less")]
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> StoreResult<()>;
}

/// In place of the length of a value: the entry deletes its key.
const DELETED: u32 = u32::MAX;

/// Where an entry of a batch lives: key and value follow one another in the arena.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first bytes of the key, padded with zeros. They decide nearly every comparison without a
    /// look into the arena, which is what sorting large batches would wait for.
    prefix: u128,
    start: usize,
    key_bytes: u32,
    /// `DELETED` deletes the key.
    value_bytes: u32,
}

/// Appends a value to an arena.
type Append<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

/// What one commit writes into one table. Each has an arena of its own, so that the small entries
/// of one are not scattered between the large ones of another.
#[derive(Debug, Default, Clone)]
struct TableMutations {
    arena: Vec<u8>,
    entries: Vec<Entry>,
}

/// What one commit writes. Of several entries with one key the last counts.
#[derive(Debug, Default, Clone)]
pub struct Mutations {
    /// By `Table::tag`.
    tables: [TableMutations; Table::ALL.len()],
}

/// The entries and bytes of each table at some moment.
#[derive(Debug, Clone, Copy)]
pub struct Mark([(usize, usize); Table::ALL.len()]);

impl Mutations {
    /// Writes `value` at `key`.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.of(table).push(key, Some(&mut |arena| arena.extend_from_slice(value)));
    }

    /// Writes an encoded record at `key`, without a copy in between; answers the position of the
    /// entry for `value`.
    pub fn put_record<M: Message>(&mut self, table: Table, key: &[u8], record: &M) -> u32 {
        let encode = &mut |arena: &mut Vec<u8>| record.encode(arena).expect("a vector grows");
        self.of(table).push(key, Some(encode))
    }

    /// Removes `key`; a missing key is no error.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.of(table).push(key, None);
    }

    /// The value that `put_record` wrote at a position.
    pub fn value(&self, table: Table, position: u32) -> Option<&[u8]> {
        let mutations = &self.tables[usize::from(table.tag())];
        mutations.entries.get(position as usize)?.value(&mutations.arena)
    }

    /// Makes room, no more than asked for: growing a large batch bit by bit would copy it again and
    /// again, and doubling recycled room would keep memory that nobody needs.
    pub fn reserve(&mut self, table: Table, entries: usize, bytes: usize) {
        let mutations = self.of(table);
        mutations.entries.reserve_exact(entries);
        mutations.arena.reserve_exact(bytes);
    }

    /// No entries, but their room: a large batch takes longer to get memory than to fill it.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        for table in &mut self.tables {
            table.arena.clear();
            table.entries.clear();
        }
        self
    }

    /// How much there is, for `rewind`.
    pub fn mark(&self) -> Mark {
        Mark(self.tables.each_ref().map(|table| (table.entries.len(), table.arena.len())))
    }

    /// Takes back what came after a mark.
    pub fn rewind(&mut self, mark: &Mark) {
        for (table, &(entries, bytes)) in self.tables.iter_mut().zip(&mark.0) {
            table.entries.truncate(entries);
            table.arena.truncate(bytes);
        }
    }

    fn of(&mut self, table: Table) -> &mut TableMutations {
        &mut self.tables[usize::from(table.tag())]
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.entries.is_empty())
    }

    /// The bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(|table| table.arena.len()).sum()
    }

    /// Brings the entries into the order in which they are written.
    pub fn sorted(mut self) -> SortedMutations {
        self.tables.iter_mut().for_each(TableMutations::sort);
        SortedMutations(self)
    }
}

/// What one commit writes, by table and key, one entry for each key.
#[derive(Debug, Default)]
pub struct SortedMutations(Mutations);

impl SortedMutations {
    /// The room of a batch that is written, for the next one.
    pub fn recycled(self) -> Mutations {
        self.0.emptied()
    }

    /// The entries as (table, key, value); no value removes the key.
    pub fn entries(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        Table::ALL
            .into_iter()
            .flat_map(|table| self.from(table, &[]).map(move |(key, value)| (table, key, value)))
    }

    /// The entries of a table from a key on.
    pub fn from(&self, table: Table, from: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let TableMutations { arena, entries } = &self.0.tables[usize::from(table.tag())];
        let first = entries.partition_point(|entry| entry.key(arena) < from);
        entries[first..].iter().map(|entry| (entry.key(arena), entry.value(arena)))
    }

    /// What is written at a key, if anything: `Some(None)` removes it.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        let TableMutations { arena, entries } = &self.0.tables[usize::from(table.tag())];
        let prefix = keys::sort_prefix(key);
        let compare =
            |entry: &Entry| entry.prefix.cmp(&prefix).then_with(|| entry.key(arena).cmp(key));
        entries.binary_search_by(compare).ok().map(|index| entries[index].value(arena))
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing is written, only removed: such a batch may use the room that an engine at
    /// its bound keeps for it.
    pub fn only_deletes(&self) -> bool {
        let mut entries = self.0.tables.iter().flat_map(|table| &table.entries);
        entries.all(|entry| entry.value_bytes == DELETED)
    }
}

impl TableMutations {
    /// Adds an entry whose value `write` appends to the arena; `None` deletes.
    fn push(&mut self, key: &[u8], write: Option<Append<'_>>) -> u32 {
        let length = |bytes: usize| u32::try_from(bytes).expect("bounded by the callers");
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        let value_start = self.arena.len();
        let value_bytes = write.map_or(DELETED, |write| {
            write(&mut self.arena);
            length(self.arena.len() - value_start)
        });
        let prefix = keys::sort_prefix(key);
        self.entries.push(Entry { prefix, start, key_bytes: length(key.len()), value_bytes });
        length(self.entries.len() - 1)
    }

    fn sort(&mut self) {
        let Self { arena, entries } = self;
        // Backwards, so that of equal keys the last written comes first and is the one kept.
        entries.reverse();
        entries.sort_by(|left, right| left.compare(right, arena));
        entries.dedup_by(|later, kept| later.compare(kept, arena).is_eq());
    }
}

impl Entry {
    fn compare(&self, other: &Self, arena: &[u8]) -> Ordering {
        let by_prefix = self.prefix.cmp(&other.prefix);
        by_prefix.then_with(|| self.key(arena).cmp(other.key(arena)))
    }

    fn key<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.start..][..self.key_bytes as usize]
    }

    fn value<'a>(&self, arena: &'a [u8]) -> Option<&'a [u8]> {
        let start = self.start + self.key_bytes as usize;
        (self.value_bytes != DELETED).then(|| &arena[start..][..self.value_bytes as usize])
    }
}

/// What an engine tells of itself for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Bytes that the store occupies.
    pub used_bytes: u64,
    /// Bytes up to which the store may grow without remapping.
    pub map_bytes: u64,
    /// Read snapshots open now.
    pub readers: u32,
    /// Age of the oldest open snapshot in milliseconds; 0 where none is open.
    pub reader_age_ms: u64,
}

/// Says what to write on a state of the store.
pub type Plan<'a> = dyn FnMut(&dyn Snapshot) -> StoreResult<Arc<SortedMutations>> + 'a;

/// An ordered byte map with consistent snapshots and atomic, durable batches.
pub trait Engine: Send + Sync {
    /// Runs `read` on one consistent snapshot. The snapshot never outlives the call.
    fn read(&self, read: &mut dyn FnMut(&dyn Snapshot) -> StoreResult<()>) -> StoreResult<()>;

    /// Runs `plan` on the newest state and applies what it returns, all or nothing; durable when
    /// this returns. Writers take turns. `plan` may be run again, for example after the map grew
    /// or after a conflict, and must not have effects of its own.
    fn write_sorted(&self, plan: &mut Plan<'_>) -> StoreResult<()>;

    /// The same for mutations that nobody else needs.
    fn write(
        &self,
        plan: &mut dyn FnMut(&dyn Snapshot) -> StoreResult<Mutations>,
    ) -> StoreResult<()> {
        self.write_sorted(&mut |snapshot| Ok(Arc::new(plan(snapshot)?.sorted())))
    }

    /// What the engine tells of itself.
    fn stats(&self) -> EngineStats;
}
