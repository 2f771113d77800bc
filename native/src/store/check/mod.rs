//! Checks a store: every index in both directions, every number against its counter.
//!
//! One snapshot, read in pages, so that a store of any size needs the memory of one page. A problem
//! is one sentence with a table and numbers, without personal data.

mod express;
mod groups;
mod index;
mod jobs;
mod log;
mod member;
mod merge;
mod origin;
mod page;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};

use self::page::{Entry, walk};
use super::{Engine, Snapshot, StoreError, StoreResult, Table, header, keys, records};
use crate::wire::storage::{BodyRecord, FieldRecord, SpaceRecord, StoreHeader};

/// A list of more would help nobody; all are counted.
pub const PROBLEMS_LISTED_MAX: usize = 1_000;

/// What the store itself cannot know about its values.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The values under which the index of a declared field must have a member.
    pub field_values: &'a dyn Fn(&BodyRecord, &FieldRecord) -> Vec<Vec<u8>>,
    /// Whether the data of a body are a JSON object in the form in which they are kept.
    pub data_is_canonical: &'a dyn Fn(&str) -> bool,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The version of keys and values.
    pub format_version: u32,
    /// The revision of the last change.
    pub revision: u64,
    /// The number of entries of each table, by `Table::name`.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first problems.
    pub problems: Vec<String>,
    /// The number of all problems.
    pub problems_total: u64,
}

/// Called with a table and how many of its entries have been checked.
pub type Progress<'a> = dyn FnMut(Table, u64) + 'a;

/// Checks everything. An error means that the check could not be done; what is wrong with the
/// store is in the report.
pub fn check(
    engine: &dyn Engine,
    rules: Rules<'_>,
    progress: &mut Progress<'_>,
) -> StoreResult<Report> {
    let mut report = Report::default();
    engine.read(&mut |snapshot| {
        report = check_snapshot(snapshot, rules, progress)?;
        Ok(())
    })?;
    Ok(report)
}

/// Everything that one page is checked against.
struct Store<'a> {
    snapshot: &'a dyn Snapshot,
    rules: Rules<'a>,
    header: StoreHeader,
    spaces: BTreeMap<u32, SpaceRecord>,
}

/// The problems found so far.
#[derive(Default)]
struct Problems {
    listed: Vec<String>,
    total: u64,
}

impl Problems {
    fn note(&mut self, table: Table, problem: &str) {
        self.total += 1;
        if self.listed.len() < PROBLEMS_LISTED_MAX {
            self.listed.push(format!("{}: {problem}", table.name()));
        }
    }

    fn in_space(&mut self, table: Table, space: u32, problem: &str) {
        self.note(table, &format!("space {space}: {problem}"));
    }

    /// Takes what parsed and notes what did not.
    fn accept<T>(&mut self, table: Table, parsed: StoreResult<T>) -> Option<T> {
        match parsed {
            Ok(value) => return Some(value),
            Err(StoreError::Corrupt { problem, .. }) => self.note(table, &problem),
            Err(error) => self.note(table, &error.to_string()),
        }
        None
    }
}

impl Store<'_> {
    /// The record of a space that a key names.
    fn space(&self, problems: &mut Problems, table: Table, number: u32) -> Option<&SpaceRecord> {
        let space = self.spaces.get(&number);
        if space.is_none() {
            problems.note(table, &format!("space {number} is unknown"));
        }
        space
    }
}

/// Whether a number was given out; `next` is the first that was not.
fn is_given(number: u64, next: u64) -> bool {
    (1..next).contains(&number)
}

type PageCheck = fn(&Store<'_>, &mut Problems, &[Entry]) -> StoreResult<()>;

fn check_snapshot(
    snapshot: &dyn Snapshot,
    rules: Rules<'_>,
    progress: &mut Progress<'_>,
) -> StoreResult<Report> {
    let mut problems = Problems::default();
    let mut counts = BTreeMap::new();
    let (header, meta_entries) = read_header(snapshot, &mut problems)?;
    counts.insert(Table::Meta.name(), meta_entries);
    let spaces = read_spaces(snapshot, &header, &mut problems)?;
    counts.insert(Table::Spaces.name(), spaces.len() as u64);
    let store = Store { snapshot, rules, header, spaces };
    let checks: [(Table, PageCheck); 20] = [
        (Table::Addresses, member::addresses),
        (Table::Heads, member::heads),
        (Table::Bodies, member::bodies),
        (Table::Redirects, member::redirects),
        (Table::Fields, index::fields),
        (Table::Requests, index::requests),
        (Table::Imports, index::imports),
        (Table::Expiries, index::expiries),
        (Table::Merges, merge::merges),
        (Table::MemberMerges, merge::members),
        (Table::Trash, index::trash),
        (Table::Tasks, upkeep::tasks),
        (Table::Erasures, upkeep::erasures),
        (Table::Policies, upkeep::policies),
        (Table::Groups, groups::groups),
        (Table::GroupHeads, groups::heads),
        (Table::Jobs, jobs::jobs),
        (Table::JobProgress, jobs::progress),
        (Table::Rejects, jobs::rejects),
        (Table::ExpressLists, express::lists),
    ];
    for (table, check) in checks {
        let mut entries = 0;
        walk(snapshot, table, &mut |page| {
            check(&store, &mut problems, page)?;
            entries += page.len() as u64;
            progress(table, entries);
            Ok(())
        })?;
        counts.insert(table.name(), entries);
    }
    member::counted(&store, &mut problems)?;
    let segments = log::changes(&store, &mut problems, progress)?;
    counts.insert(Table::Changes.name(), segments);
    let express = express::rows(&store, &mut problems, progress)?;
    counts.insert(Table::ExpressRows.name(), express);
    let origins = origin::origins(&store, &mut problems, progress)?;
    counts.insert(Table::Origins.name(), origins);
    Ok(Report {
        format_version: store.header.format_version,
        revision: store.header.revision,
        counts,
        problems: problems.listed,
        problems_total: problems.total,
    })
}

/// The header, which opening has already checked, and the number of entries of Meta.
fn read_header(
    snapshot: &dyn Snapshot,
    problems: &mut Problems,
) -> StoreResult<(StoreHeader, u64)> {
    let mut header = None;
    let mut entries = 0;
    walk(snapshot, Table::Meta, &mut |page| {
        for entry in page {
            entries += 1;
            if entry.key == keys::HEADER {
                header = Some(header::parse(&entry.value)?);
            } else {
                problems.note(Table::Meta, "there is an entry beside the header");
            }
        }
        Ok(())
    })?;
    header.map(|header| (header, entries)).ok_or_else(header::missing)
}

/// The spaces by number. There are as many as tenants, which is few.
fn read_spaces(
    snapshot: &dyn Snapshot,
    header: &StoreHeader,
    problems: &mut Problems,
) -> StoreResult<BTreeMap<u32, SpaceRecord>> {
    let mut spaces = BTreeMap::new();
    walk(snapshot, Table::Spaces, &mut |page| {
        for entry in page {
            problems.accept(Table::Spaces, keys::parse_space(&entry.key));
            let decoded = records::decode::<SpaceRecord>(Table::Spaces, &entry.value);
            let Some(space) = problems.accept(Table::Spaces, decoded) else { continue };
            check_space(&space, header, problems);
            let number = space.number;
            if spaces.insert(number, space).is_some() {
                problems.in_space(Table::Spaces, number, "two spaces have this number");
            }
        }
        Ok(())
    })?;
    Ok(spaces)
}

fn check_space(space: &SpaceRecord, header: &StoreHeader, problems: &mut Problems) {
    if !is_given(space.number.into(), header.next_space_number.into()) {
        problems.in_space(Table::Spaces, space.number, "the number was never given out");
    }
    let mut numbers = BTreeSet::new();
    let builds = space.builds.iter().filter_map(|build| build.field.as_ref());
    for field in space.fields.iter().chain(builds) {
        let number = field.number;
        if !is_given(number.into(), space.next_field_number.into())
            || u16::try_from(number).is_err()
        {
            let problem = format!("the number of field {number} was never given out");
            problems.in_space(Table::Spaces, space.number, &problem);
        }
        if !numbers.insert(number) {
            let problem = format!("two fields have the number {number}");
            problems.in_space(Table::Spaces, space.number, &problem);
        }
    }
}

#[cfg(test)]
mod tests;
