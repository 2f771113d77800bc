//! Any sequence of requests: both engines answer and hold the same, the store is clean, and a dump
//! that is loaded is the same store.

use std::path::Path;
use std::sync::Arc;

use _native::config::{CoreConfig, SpaceConfig};
use _native::core::Core;
use _native::store::{Engine, Lmdb, Memory, Mutations, Options, Table, dump, keys, records};
use _native::tools;
use _native::wire::storage::{
    BodyRecord, ChangeRecord, RedirectRecord, RequestRecord, SpaceRecord,
};
use _native::wire::v1::explain_decision_request::Decision;
use _native::wire::v1::{
    EraseMemberRequest, ExplainDecisionRequest, ExplainDecisionResponse, GetErasureRequest,
    ListHeadsRequest, ListMergesRequest, ListOriginsRequest, MatchKeys, MemberChange, MemberKey,
    MergeHeadRule, MergeMembersResponse, ResetPolicyRequest, SetMemberBatchRequest,
    SetMemberRequest, SimulatePolicyRequest, Space, UnmergeMembersRequest, UnmergeMembersResponse,
    UpdatePolicyRequest, WriteOptions,
};
use prost::Message;

use crate::random::{Random, seeds};
use crate::random_imports::{import_messages, run_import};
use crate::requests;
use crate::support::{
    ATTACH_HEAD, DEFINE_ORIGIN, DELETE_MEMBERS, DELETE_ORIGIN, DETACH_HEAD, ERASE_MEMBER,
    EXPLAIN_DECISION, FIND_MEMBERS, GET_DATASET, GET_ERASURE, GET_MEMBER, LIST_HEADS, LIST_MERGES,
    LIST_ORIGINS, MEMBERS_EXIST, MERGE_MEMBERS, NORMALIZE, OTHER_SPACE, RECORD_HEAD_EVENTS,
    REPLACE_HEAD, RESET_POLICY, RESOLVE, RESOLVE_BATCH, RESTORE_MEMBER, SET_MEMBER,
    SET_MEMBER_BATCH, SIMULATE_POLICY, SPACE, TestClock, UNMERGE_MEMBERS, UPDATE_POLICY, config_of,
    core_with, described, entries, field, space_config,
};

type Entry = (Table, Vec<u8>, Vec<u8>);

/// How many sequences are tried, and how many requests each has.
const SEQUENCES: u64 = 12;
const REQUESTS: usize = 300;

/// More than all members and than all identifiers of a sequence.
const NUMBERS_MAX: u64 = 300;

/// Seconds by which the clock moves: within the day of a request id, over it, over the month of an
/// import.
const STEPS_SECONDS: [i64; 4] = [1, 3_600, 90_000, 31 * 86_400];

fn fields_config() -> CoreConfig {
    let first = SpaceConfig {
        fields: vec![
            field("crm.id", "string", true),
            field("age", "int", false),
            field("tags", "tags", false),
        ],
        ..space_config(SPACE)
    };
    let second = SpaceConfig {
        phone_rule: "possible".to_owned(),
        default_region: String::new(),
        fields: vec![field("crm.id", "string", false), field("age", "int", true)],
        ..space_config(OTHER_SPACE)
    };
    config_of(vec![first, second])
}

/// One core on each engine, and what both answer.
struct Pair {
    clock: TestClock,
    memory: (Arc<Core>, Arc<dyn Engine>),
    lmdb: (Arc<Core>, Arc<dyn Engine>),
    /// Repeated now and then, as a client does that has lost an answer.
    last_change: MemberChange,
    answers: usize,
    refusals: usize,
    /// Merges that were made and undone at once.
    merges: usize,
    /// Members that were erased.
    erasures: usize,
}

impl Pair {
    fn open(directory: &Path) -> Self {
        let options = Options {
            path: directory.to_owned(),
            map_bytes_initial: 1 << 16,
            map_bytes_max: 1 << 30,
            readers_max: 16,
        };
        let clock = TestClock::new();
        let core = |engine: Arc<dyn Engine>| (core_with(&engine, &fields_config(), &clock), engine);
        let memory = core(Arc::new(Memory::default()));
        let lmdb = core(Arc::new(Lmdb::open(&options).expect("a new directory")));
        let last_change = MemberChange::default();
        Self { clock, memory, lmdb, last_change, answers: 0, refusals: 0, merges: 0, erasures: 0 }
    }

    /// Does the same to both and compares what comes of it.
    fn both<T: PartialEq + std::fmt::Debug>(
        &mut self,
        work: impl Fn(&Arc<Core>, &dyn Engine) -> Result<T, String>,
    ) -> Option<T> {
        let expected = work(&self.memory.0, self.memory.1.as_ref());
        let actual = work(&self.lmdb.0, self.lmdb.1.as_ref());
        assert_eq!(actual, expected, "LMDB on the left, memory on the right");
        *(if expected.is_ok() { &mut self.answers } else { &mut self.refusals }) += 1;
        expected.ok()
    }

    fn call(&mut self, method: &str, request: &impl Message) -> Option<Vec<u8>> {
        self.call_bytes(method, request.encode_to_vec())
    }

    fn call_bytes(&mut self, method: &str, request: Vec<u8>) -> Option<Vec<u8>> {
        let request = bytes::Bytes::from(request);
        self.both(|core, _| {
            core.call(method, request.clone(), None).map_err(|fault| {
                assert_ne!(described(&fault), "INTERNAL", "{method} {}", fault.cause);
                format!("{fault:?}")
            })
        })
    }

    /// A write; seldom it is validated first, which must answer the same and write nothing.
    fn write<M: Message>(
        &mut self,
        random: &mut Random,
        method: &str,
        request: impl Fn(bool) -> M,
    ) {
        let validated = random.once_in(4).then(|| {
            let before = entries(self.memory.1.as_ref());
            let answer = self.call(method, &request(true));
            assert_eq!(entries(self.memory.1.as_ref()), before, "validate_only writes nothing");
            answer
        });
        let answer = self.call(method, &request(false));
        if let Some(validated) = validated {
            assert_eq!(validated, answer, "validate_only of {method} answers in full");
        }
    }

    fn import(&mut self, random: &mut Random) {
        let messages = import_messages(random);
        let before = if random.once_in(4) { random.below(4) as u64 } else { 0 };
        self.both(|core, _| run_import(core, &messages, before));
    }

    /// Writes what a merge of the next issue will leave behind: a number that leads elsewhere.
    fn redirect(&mut self, random: &mut Random) {
        let to = random.below(6) as u64;
        self.both(|_, engine| redirect(engine, to).map_err(|error| error.to_string()));
    }

    /// One of the operations on heads and members; validated first now and then.
    fn operate(&mut self, random: &mut Random) {
        macro_rules! operate {
            ($method:expr, $request:expr) => {{
                let request = $request;
                self.write(random, $method, |validate_only| {
                    let mut request = request.clone();
                    request.options.get_or_insert_default().validate_only = validate_only;
                    request
                });
            }};
        }
        match random.below(14) {
            8..=10 => operate!(RECORD_HEAD_EVENTS, requests::record_events(random)),
            11 => operate!(DEFINE_ORIGIN, requests::define_origin(random)),
            12 => operate!(DELETE_ORIGIN, requests::delete_origin(random)),
            13 => {
                operate!(ERASE_MEMBER, requests::erase(random));
                self.settle(random);
            }
            6 => operate!(DELETE_MEMBERS, requests::delete(random)),
            7 => operate!(RESTORE_MEMBER, requests::restore(random)),
            0 => operate!(ATTACH_HEAD, requests::attach_head(random)),
            1 => operate!(DETACH_HEAD, requests::detach_head(random)),
            2 => operate!(REPLACE_HEAD, requests::replace_head(random)),
            3 => operate!(MERGE_MEMBERS, requests::merge(random)),
            4 => {
                let latest = usize::try_from(revision(self)).expect("few revisions");
                let merge_id = latest.saturating_sub(random.below(30)) as u64;
                operate!(UNMERGE_MEMBERS, requests::unmerge(random, merge_id));
            }
            _ => self.merge_and_back(random),
        }
    }

    /// Lets both go on until nothing is left to do, so that what follows finds the same in both,
    /// and reads what came of an erasure.
    fn settle(&mut self, random: &mut Random) {
        self.memory.0.upkeep().settle();
        self.lmdb.0.upkeep().settle();
        let latest = usize::try_from(revision(self)).expect("few revisions");
        let erasure_id = latest.saturating_sub(random.below(3)) as u64;
        let space = requests::space(random);
        let request = GetErasureRequest { space, erasure_id, min_revision: 0 };
        self.erasures += usize::from(self.call(GET_ERASURE, &request).is_some());
    }

    /// Undoing a merge at once leaves the members as they were.
    fn merge_and_back(&mut self, random: &mut Random) {
        let mut request = requests::merge(random);
        request.space = Some(SPACE);
        request.options = None;
        // By number, so that most are of members that live.
        let number = |random: &mut Random| {
            Some(MatchKeys { contact_id: Some(1 + random.below(6) as u64), ..Default::default() })
        };
        request.source = number(random);
        if request.head_rule != MergeHeadRule::Replace as i32 {
            request.receiver = number(random);
        }
        let before = identities(self.memory.1.as_ref());
        let Some(answer) = self.call(MERGE_MEMBERS, &request) else { return };
        let answer = MergeMembersResponse::decode(answer.as_slice()).expect("an answer");
        let merge_id = answer.outcome.expect("an outcome").merge_id;
        let undo = UnmergeMembersRequest { space: Some(SPACE), merge_id, options: None };
        let Some(undone) = self.call(UNMERGE_MEMBERS, &undo) else {
            // Two members who shared a value of a unique field may not share it again.
            assert!(has_failed_field(self.memory.1.as_ref()), "a merge can be undone");
            return;
        };
        let undone = UnmergeMembersResponse::decode(undone.as_slice()).expect("an answer");
        assert_eq!(undone.outcome.expect("an outcome").conflicts, Vec::new());
        let after = identities(self.memory.1.as_ref());
        let only = |ours: &[Entry], theirs: &[Entry]| -> Vec<Entry> {
            ours.iter().filter(|entry| !theirs.contains(entry)).cloned().collect()
        };
        assert_eq!(only(&after, &before), only(&before, &after), "{request:?}");
        self.merges += 1;
        let again = self.call(UNMERGE_MEMBERS, &undo);
        assert_eq!(again, None, "a merge is undone once");
    }

    /// Another policy, or that of the configuration; seldom what it would do. Both cores build
    /// their indexes to the end, which they do at moments of their own.
    fn govern(&mut self, random: &mut Random) {
        let space = requests::space(random);
        let policy = Some(requests::space_policy(random));
        match random.below(4) {
            0 => {
                let request = SimulatePolicyRequest { space, policy, ..Default::default() };
                self.call(SIMULATE_POLICY, &request);
            }
            1 => self.write(random, RESET_POLICY, |validate_only| ResetPolicyRequest {
                space,
                options: Some(WriteOptions { validate_only, ..Default::default() }),
                ..Default::default()
            }),
            _ => self.write(random, UPDATE_POLICY, |validate_only| UpdatePolicyRequest {
                space,
                policy: policy.clone(),
                options: Some(WriteOptions { validate_only, ..Default::default() }),
                ..Default::default()
            }),
        }
        self.memory.0.upkeep().settle();
        self.lmdb.0.upkeep().settle();
    }

    fn step(&mut self, random: &mut Random) {
        let random = &mut *random;
        match random.below(34) {
            0..=7 => {
                let space = requests::space(random);
                if !random.once_in(6) {
                    self.last_change = requests::change(random);
                }
                let change = self.last_change.clone();
                if change.request_id.is_empty() && random.once_in(3) {
                    return self.explained_write(space, &change);
                }
                self.write(random, SET_MEMBER, |validate_only| SetMemberRequest {
                    space,
                    change: Some(change.clone()),
                    validate_only,
                });
            }
            8..=10 => {
                let space = requests::space(random);
                let changes: Vec<MemberChange> =
                    requests::at_least_one(random, 6, requests::change);
                self.write(random, SET_MEMBER_BATCH, |validate_only| SetMemberBatchRequest {
                    space,
                    changes: changes.clone(),
                    validate_only,
                    ..Default::default()
                });
            }
            11 | 12 => self.import(random),
            13 => self.redirect(random),
            14 => self.clock.advance(*random.pick(&STEPS_SECONDS)),
            24..=28 | 30 | 31 => self.operate(random),
            33 => self.govern(random),
            29 => {
                let contact_id = random.below(12) as u64;
                let space = requests::space(random);
                let request = ListMergesRequest { space, contact_id, ..Default::default() };
                self.call(LIST_MERGES, &request);
                let keys = Some(requests::keys(random));
                self.call(LIST_HEADS, &ListHeadsRequest { space, keys, ..Default::default() });
                self.call(LIST_ORIGINS, &ListOriginsRequest { space });
            }
            32 => self.explain(random),
            15 => drop(self.call(RESOLVE_BATCH, &requests::resolve_batch(random))),
            16 => drop(self.call(NORMALIZE, &requests::normalize(random))),
            17 | 18 => drop(self.call(GET_MEMBER, &requests::get_member(random))),
            19 => drop(self.call(GET_DATASET, &requests::get_dataset(random))),
            20 => drop(self.call(MEMBERS_EXIST, &requests::members_exist(random))),
            21 => drop(self.call(FIND_MEMBERS, &requests::find_members(random))),
            22 => {
                let mut garbage = requests::resolve(random).encode_to_vec();
                let at = random.below(garbage.len() + 1);
                garbage.insert(at, u8::try_from(random.below(256)).expect("a byte"));
                self.call_bytes(RESOLVE, garbage);
            }
            _ => drop(self.call(RESOLVE, &requests::resolve(random))),
        }
    }

    /// What a change is said to do beforehand is what it does.
    fn explained_write(&mut self, space: Option<Space>, change: &MemberChange) {
        let decision = Some(Decision::Change(change.clone()));
        let planned = self.call(EXPLAIN_DECISION, &ExplainDecisionRequest { space, decision });
        let change = Some(change.clone());
        let request = SetMemberRequest { space, change, validate_only: false };
        let done = self.call(SET_MEMBER, &request);
        let Some(planned) = planned else {
            return assert_eq!(done, None, "what cannot be explained is refused");
        };
        let planned = ExplainDecisionResponse::decode(planned.as_slice()).expect("an answer");
        assert_eq!(planned.fault.is_none(), done.is_some(), "{planned:?}");
        for would_be in planned.changes {
            let decision = Some(Decision::Revision(would_be.revision));
            let was = self.call(EXPLAIN_DECISION, &ExplainDecisionRequest { space, decision });
            let was = was.expect("the change was made");
            let was = ExplainDecisionResponse::decode(was.as_slice()).expect("an answer");
            assert_eq!(was.changes, [would_be]);
        }
    }

    /// Explains what may have been, in any space.
    fn explain(&mut self, random: &mut Random) {
        let latest = usize::try_from(revision(self)).expect("few revisions");
        let decision = Some(match random.below(3) {
            0 => Decision::RequestId(requests::request_id(random)),
            _ => Decision::Revision(random.below(latest + 2) as u64),
        });
        let space = requests::space(random);
        self.call(EXPLAIN_DECISION, &ExplainDecisionRequest { space, decision });
    }

    /// Erases everybody and every identifier; then nothing is left of anybody.
    fn erase_everybody(&mut self) {
        use _native::wire::v1::member_key::Key;
        const EMPTY: [Table; 8] = [
            Table::Addresses,
            Table::Heads,
            Table::Bodies,
            Table::Fields,
            Table::Merges,
            Table::MemberMerges,
            Table::Trash,
            Table::GroupHeads,
        ];
        for space in [SPACE, OTHER_SPACE] {
            let of_contacts = (1..NUMBERS_MAX).map(Key::ContactId);
            for key in of_contacts.chain((1..NUMBERS_MAX).map(Key::HeadId)) {
                let member = Some(MemberKey { key: Some(key) });
                let request = EraseMemberRequest { space: Some(space), member, options: None };
                if self.call(ERASE_MEMBER, &request).is_some() {
                    // Which erasures share a task would differ.
                    self.memory.0.upkeep().settle();
                    self.lmdb.0.upkeep().settle();
                }
            }
        }
        for (table, _, value) in entries(self.memory.1.as_ref()) {
            assert!(!EMPTY.contains(&table), "something is left in {}", table.name());
            match table {
                Table::Changes => {
                    let segment = records::decode(table, &value).expect("a segment");
                    let list = records::unpack_changes(&segment).expect("a list");
                    for change in list.changes {
                        let bare = ChangeRecord {
                            dataset_id: change.dataset_id,
                            version: change.version,
                            origin: change.origin,
                            merge_id: change.merge_id,
                            successor_dataset_id: change.successor_dataset_id,
                            erased: true,
                            ..Default::default()
                        };
                        assert_eq!(change, bare);
                    }
                }
                Table::Requests => {
                    let request: RequestRecord = records::decode(table, &value).expect("a record");
                    assert!(request.erased || request.dataset_ids.is_empty(), "{request:?}");
                }
                _ => {}
            }
        }
    }

    /// Closes both and compares everything they hold.
    fn finish(self, directory: &Path, store: &Path) {
        let (memory, lmdb) = (self.memory.1, self.lmdb.1);
        self.memory.0.close();
        self.lmdb.0.close();
        drop((self.memory.0, self.lmdb.0));
        assert_eq!(entries(lmdb.as_ref()), entries(memory.as_ref()), "every table");
        drop(lmdb);
        let report = tools::fsck(store, &mut |_, _| {}).expect("the store is closed");
        assert_eq!(report.problems, Vec::<String>::new());
        let (first, second) = (directory.join("first"), directory.join("second"));
        let copy = directory.join("copy");
        tools::dump(store, &first, &mut |_, _| {}).expect("a new file");
        tools::load(&first, &copy, &mut |_, _| {}).expect("a good dump");
        tools::dump(&copy, &second, &mut |_, _| {}).expect("a new file");
        let dumped = std::fs::read(&first).expect("a file");
        assert!(dumped == std::fs::read(&second).expect("a file"), "a dump of a loaded dump");
        let mut from_memory = Vec::new();
        dump::dump(memory.as_ref(), &mut from_memory, &mut |_, _| {}).expect("memory reads");
        assert!(dumped == from_memory, "a dump of the other engine");
    }
}

/// Gives out a number of the first space that leads to `to`, if that was given out.
fn redirect(engine: &dyn Engine, to: u64) -> _native::store::StoreResult<bool> {
    let key = keys::owned(|key| keys::space(key, SPACE.account_id, SPACE.db_id));
    let mut written = false;
    engine.write(&mut |snapshot| {
        let mut mutations = Mutations::default();
        let mut space: SpaceRecord =
            records::get(snapshot, Table::Spaces, &key)?.expect("the space is registered");
        written = (1..space.next_dataset_id).contains(&to);
        if written {
            let from = keys::owned(|key| keys::redirect(key, space.number, space.next_dataset_id));
            space.next_dataset_id += 1;
            let record = RedirectRecord { to_dataset_id: to, erasure_id: 0 };
            mutations.put(Table::Redirects, &from, &records::encode(&record));
            mutations.put(Table::Spaces, &key, &records::encode(&space));
        }
        Ok(mutations)
    })?;
    Ok(written)
}

fn revision(pair: &Pair) -> u64 {
    tools::check(pair.memory.1.as_ref(), &mut |_, _| {}).expect("memory reads").revision
}

/// Whether two members share a value of a field that was declared unique.
fn has_failed_field(engine: &dyn Engine) -> bool {
    let spaces = entries(engine).into_iter().filter(|entry| entry.0 == Table::Spaces);
    let builds = spaces.flat_map(|(table, _, value)| {
        records::decode::<SpaceRecord>(table, &value).expect("a space").builds
    });
    builds.into_iter().any(|build| build.conflicts_total > 0)
}

/// Runs one sequence; answers how many merges were made and undone at once, and how many erasures
/// were read.
fn check(seed: u64) -> (usize, usize) {
    // Shown where the test fails.
    println!("ZMEY_TEST_SEED={seed}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = directory.path().join("store");
    let mut random = Random::new(seed);
    let mut pair = Pair::open(&store);
    (0..REQUESTS).for_each(|_| pair.step(&mut random));
    // A sequence that hardly writes or is never refused would prove little.
    assert!(pair.answers > REQUESTS / 4, "{} answers", pair.answers);
    assert!(pair.refusals > REQUESTS / 10, "{} refusals", pair.refusals);
    assert!(revision(&pair) > 10, "{} revisions", revision(&pair));
    let proved = (pair.merges, pair.erasures);
    pair.erase_everybody();
    pair.finish(directory.path(), &store);
    proved
}

/// Who has which identifiers and data: everything but versions, times and history.
fn identities(engine: &dyn Engine) -> Vec<Entry> {
    const TABLES: [Table; 5] =
        [Table::Addresses, Table::Heads, Table::Bodies, Table::Redirects, Table::Fields];
    let entries = entries(engine).into_iter().filter(|entry| TABLES.contains(&entry.0));
    let timeless = entries.map(|(table, key, value)| {
        if table != Table::Bodies {
            return (table, key, value);
        }
        let body: BodyRecord = records::decode(table, &value).expect("a body");
        let kept = BodyRecord {
            data: body.data,
            head_ids: body.head_ids,
            head_types: body.head_types,
            create: body.create,
            ..Default::default()
        };
        (table, key, records::encode(&kept))
    });
    timeless.collect()
}

#[test]
fn any_sequence_of_requests_is_the_same_on_both_engines() {
    let seeds = seeds(SEQUENCES);
    let proved: Vec<(usize, usize)> = seeds.iter().map(|&seed| check(seed)).collect();
    // One sequence alone may have no two members to merge, and nobody to erase.
    let alone = seeds.len() == 1;
    assert!(alone || proved.iter().any(|(merges, _)| *merges > 0), "no merge was undone");
    assert!(alone || proved.iter().any(|(_, erasures)| *erasures > 0), "nobody was erased");
}
