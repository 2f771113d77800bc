//! Every method with any bytes, several calls on one core: decoding and handling never panic, no
//! answer is INTERNAL, and the indexes are right afterwards.

use _native::service::METHODS;
use _native::wire::v1::{
    AddressType, AttachHeadRequest, DataRule, DatakeyRule, DefineOriginRequest,
    DeleteMembersRequest, DeleteOriginRequest, DetachHeadRequest, EraseMemberRequest,
    FindMembersRequest, GetDatasetRequest, GetErasureRequest, GetMemberRequest, HeadAttach,
    HeadDeliveryFailed, HeadEvent, HeadKey, HeadRule, HeadStop, ListHeadsRequest,
    ListMergesRequest, ListOriginsRequest, MemberChange, MemberKey, MembersExistRequest,
    MergeMembersRequest, NormalizeRequest, RecordHeadEventsRequest, ReplaceHeadRequest,
    ResolveBatchRequest, ResolveRequest, RestoreMemberRequest, SetMemberBatchRequest,
    SetMemberRequest, UnmergeMembersRequest, WriteOptions, head_event, head_key, member_key,
};
use bytes::Bytes;
use prost::Message;

use super::fixture::{self, SPACE, assert_clean, assert_not_internal};
use super::frames;

/// Each message is a call; its tag chooses the method.
pub fn run(data: &[u8]) {
    let (core, engine) = fixture::core();
    for (tag, request) in frames::split(data) {
        let (method, _) = METHODS[usize::from(tag) % METHODS.len()];
        match core.call(method, Bytes::copy_from_slice(request), None) {
            Ok(_) => {}
            Err(fault) => assert_not_internal(&fault),
        }
    }
    core.close();
    assert_clean(engine.as_ref());
}

/// A call of each method after two members were made.
pub fn seeds() -> Vec<Vec<u8>> {
    let other = MemberChange {
        keys: Some(fixture::email_keys("boris@example.com")),
        heads: vec![HeadAttach {
            head: Some(fixture::address(AddressType::Tg, "-100500")),
            newbie_confirm: true,
            head_rule: Some(HeadRule { newbie: 4, single: 5, multi: 6 }),
            data_rule: Some(data_rule()),
            resource_id: None,
        }],
        ..fixture::change()
    };
    let changes = vec![fixture::change(), MemberChange { request_id: String::new(), ..other }];
    let batch = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
    let first = (tag_of("SetMemberBatch"), batch.encode_to_vec());
    let pair = |call| frames::join(&[first.clone(), call]);
    calls().into_iter().chain(operations()).chain(states()).map(pair).collect()
}

fn calls() -> Vec<(u8, Vec<u8>)> {
    let space = Some(SPACE);
    let (keys, policy) = (Some(fixture::keys()), Some(fixture::policy()));
    let items = vec![fixture::keys(), fixture::email_keys("anna@example.com")];
    let addresses = fixture::keys().locators;
    let datakeys: Vec<String> =
        ["*", "a.*", "tags[*]", "member", "-group"].map(String::from).into();
    let change = Some(MemberChange { keys: keys.clone(), ..fixture::change() });
    let call = |name: &str, request: Vec<u8>| (tag_of(name), request);
    vec![
        call("SetMember", encode(&SetMemberRequest { space, change, validate_only: true })),
        call(
            "GetMember",
            encode(&GetMemberRequest {
                space,
                keys: keys.clone(),
                datakeys: datakeys.clone(),
                with_heads: true,
                missing_too: true,
                with_stoplist: 2,
                ..Default::default()
            }),
        ),
        call(
            "GetDataset",
            encode(&GetDatasetRequest { space, dataset_id: 1, datakeys, min_revision: 1 }),
        ),
        call(
            "MembersExist",
            encode(&MembersExistRequest { space, addresses: addresses.clone(), min_revision: 0 }),
        ),
        call(
            "FindMembers",
            encode(&FindMembersRequest { space, value: "+79123456789".into(), min_revision: 0 }),
        ),
        call(
            "DeleteMembers",
            encode(&DeleteMembersRequest {
                space,
                members: vec![member()],
                wipe: true,
                options: Some(WriteOptions { request_id: "d".to_owned(), ..Default::default() }),
            }),
        ),
        call(
            "RestoreMember",
            encode(&RestoreMemberRequest { space, member: Some(member()), options: None }),
        ),
        call(
            "EraseMember",
            encode(&EraseMemberRequest { space, member: Some(member()), options: None }),
        ),
        call("GetErasure", encode(&GetErasureRequest { space, erasure_id: 4, min_revision: 0 })),
        call("Normalize", encode(&NormalizeRequest { space, addresses })),
        call(
            "ResolveBatch",
            encode(&ResolveBatchRequest { space, items, explain: true, ..Default::default() }),
        ),
        call("Resolve", encode(&ResolveRequest { space, keys, policy, ..Default::default() })),
    ]
}

/// The calls that change heads and members as a whole, and what lists them.
fn operations() -> Vec<(u8, Vec<u8>)> {
    let (space, keys) = (Some(SPACE), Some(fixture::keys()));
    let call = |name: &str, request: Vec<u8>| (tag_of(name), request);
    vec![
        call(
            "ListHeads",
            encode(&ListHeadsRequest { space, keys: keys.clone(), ..Default::default() }),
        ),
        call(
            "AttachHead",
            encode(&AttachHeadRequest {
                space,
                keys: keys.clone(),
                head: Some(fixture::address(AddressType::Max, "55")),
                origin: 3,
                newbie_confirm: true,
                options: Some(options()),
                ..Default::default()
            }),
        ),
        call(
            "DetachHead",
            encode(&DetachHeadRequest {
                space,
                head: Some(head()),
                split: true,
                options: Some(options()),
            }),
        ),
        call(
            "ReplaceHead",
            encode(&ReplaceHeadRequest {
                space,
                current: Some(head()),
                head: Some(fixture::address(AddressType::Max, "55")),
                ..Default::default()
            }),
        ),
        call(
            "MergeMembers",
            encode(&MergeMembersRequest {
                space,
                receiver: Some(fixture::email_keys("anna@example.com")),
                source: Some(fixture::email_keys("boris@example.com")),
                head_rule: 4,
                data_rule: Some(data_rule()),
                return_fresh: true,
                options: Some(options()),
                ..Default::default()
            }),
        ),
        call(
            "UnmergeMembers",
            encode(&UnmergeMembersRequest { space, merge_id: 3, ..Default::default() }),
        ),
        call(
            "ListMerges",
            encode(&ListMergesRequest { space, contact_id: 1, page_size: 2, ..Default::default() }),
        ),
    ]
}

/// The calls about what heads hold and where they came from.
fn states() -> Vec<(u8, Vec<u8>)> {
    let space = Some(SPACE);
    let failure = HeadDeliveryFailed { text: "full".to_owned(), issue: 1, letter: 2, fatal: true };
    let stop = HeadStop { sender: "news@example.com".to_owned() };
    let events = [
        (head(), head_event::Event::DeliveryFailed(failure)),
        (new_head(), head_event::Event::Unsubscribed(stop)),
    ];
    let event = |(head, event)| HeadEvent {
        head: Some(head),
        time_seconds: 1,
        source: "192.0.2.1".to_owned(),
        event: Some(event),
    };
    let events = events.into_iter().map(event).collect();
    let label = "shop".to_owned();
    vec![
        (
            tag_of("RecordHeadEvents"),
            encode(&RecordHeadEventsRequest { space, events, options: None }),
        ),
        (
            tag_of("DefineOrigin"),
            encode(&DefineOriginRequest { space, number: 3, label, options: None }),
        ),
        (tag_of("ListOrigins"), encode(&ListOriginsRequest { space })),
        (
            tag_of("DeleteOrigin"),
            encode(&DeleteOriginRequest { space, number: 3, options: Some(options()) }),
        ),
    ]
}

fn options() -> WriteOptions {
    WriteOptions {
        source: "192.0.2.1".to_owned(),
        expected_version: Some(1),
        request_id: "r-9".to_owned(),
        validate_only: true,
    }
}

fn member() -> MemberKey {
    let anna = fixture::address(AddressType::Email, "anna@example.com");
    MemberKey { key: Some(member_key::Key::Address(anna)) }
}

/// An identifier that was never seen.
fn new_head() -> HeadKey {
    let carl = fixture::address(AddressType::Email, "carl@example.com");
    HeadKey { key: Some(head_key::Key::Address(carl)) }
}

fn head() -> HeadKey {
    HeadKey { key: Some(head_key::Key::HeadId(2)) }
}

/// A rule with every mode that changes something.
fn data_rule() -> DataRule {
    let key = DatakeyRule { path: "a.b".to_owned(), mode: 5 };
    DataRule { level: Some(1), has_miss: 3, has_has: 4, miss_has: 2, keys: vec![key] }
}

fn encode(request: &impl Message) -> Vec<u8> {
    request.encode_to_vec()
}

/// The tag that chooses a method.
pub fn tag_of(name: &str) -> u8 {
    let position = METHODS.iter().position(|(method, _)| method.ends_with(&format!("/{name}")));
    u8::try_from(position.expect("a method of the contract")).expect("methods are few")
}
