//! What a change would do, and why.

use crate::fault::{Failure, Fault};
use crate::matching::{Decision, Target};
use crate::member::View;
use crate::member::batch::Batch;
use crate::member::step;
use crate::wire::storage::{ChangeRecord, Reasoning};
use crate::wire::v1::CanonicalAddress;
use crate::write::apply::whole_step;
use crate::write::changelog::Changes;

/// What a step would do.
#[derive(Debug)]
pub struct Planned {
    /// Why it would be refused.
    pub fault: Option<Fault>,
    /// Why it would do this.
    pub reasoning: Reasoning,
    /// The canonical forms of the keys in the order in which they are tried; of addresses only.
    pub addresses: Vec<Option<CanonicalAddress>>,
    /// What it would change, each with the revision it would get.
    pub changes: Vec<(u64, ChangeRecord)>,
}

/// Plans the only step of a batch on a view, which is thrown away afterwards.
pub fn plan(view: &mut View<'_>, batch: &Batch, links: &[u32]) -> Result<Planned, Failure> {
    let refused = |fault: &Fault| Planned {
        fault: Some(fault.clone()),
        reasoning: Reasoning::default(),
        addresses: Vec::new(),
        changes: Vec::new(),
    };
    let step = match batch.steps.first() {
        Some(Ok(step)) => step,
        Some(Err(fault)) => return Ok(refused(fault)),
        None => return Ok(refused(&Fault::required("change"))),
    };
    let first_revision = view.revision() + 1;
    let (mut decision, mut changes) = (Decision::default(), Changes::default());
    let outcome = whole_step(view, (batch, links), step, &mut decision, &mut changes);
    let keys = step::keys_of(batch, links, step);
    let (fault, warnings, rules) = match outcome {
        Ok(outcome) => (None, outcome.warnings, outcome.rules),
        Err(Failure::Fault(fault)) => (Some(fault), Vec::new(), Vec::new()),
        Err(store) => return Err(store),
    };
    let mut reasoning = step::reasoning(view, keys, step, &decision, &warnings);
    reasoning.rules = rules;
    let address = |&position: &usize| match keys.probes[position].target {
        Target::Address(entry) => Some(keys.book.canonical(entry)),
        _ => None,
    };
    Ok(Planned {
        fault,
        reasoning,
        addresses: decision.tried.iter().map(address).collect(),
        changes: (first_revision..).zip(changes.list()?).collect(),
    })
}
