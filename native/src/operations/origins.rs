//! Origins of a space are defined and forgotten.

use std::collections::BTreeMap;

use prost::Message;

use crate::fault::{Failure, Fault};
use crate::member::origins::{NUMBER_MAX, ORIGINS_PER_SPACE_MAX};
use crate::wire::v1::{ErrorReason, Origin, OriginOutcome, OutcomeStatus};
use crate::write::operation::{Operation, Scene};

/// Gives a number a label.
#[derive(Debug)]
pub struct DefineOrigin {
    /// The number; 0 is that of the label, or a new one.
    pub number: u32,
    /// The label, which is checked.
    pub label: String,
}

/// Forgets an origin; heads keep its number.
#[derive(Debug)]
pub struct DeleteOrigin {
    /// The number.
    pub number: u32,
}

impl Operation for DefineOrigin {
    fn name(&self) -> &'static str {
        "DefineOrigin"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let space = scene.space();
        let next = scene.view.next_origin_number(space);
        let labels = scene.view.origins(space)?;
        let count = labels.len();
        let holder = labels.iter().find(|(_, known)| **known == self.label);
        let holder = holder.map(|(&number, _)| number);
        let number = if self.number == 0 {
            holder.unwrap_or_else(|| automatic(labels, next))
        } else {
            self.number
        };
        let is_known = labels.contains_key(&number);
        let status = match holder {
            Some(holder) if holder != number => return Err(taken(holder).into()),
            Some(_) => OutcomeStatus::Unchanged,
            None if is_known => OutcomeStatus::Updated,
            None => OutcomeStatus::Created,
        };
        if status == OutcomeStatus::Created && count >= ORIGINS_PER_SPACE_MAX {
            return Err(Fault::limit("origins", ORIGINS_PER_SPACE_MAX, count + 1).into());
        }
        if status != OutcomeStatus::Unchanged {
            scene.view.set_origin(space, number, Some(self.label.clone()))?;
            scene.view.use_origin_number(space, number);
        }
        Ok(outcome(status, number, self.label.clone()))
    }
}

impl Operation for DeleteOrigin {
    fn name(&self) -> &'static str {
        "DeleteOrigin"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let space = scene.space();
        let label = scene.view.origins(space)?.get(&self.number).cloned();
        let label = label.ok_or_else(|| {
            let message = "No origin has this number.";
            Fault::new(ErrorReason::OriginUnknown, message).with("field", "number")
        })?;
        scene.view.set_origin(space, self.number, None)?;
        Ok(outcome(OutcomeStatus::Updated, self.number, label))
    }
}

/// The number after all that ever were; where somebody has used up the last one, the first that is
/// free.
fn automatic(labels: &BTreeMap<u32, String>, next: u32) -> u32 {
    if usize::try_from(next).is_ok_and(|next| next <= NUMBER_MAX) {
        return next;
    }
    (1..next).find(|number| !labels.contains_key(number)).unwrap_or(next)
}

fn outcome(status: OutcomeStatus, number: u32, label: String) -> Vec<u8> {
    let origin = Some(Origin { number, label });
    OriginOutcome { status: status.into(), origin }.encode_to_vec()
}

fn taken(number: u32) -> Fault {
    let message = "Another origin has this label; choose another one, or its number.";
    Fault::new(ErrorReason::OriginLabelTaken, message).with("number", number)
}
