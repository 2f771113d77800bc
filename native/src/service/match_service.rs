//! `MatchService`: who somebody is.

use std::sync::Arc;

use crate::core::Core;
use crate::fault::{Failure, Fault, Result};
use crate::matching::decide::{Keys, Purpose};
use crate::matching::{AddressBook, Decision, Policy, Probe, decide, prepare, report};
use crate::member::View;
use crate::service::limits::{check_items, check_revision};
use crate::space::Space;
use crate::wire::v1;
use crate::wire::v1::{normalize_result, resolve_result};

/// `Resolve`: a batch of one whose fault is the call's.
pub fn resolve(core: &Core, request: v1::ResolveRequest) -> Result<v1::ResolveResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    let keys = request.keys.ok_or_else(|| Fault::required("keys"))?;
    let policy = Policy::compile(request.policy.as_ref())?;
    let ask = Ask { space, policy, explain: request.explain, min_revision: request.min_revision };
    let (mut results, revision) = ask.run(core, &[keys])?;
    match results.pop() {
        Some(Ok(resolution)) => Ok(v1::ResolveResponse { resolution: Some(resolution), revision }),
        Some(Err(fault)) => Err(fault),
        None => Err(Fault::internal("one item has one result")),
    }
}

/// `ResolveBatch`: two round trips whatever the number of items.
pub fn resolve_batch(
    core: &Core,
    request: &v1::ResolveBatchRequest,
) -> Result<v1::ResolveBatchResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    check_items("items", request.items.len())?;
    let policy = Policy::compile(request.policy.as_ref())?;
    let ask = Ask { space, policy, explain: request.explain, min_revision: request.min_revision };
    let (results, revision) = ask.run(core, &request.items)?;
    let result = |result| v1::ResolveResult {
        result: Some(match result {
            Ok(resolution) => resolve_result::Result::Resolution(resolution),
            Err(fault) => resolve_result::Result::Fault(Fault::into(fault)),
        }),
    };
    Ok(v1::ResolveBatchResponse { results: results.into_iter().map(result).collect(), revision })
}

/// `Normalize`: needs no store.
pub fn normalize(core: &Core, request: &v1::NormalizeRequest) -> Result<v1::NormalizeResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    check_items("addresses", request.addresses.len())?;
    let mut canonical = String::new();
    let result = |address: &v1::Address| {
        let kind = v1::AddressType::try_from(address.r#type)
            .map_err(|_| Fault::invalid("addresses.type", "is not a known address type"));
        let normalized = kind.and_then(|kind| {
            crate::address::normalize(&space.rules, kind, &address.value, &mut canonical)
        });
        let result = match normalized {
            Ok(kind) => normalize_result::Result::Address(v1::CanonicalAddress {
                r#type: kind.into(),
                value: canonical.clone(),
            }),
            Err(fault) => normalize_result::Result::Fault(fault.into()),
        };
        v1::NormalizeResult { result: Some(result) }
    };
    Ok(v1::NormalizeResponse { results: request.addresses.iter().map(result).collect() })
}

/// What all items of a request share.
struct Ask<'a> {
    space: &'a Arc<Space>,
    policy: Policy,
    explain: bool,
    min_revision: u64,
}

impl Ask<'_> {
    fn run(
        &self,
        core: &Core,
        items: &[v1::MatchKeys],
    ) -> Result<(Vec<Result<v1::Resolution>>, u64)> {
        let mut book = AddressBook::default();
        let mut probes = Vec::with_capacity(items.len() * 3);
        let mut ranges = Vec::with_capacity(items.len());
        for item in items {
            let first = probes.len();
            let prepared = prepare(self.space, &self.policy, item, &mut book, &mut probes);
            ranges.push(prepared.map(|()| (first..probes.len(), item.resource_id)));
        }
        core.metrics().resolved(items.len());
        let book = book.sealed();
        core.read(&book, |view, links| {
            check_revision(self.min_revision, view.revision())?;
            let mut decision = Decision::default();
            let mut results = Vec::with_capacity(items.len());
            for range in &ranges {
                results.push(match range {
                    Err(fault) => Err(fault.clone()),
                    Ok((range, resource_id)) => {
                        let probes = &probes[range.clone()];
                        let keys = self.keys(&book, probes, links, *resource_id);
                        self.one(view, keys, &mut decision)?
                    }
                });
            }
            Ok((results, view.revision()))
        })
    }

    fn keys<'a>(
        &'a self,
        book: &'a AddressBook,
        probes: &'a [Probe],
        links: &'a [u32],
        resource_id: Option<u32>,
    ) -> Keys<'a> {
        Keys { space: self.space, probes, book, links, resource_id, manner: self.policy.manner }
    }

    /// One item: its own fault is an answer, only the store ends the call.
    fn one(
        &self,
        view: &mut View<'_>,
        keys: Keys<'_>,
        decision: &mut Decision,
    ) -> std::result::Result<Result<v1::Resolution>, Failure> {
        match decide(view, keys, Purpose::Read, decision) {
            Ok(()) => Ok(Ok(report::resolution(keys, decision, self.explain))),
            Err(Failure::Fault(fault)) => Ok(Err(fault)),
            Err(store) => Err(store),
        }
    }
}
