//! `AdminService`: the policies of spaces.

use std::time::Instant;

use crate::core::Core;
use crate::fault::{Failure, Fault, Result};
use crate::matching::AddressBook;
use crate::operations::set_policy::{self, SetPolicy, state};
use crate::policy::compile;
use crate::service::mutation::{Changing, Request, mutate};
use crate::simulation::{self, Candidate, Page};
use crate::space::Space;
use crate::store::{Snapshot, Table, keys, records};
use crate::wire::storage::{PolicyRecord, SpaceRecord};
use crate::wire::v1;
use crate::write::queue::shutting_down;

/// `ListSpaces`.
pub fn list_spaces(core: &Core) -> Result<v1::ListSpacesResponse> {
    let names = core.spaces().names();
    core.snapshot(|snapshot| {
        let spaces = names.iter().filter_map(|&name| core.spaces().named(name));
        let spaces = spaces
            .map(|space| read(snapshot, &space))
            .collect::<std::result::Result<_, Failure>>()?;
        Ok(v1::ListSpacesResponse { spaces })
    })
}

/// `GetPolicy`.
pub fn get_policy(core: &Core, request: &v1::GetPolicyRequest) -> Result<v1::GetPolicyResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let state = core.snapshot(|snapshot| read(snapshot, &space))?;
    Ok(v1::GetPolicyResponse { state: Some(state) })
}

/// `UpdatePolicy`.
pub fn update_policy(
    core: &Core,
    request: &Request<v1::UpdatePolicyRequest>,
    deadline: Option<Instant>,
) -> Result<v1::UpdatePolicyResponse> {
    let asked = &request.message;
    let policy = asked.policy.clone().ok_or_else(|| Fault::required("policy"))?;
    compile(&policy, set_policy::AT)?;
    let operation = SetPolicy {
        name: "UpdatePolicy",
        policy,
        is_stored: true,
        expected_version: asked.expected_policy_version,
    };
    let space = core.spaces().get(asked.space.as_ref())?;
    let (outcome, replayed) = set(core, &space, operation, request, deadline)?;
    Ok(v1::UpdatePolicyResponse { outcome: Some(outcome), replayed })
}

/// `ResetPolicy`.
pub fn reset_policy(
    core: &Core,
    request: &Request<v1::ResetPolicyRequest>,
    deadline: Option<Instant>,
) -> Result<v1::ResetPolicyResponse> {
    let asked = &request.message;
    let space = core.spaces().get(asked.space.as_ref())?;
    let operation = SetPolicy {
        name: "ResetPolicy",
        policy: core.spaces().configured(space.name()),
        is_stored: false,
        expected_version: asked.expected_policy_version,
    };
    let (outcome, replayed) = set(core, &space, operation, request, deadline)?;
    Ok(v1::ResetPolicyResponse { outcome: Some(outcome), replayed })
}

/// `SimulatePolicy`.
pub fn simulate_policy(
    core: &Core,
    request: &v1::SimulatePolicyRequest,
    deadline: Option<Instant>,
) -> Result<v1::SimulatePolicyResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let page = Page::of(request)?;
    let mut candidate = Candidate::new(&space, request)?;
    let Some(_turn) = core.simulating() else {
        let message = "A simulation is running already; try again when it has ended.";
        let fault = Fault::new(v1::ErrorReason::Overloaded, message);
        return Err(fault.with("queue", "simulations"));
    };
    let halt = || {
        if core.is_closing() {
            return Some(shutting_down());
        }
        let late = deadline.is_some_and(|deadline| deadline <= Instant::now());
        let message = "The deadline passed before all members were read; give more time.";
        late.then(|| Fault::new(v1::ErrorReason::DeadlineExceeded, message))
    };
    core.snapshot(|snapshot| simulation::run(snapshot, &mut candidate, page, halt))
}

fn set<M: Changing>(
    core: &Core,
    space: &std::sync::Arc<Space>,
    operation: SetPolicy,
    request: &Request<M>,
    deadline: Option<Instant>,
) -> Result<(v1::PolicyOutcome, bool)> {
    if request.message.options().is_some_and(|options| options.expected_version.is_some()) {
        let problem = "is of a member; give expected_policy_version";
        return Err(Fault::invalid("options.expected_version", problem));
    }
    let keys = (AddressBook::default(), Vec::new());
    let done = mutate(core, space, keys, Box::new(operation), request, deadline)?;
    core.upkeep().wake();
    Ok(done)
}

fn read(snapshot: &dyn Snapshot, space: &Space) -> std::result::Result<v1::SpaceState, Failure> {
    let (account_id, db_id) = space.name();
    let key = keys::owned(|key| keys::space(key, account_id, db_id));
    let record: SpaceRecord = records::get(snapshot, Table::Spaces, &key)?.unwrap_or_default();
    let key = keys::owned(|key| keys::policy(key, space.number));
    let policy: PolicyRecord = records::get(snapshot, Table::Policies, &key)?.unwrap_or_default();
    state(space.name(), policy, &record)
}
