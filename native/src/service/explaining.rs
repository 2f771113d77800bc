//! `MatchService.ExplainDecision`.

use std::sync::Arc;

use crate::core::Core;
use crate::explain::{self, Past, Planned};
use crate::fault::{Failure, Fault, Result};
use crate::matching::AddressBook;
use crate::member::View;
use crate::space::Space;
use crate::store::Mutations;
use crate::wire::v1;
use crate::wire::v1::explain_decision_request::Decision;
use crate::wire::v1::{ErrorReason, MemberChange};
use crate::write::queue::{self, Job, Purpose};
use crate::write::{prepare, requests};

/// `ExplainDecision`.
pub fn explain_decision(
    core: &Core,
    request: v1::ExplainDecisionRequest,
) -> Result<v1::ExplainDecisionResponse> {
    let space = &core.spaces().get(request.space.as_ref())?;
    let number = space.number;
    match request.decision {
        None => Err(Fault::required("decision")),
        Some(Decision::Change(change)) => hypothetical(core, space, change),
        Some(Decision::Revision(revision)) => past(core, number, |view| {
            explain::by_revision(view, number, revision)?.ok_or_else(|| {
                let message = "The space has no change of this revision in its log.";
                Fault::new(ErrorReason::ChangeUnknown, message).with("revision", revision).into()
            })
        }),
        Some(Decision::RequestId(id)) if id.is_empty() => Err(Fault::required("request_id")),
        Some(Decision::RequestId(id)) => {
            requests::check_length(&id)?;
            let now_seconds = core.moment(space).now.as_second();
            past(core, number, |view| {
                explain::by_request(view, number, &id, now_seconds)?.ok_or_else(|| {
                    let message = "No request with this id was answered in the last 24 hours.";
                    Fault::new(ErrorReason::RequestUnknown, message).with("request_id", &id).into()
                })
            })
        }
    }
}

fn past(
    core: &Core,
    space: u32,
    mut find: impl FnMut(&View<'_>) -> std::result::Result<Past, Failure>,
) -> Result<v1::ExplainDecisionResponse> {
    core.read(&AddressBook::default().sealed(), |view, _| {
        let past = find(view)?;
        let mut changes = Vec::with_capacity(past.changes.len());
        for (revision, record) in &past.changes {
            changes.push(explain::change(view, space, (*revision, record), past.time_seconds)?);
        }
        Ok(v1::ExplainDecisionResponse {
            explanation: Some(explain::explanation(view, space, &past.reasoning)?),
            changes,
            fault: None,
            revision: view.revision(),
        })
    })
}

/// Plans a change that is not made. A request id would only lead to an earlier answer.
fn hypothetical(
    core: &Core,
    space: &Arc<Space>,
    change: MemberChange,
) -> Result<v1::ExplainDecisionResponse> {
    let change = MemberChange { request_id: String::new(), ..change };
    let moment = core.moment(space);
    let now_seconds = moment.now.as_second();
    let batch = prepare::batch(space, &[change], moment);
    let job = Job { batch, purpose: Purpose::Members, bytes: 0, deadline: None };
    let number = space.number;
    core.snapshot(|snapshot| {
        let (mut view, links) = queue::open(snapshot, &[&job], Mutations::default())?;
        let revision = view.revision();
        let Planned { fault, reasoning, addresses, changes } =
            explain::plan(&mut view, &job.batch, &links[0])?;
        let mut explanation = explain::explanation(&mut view, number, &reasoning)?;
        let keys = explanation.decisions.iter_mut().flat_map(|decision| &mut decision.keys);
        for (key, address) in keys.zip(addresses) {
            key.address = address;
        }
        let mut would_be = Vec::with_capacity(changes.len());
        for (at, record) in &changes {
            would_be.push(explain::change(&mut view, number, (*at, record), now_seconds)?);
        }
        Ok(v1::ExplainDecisionResponse {
            explanation: Some(explanation),
            changes: would_be,
            fault: fault.map(Into::into),
            revision,
        })
    })
}
