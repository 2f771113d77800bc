//! The methods of the contract: decode, work, encode.

mod admin_service;
mod deleting;
mod explaining;
mod express_service;
mod head_service;
mod job_service;
mod limits;
mod match_service;
mod member_service;
mod merging;
mod mutation;
mod origin_service;
mod reading;
mod recording;

pub use limits::check_items;

use std::time::Instant;

use bytes::Bytes;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::service::mutation::Request;
use crate::wire::{decode, encode, v1};

/// A unary method: answers an encoded request.
pub type Method = fn(&Core, Bytes, Option<Instant>) -> Result<Vec<u8>>;

/// Every unary method by its full name.
pub const METHODS: [(&str, Method); 35] = [
    ("/zmey.v1.AdminService/ListSpaces", |core, request, _| {
        answer(request, |_: v1::ListSpacesRequest| admin_service::list_spaces(core))
    }),
    ("/zmey.v1.AdminService/GetPolicy", |core, request, _| {
        answer(request, |request| admin_service::get_policy(core, &request))
    }),
    ("/zmey.v1.AdminService/UpdatePolicy", |core, request, deadline| {
        change(request, |request| admin_service::update_policy(core, request, deadline))
    }),
    ("/zmey.v1.AdminService/ResetPolicy", |core, request, deadline| {
        change(request, |request| admin_service::reset_policy(core, request, deadline))
    }),
    ("/zmey.v1.AdminService/SimulatePolicy", |core, request, deadline| {
        answer(request, |request| admin_service::simulate_policy(core, &request, deadline))
    }),
    ("/zmey.v1.ExpressService/ListExpressLists", |core, request, _| {
        answer(request, |request| express_service::list_express_lists(core, &request))
    }),
    ("/zmey.v1.ExpressService/GetExpressList", |core, request, _| {
        answer(request, |request| express_service::get_express_list(core, &request))
    }),
    ("/zmey.v1.ExpressService/ReadExpressList", |core, request, deadline| {
        answer(request, |request| express_service::read_express_list(core, &request, deadline))
    }),
    ("/zmey.v1.ExpressService/CleanExpressList", |core, request, deadline| {
        answer(request, |request| express_service::clean_express_list(core, &request, deadline))
    }),
    ("/zmey.v1.ExpressService/DeleteExpressList", |core, request, deadline| {
        answer(request, |request| express_service::delete_express_list(core, &request, deadline))
    }),
    ("/zmey.v1.HeadService/ListHeads", |core, request, _| {
        answer(request, |request| head_service::list_heads(core, &request))
    }),
    ("/zmey.v1.HeadService/AttachHead", |core, request, deadline| {
        change(request, |request| head_service::attach_head(core, request, deadline))
    }),
    ("/zmey.v1.HeadService/DetachHead", |core, request, deadline| {
        change(request, |request| head_service::detach_head(core, request, deadline))
    }),
    ("/zmey.v1.HeadService/ReplaceHead", |core, request, deadline| {
        change(request, |request| head_service::replace_head(core, request, deadline))
    }),
    ("/zmey.v1.HeadService/RecordHeadEvents", |core, request, deadline| {
        change(request, |request| recording::record_head_events(core, request, deadline))
    }),
    ("/zmey.v1.MatchService/Resolve", |core, request, _| {
        answer(request, |request| match_service::resolve(core, request))
    }),
    ("/zmey.v1.MatchService/ResolveBatch", |core, request, _| {
        answer(request, |request| match_service::resolve_batch(core, &request))
    }),
    ("/zmey.v1.MatchService/ExplainDecision", |core, request, _| {
        answer(request, |request| explaining::explain_decision(core, request))
    }),
    ("/zmey.v1.MatchService/Normalize", |core, request, _| {
        answer(request, |request| match_service::normalize(core, &request))
    }),
    ("/zmey.v1.MemberService/SetMember", |core, request, deadline| {
        let bytes = request.len();
        answer(request, |request| member_service::set_member(core, request, bytes, deadline))
    }),
    ("/zmey.v1.MemberService/SetMemberBatch", |core, request, deadline| {
        let bytes = request.len();
        answer(request, |request| member_service::set_member_batch(core, &request, bytes, deadline))
    }),
    ("/zmey.v1.MemberService/GetMember", |core, request, _| {
        answer(request, |request| member_service::get_member(core, &request))
    }),
    ("/zmey.v1.MemberService/GetDataset", |core, request, _| {
        answer(request, |request| member_service::get_dataset(core, &request))
    }),
    ("/zmey.v1.MemberService/MembersExist", |core, request, _| {
        answer(request, |request| member_service::members_exist(core, &request))
    }),
    ("/zmey.v1.MemberService/FindMembers", |core, request, _| {
        answer(request, |request| member_service::find_members(core, &request))
    }),
    ("/zmey.v1.MemberService/MergeMembers", |core, request, deadline| {
        change(request, |request| merging::merge_members(core, request, deadline))
    }),
    ("/zmey.v1.MemberService/UnmergeMembers", |core, request, deadline| {
        change(request, |request| merging::unmerge_members(core, request, deadline))
    }),
    ("/zmey.v1.MemberService/DeleteMembers", |core, request, deadline| {
        change(request, |request| deleting::delete_members(core, request, deadline))
    }),
    ("/zmey.v1.MemberService/RestoreMember", |core, request, deadline| {
        change(request, |request| deleting::restore_member(core, request, deadline))
    }),
    ("/zmey.v1.MemberService/EraseMember", |core, request, deadline| {
        change(request, |request| deleting::erase_member(core, request, deadline))
    }),
    ("/zmey.v1.MemberService/GetErasure", |core, request, _| {
        answer(request, |request| deleting::get_erasure(core, &request))
    }),
    ("/zmey.v1.MemberService/ListMerges", |core, request, _| {
        answer(request, |request| merging::list_merges(core, &request))
    }),
    ("/zmey.v1.OriginService/DefineOrigin", |core, request, deadline| {
        change(request, |request| origin_service::define_origin(core, request, deadline))
    }),
    ("/zmey.v1.OriginService/ListOrigins", |core, request, _| {
        answer(request, |request| origin_service::list_origins(core, &request))
    }),
    ("/zmey.v1.OriginService/DeleteOrigin", |core, request, deadline| {
        change(request, |request| origin_service::delete_origin(core, request, deadline))
    }),
];

/// The method of a name, those included that only the process of the server calls.
pub fn method(name: &str) -> Result<Method> {
    let mut known = METHODS.iter().chain(&job_service::METHODS);
    known.find(|(known, _)| *known == name).map(|&(_, method)| method).ok_or_else(|| {
        Fault::new(v1::ErrorReason::MethodUnknown, "The server does not have this method.")
            .with("method", name)
    })
}

/// The one way from request bytes to answer bytes.
fn answer<Q: prost::Message + Default, A: prost::Message>(
    request: Bytes,
    work: impl FnOnce(Q) -> Result<A>,
) -> Result<Vec<u8>> {
    Ok(encode(&work(decode(request)?)?))
}

/// The same for a request that changes members.
fn change<Q: prost::Message + Default, A: prost::Message>(
    request: Bytes,
    work: impl FnOnce(&Request<Q>) -> Result<A>,
) -> Result<Vec<u8>> {
    let bytes = request.len();
    Ok(encode(&work(&Request { message: decode(request)?, bytes })?))
}
