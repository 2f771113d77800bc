//! The methods of `MemberService` that merge members and undo it.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Policy, prepare};
use crate::member::read::wire_stamp;
use crate::operations::merge_members::{MergeMembers, paths};
use crate::operations::unmerge_members::UnmergeMembers;
use crate::service::limits::{check_revision, page_size};
use crate::service::mutation::{Request, mutate};
use crate::store::{Table, keys};
use crate::wire::storage::MergeRecord;
use crate::wire::v1;
use crate::wire::v1::MergeHeadRule;
use crate::write::data_rule::data_rule;

/// Merges of one page.
const PAGE_MAX: usize = 1_000;
/// Merges of a page where the caller does not say.
const PAGE_DEFAULT: usize = 100;

/// `MergeMembers`.
pub fn merge_members(
    core: &Core,
    request: &Request<v1::MergeMembersRequest>,
    deadline: Option<Instant>,
) -> Result<v1::MergeMembersResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    let policy = Policy::compile(asked.policy.as_ref())?;
    let (mut book, mut probes) = (AddressBook::default(), Vec::new());
    let mut keys = |asked: Option<&v1::MatchKeys>, field| -> Result<_> {
        let first = probes.len();
        let asked = asked.ok_or_else(|| Fault::required(field))?;
        prepare(space, &policy, asked, &mut book, &mut probes)?;
        Ok(first..probes.len())
    };
    let operation = MergeMembers {
        receiver: keys(asked.receiver.as_ref(), "receiver")?,
        source: keys(asked.source.as_ref(), "source")?,
        manner: policy.manner,
        head_rule: MergeHeadRule::try_from(asked.head_rule)
            .map_err(|_| Fault::invalid("head_rule", "is not a known rule"))?,
        data_rule: data_rule(asked.data_rule.as_ref())?,
        return_fresh: asked.return_fresh,
    };
    let (outcome, replayed) =
        mutate(core, space, (book, probes), Box::new(operation), request, deadline)?;
    Ok(v1::MergeMembersResponse { outcome: Some(outcome), replayed })
}

/// `UnmergeMembers`.
pub fn unmerge_members(
    core: &Core,
    request: &Request<v1::UnmergeMembersRequest>,
    deadline: Option<Instant>,
) -> Result<v1::UnmergeMembersResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    if asked.merge_id == 0 {
        return Err(Fault::required("merge_id"));
    }
    let operation = UnmergeMembers { merge_id: asked.merge_id };
    let nobody = (AddressBook::default(), Vec::new());
    let (outcome, replayed) = mutate(core, space, nobody, Box::new(operation), request, deadline)?;
    Ok(v1::UnmergeMembersResponse { outcome: Some(outcome), replayed })
}

/// `ListMerges`.
pub fn list_merges(core: &Core, request: &v1::ListMergesRequest) -> Result<v1::ListMergesResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    if request.contact_id == 0 {
        return Err(Fault::required("contact_id"));
    }
    let page = page_size(request.page_size, (PAGE_DEFAULT, PAGE_MAX))?;
    core.read(&AddressBook::default(), |view, _| {
        check_revision(request.min_revision, view.revision())?;
        let (number, member) = (space.number, request.contact_id);
        let Some(after) = request.after_merge_id.checked_add(1) else {
            return Ok(v1::ListMergesResponse { merges: Vec::new(), revision: view.revision() });
        };
        let from = keys::owned(|key| keys::member_merge(key, number, member, after));
        let mut ids = Vec::new();
        let mut parsed = Ok(());
        view.snapshot().scan(Table::MemberMerges, &from, page, &mut |key, _| {
            match keys::parse_member_merge(key) {
                Ok((space, of, merge_id)) if (space, of) == (number, member) => ids.push(merge_id),
                Ok(_) => return ControlFlow::Break(()),
                Err(error) => {
                    parsed = Err(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        parsed?;
        let mut merges = Vec::with_capacity(ids.len());
        for id in ids {
            merges.extend(view.merge(number, id)?.map(|record| wire_merge(id, &record)));
        }
        Ok(v1::ListMergesResponse { merges, revision: view.revision() })
    })
}

fn wire_merge(merge_id: u64, record: &MergeRecord) -> v1::Merge {
    let small = |number: u32| i32::try_from(number).unwrap_or_default();
    v1::Merge {
        merge_id,
        contact_id: record.receiver_dataset_id,
        source_contact_id: record.source_dataset_id,
        source_ended: record.source_body.is_some(),
        done: record.done.as_ref().map(wire_stamp),
        undone: record.undone.as_ref().map(wire_stamp),
        request_id: record.request_id.clone(),
        head_rule: small(record.head_rule),
        receiver_key: small(record.receiver_key),
        source_key: small(record.source_key),
        moved_head_ids: record.moved_head_ids.clone(),
        changed_paths: paths(&record.receiver_differences),
    }
}
