//! Every method with any bytes, several calls on one core: decoding and handling never panic, no
//! answer is INTERNAL, and the indexes are right afterwards.

use _native::service::METHODS;
use _native::wire::v1::{
    AddressType, FindMembersRequest, GetDatasetRequest, GetMemberRequest, HeadAttach, MemberChange,
    MembersExistRequest, NormalizeRequest, ResolveBatchRequest, ResolveRequest,
    SetMemberBatchRequest, SetMemberRequest,
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
        }],
        ..fixture::change()
    };
    let changes = vec![fixture::change(), MemberChange { request_id: String::new(), ..other }];
    let batch = SetMemberBatchRequest { space: Some(SPACE), changes, validate_only: false };
    let first = (tag_of("SetMemberBatch"), batch.encode_to_vec());
    let pair = |call| frames::join(&[first.clone(), call]);
    calls().into_iter().map(pair).collect()
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
        call("Normalize", encode(&NormalizeRequest { space, addresses })),
        call(
            "ResolveBatch",
            encode(&ResolveBatchRequest { space, items, explain: true, ..Default::default() }),
        ),
        call("Resolve", encode(&ResolveRequest { space, keys, policy, ..Default::default() })),
    ]
}

fn encode(request: &impl Message) -> Vec<u8> {
    request.encode_to_vec()
}

/// The tag that chooses a method.
pub fn tag_of(name: &str) -> u8 {
    let position = METHODS.iter().position(|(method, _)| method.ends_with(&format!("/{name}")));
    u8::try_from(position.expect("a method of the contract")).expect("methods are few")
}
