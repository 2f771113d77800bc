//! Reads all members of a space in chunks, on one snapshot.

use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::findings::{Findings, Page};
use super::judge::{self, Judged, Seen};
use crate::address::Rules;
use crate::fault::{Failure, Fault, Result};
use crate::matching::fields::Field;
use crate::policy::compile::Compiled;
use crate::policy::limits::within;
use crate::policy::{Limits, compile};
use crate::space::Space;
use crate::store::{Snapshot, StoreResult, Table, keys, records};
use crate::wire::storage::{AddressRecord, BodyRecord, HeadRecord, SpaceRecord, StoreHeader};
use crate::wire::v1::{SimulatePolicyRequest, SimulatePolicyResponse, SpacePolicy};

/// Changed addresses and values of unique fields that are held in memory: about 100 MB.
const VALUES_MAX: usize = 2_000_000;
/// Members read at once, between two questions whether to go on: some milliseconds of work.
const CHUNK_MEMBERS_MAX: usize = 1_000;
/// Bytes of bodies read at once.
const CHUNK_BYTES_MAX: usize = 4 << 20;

/// A policy that might come.
pub struct Candidate<'a> {
    /// The space as it is.
    pub space: &'a Space,
    policy: Compiled,
    /// The fields that would be unique and are not yet.
    pub unique: Vec<Field>,
    values_max: usize,
}

impl<'a> Candidate<'a> {
    /// Checks the policy of a request.
    pub fn new(space: &'a Space, request: &SimulatePolicyRequest) -> Result<Self> {
        let policy = request.policy.clone().ok_or_else(|| Fault::required("policy"))?;
        let compiled = compile(&policy, "policy")?;
        let values_max = match within("values_max", request.values_max, VALUES_MAX)? {
            0 => VALUES_MAX,
            max => max,
        };
        let unique = unique_fields(&policy)?;
        Ok(Self { space, policy: compiled, unique, values_max })
    }

    /// How it reads addresses.
    pub fn rules(&self) -> &Rules {
        &self.policy.rules
    }

    /// How many heads a member might have.
    pub fn limits(&self) -> &Limits {
        &self.policy.limits
    }
}

/// Tells what the candidate would do; `halt` says why not to go on, where there is a reason.
pub fn run(
    snapshot: &dyn Snapshot,
    candidate: &mut Candidate<'_>,
    page: Page,
    halt: impl Fn() -> Option<Fault>,
) -> std::result::Result<SimulatePolicyResponse, Failure> {
    let (account_id, db_id) = candidate.space.name();
    let key = keys::owned(|key| keys::space(key, account_id, db_id));
    let record: SpaceRecord = records::get(snapshot, Table::Spaces, &key)?.unwrap_or_default();
    let header: StoreHeader =
        records::get(snapshot, Table::Meta, keys::HEADER)?.unwrap_or_default();
    // What is unique already is shared by nobody.
    candidate.unique.retain(|field| {
        let is_it = |known: &crate::wire::storage::FieldRecord| {
            known.path == field.path && known.kind == field.kind as u32 && known.unique
        };
        !record.fields.iter().any(is_it)
    });
    let mut seen = Seen::new(candidate.values_max);
    let mut findings = Findings::new(page);
    let mut answer = SimulatePolicyResponse { revision: header.revision, ..Default::default() };
    let mut next = 1;
    loop {
        if let Some(fault) = halt() {
            return Err(fault.into());
        }
        let members = bodies(snapshot, candidate.space.number, next)?;
        let Some((last, _)) = members.last() else { break };
        next = last + 1;
        let mut judged = judge(snapshot, candidate, &members)?;
        let owners = owners(snapshot, &judged)?;
        for ((contact, body), heads) in members.iter().zip(judged.drain(..)) {
            answer.members += 1;
            answer.heads += heads.len() as u64;
            let member = (*contact, body);
            judge::member(candidate, member, heads, &owners, &mut seen, &mut findings)?;
        }
    }
    (answer.counts, answer.findings, answer.next_page_token) = findings.finish();
    Ok(answer)
}

fn unique_fields(policy: &SpacePolicy) -> Result<Vec<Field>> {
    let unique = policy.fields.iter().filter(|field| field.unique);
    unique.map(|field| Field::new(&compile::record(field))).collect()
}

/// Some members, from one number on.
fn bodies(snapshot: &dyn Snapshot, space: u32, from: u64) -> StoreResult<Vec<(u64, BodyRecord)>> {
    let prefix = keys::owned(|key| keys::space_prefix(key, space));
    let start = keys::owned(|key| keys::body(key, space, from));
    let (mut bodies, mut bytes, mut failed) = (Vec::new(), 0, Ok(()));
    snapshot.scan(Table::Bodies, &start, CHUNK_MEMBERS_MAX, &mut |key, value| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        let read = keys::parse_numbered(Table::Bodies, key)
            .and_then(|(_, contact)| Ok((contact, records::decode(Table::Bodies, value)?)));
        match read {
            Ok(body) => bodies.push(body),
            Err(error) => failed = Err(error),
        }
        bytes += value.len();
        if failed.is_err() || bytes > CHUNK_BYTES_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    failed.map(|()| bodies)
}

/// The heads of members as they would be, in the order of each body.
fn judge(
    snapshot: &dyn Snapshot,
    candidate: &Candidate<'_>,
    members: &[(u64, BodyRecord)],
) -> StoreResult<Vec<Vec<Judged>>> {
    let places = members.iter().enumerate().flat_map(|(member, (_, body))| {
        body.head_ids.iter().enumerate().map(move |(place, &head_id)| (head_id, member, place))
    });
    let mut places: Vec<(u64, usize, usize)> = places.collect();
    places.sort_unstable();
    let key = |&(head_id, ..): &(u64, usize, usize)| {
        keys::owned(|key| keys::head(key, candidate.space.number, head_id))
    };
    let encoded: Vec<Vec<u8>> = places.iter().map(key).collect();
    let sorted: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    let mut found: Vec<(usize, usize, Judged)> = Vec::with_capacity(places.len());
    records::get_many(snapshot, Table::Heads, &sorted, |position, head: Option<HeadRecord>| {
        let (head_id, member, place) = places[position];
        if let Some(head) = head {
            found.push((member, place, Judged::new(candidate, head_id, &head)));
        }
    })?;
    found.sort_by_key(|&(member, place, _)| (member, place));
    let mut judged: Vec<Vec<Judged>> = members.iter().map(|_| Vec::new()).collect();
    for (member, _, head) in found {
        judged[member].push(head);
    }
    Ok(judged)
}

/// The addresses that are there under the keys which heads would have.
fn owners(
    snapshot: &dyn Snapshot,
    judged: &[Vec<Judged>],
) -> StoreResult<FxHashMap<Vec<u8>, AddressRecord>> {
    let changed = judged.iter().flatten().filter_map(Judged::changed_key);
    let mut sorted: Vec<&[u8]> = changed.collect();
    sorted.sort_unstable();
    let mut owners = FxHashMap::default();
    records::get_many(snapshot, Table::Addresses, &sorted, |position, record| {
        if let Some(record) = record {
            owners.insert(sorted[position].to_vec(), record);
        }
    })?;
    Ok(owners)
}
