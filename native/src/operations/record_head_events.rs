//! What internal services know of identifiers is recorded, one event after another.

use prost::Message;

use crate::address::type_name;
use crate::fault::{Failure, Fault};
use crate::matching::Target;
use crate::member::deltas;
use crate::member::events::Event;
use crate::wire::storage::{AddressRecord, ChangeRecord, HeadDelta, HeadRecord};
use crate::wire::v1::{ErrorReason, HeadEventResult, HeadEventsOutcome};
use crate::write::operation::{Operation, Scene};

/// Records events, each of the head that the probe at its position names.
#[derive(Debug)]
pub struct RecordHeadEvents {
    /// The events; a fault where one cannot even be prepared.
    pub events: Vec<Result<Event, Fault>>,
}

/// The head that an event is about.
struct Subject {
    /// Its number; 0 where it was never seen.
    id: u64,
    /// The member that has it; 0 where nobody.
    contact: u64,
    /// Its state; of one that was never seen, only type and address.
    record: HeadRecord,
}

impl Operation for RecordHeadEvents {
    fn name(&self) -> &'static str {
        "RecordHeadEvents"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut results = Vec::with_capacity(self.events.len());
        for (event, probe) in self.events.iter().zip(&scene.batch.probes) {
            let recorded = match event {
                Ok(event) => record(scene, &probe.target, event),
                Err(fault) => Err(fault.clone().into()),
            };
            results.push(match recorded {
                Ok(result) => result,
                Err(Failure::Fault(fault)) => {
                    HeadEventResult { fault: Some(fault.into()), ..Default::default() }
                }
                Err(Failure::Store(error)) => return Err(error.into()),
            });
        }
        let outcome = HeadEventsOutcome { results, revision: scene.view.revision() };
        Ok(outcome.encode_to_vec())
    }
}

/// Records one event. A fault comes before the first change.
fn record(
    scene: &mut Scene<'_, '_>,
    target: &Target,
    event: &Event,
) -> Result<HeadEventResult, Failure> {
    let Subject { id, contact, record } = find(scene, target, event)?;
    let mut after = record.clone();
    event.apply(&mut after, &scene.stamp())?;
    let changed = after != record;
    let head_id = if id == 0 { make(scene, target, &after) } else { id };
    if changed {
        let space = scene.space();
        let delta = HeadDelta {
            head_id,
            before: Some(deltas::state(&record)),
            after: Some(deltas::state(&after)),
        };
        if id != 0 {
            scene.view.change_head(space, id, |head| *head = after)?;
        }
        let version = scene.view.body(space, contact)?.map_or(0, |body| body.version);
        scene.log(ChangeRecord {
            dataset_id: contact,
            version,
            heads: vec![delta],
            ..Default::default()
        });
    }
    Ok(HeadEventResult { changed, head_id, contact_id: contact, fault: None })
}

fn find(scene: &mut Scene<'_, '_>, target: &Target, event: &Event) -> Result<Subject, Failure> {
    let message = "This identifier was never seen; only events of stop lists are recorded for it.";
    let unknown = Fault::new(ErrorReason::HeadUnknown, message);
    match target {
        Target::Refused(fault) => Err((**fault).clone().into()),
        Target::Head(id) => {
            let Some(record) = scene.view.head(scene.space(), *id)?.cloned() else {
                return Err(unknown.with("head_id", id).into());
            };
            Ok(Subject { id: *id, contact: scene.owner_of(*id)?, record })
        }
        Target::Address(entry) => {
            let book = &scene.batch.book;
            if let Some(known) = scene.view.address(scene.links[*entry]).copied() {
                let gone = || Fault::internal("an address leads to a head that is gone");
                let record = scene.view.head(scene.space(), known.head_id)?.cloned();
                let record = record.ok_or_else(gone)?;
                return Ok(Subject { id: known.head_id, contact: known.dataset_id, record });
            }
            if !event.makes_head() {
                return Err(unknown.with("type", type_name(book.kind(*entry))).into());
            }
            let record = HeadRecord {
                r#type: book.kind(*entry) as u32,
                address: book.text(*entry).to_owned(),
                ..Default::default()
            };
            Ok(Subject { id: 0, contact: 0, record })
        }
        Target::Contact(_) | Target::Dataset(_) | Target::Field(_) => {
            Err(Fault::internal("an event names a member").into())
        }
    }
}

/// Gives an address that was never seen its number and its record.
fn make(scene: &mut Scene<'_, '_>, target: &Target, record: &HeadRecord) -> u64 {
    let space = scene.space();
    let head_id = scene.view.next_head_id(space);
    if let Target::Address(entry) = target {
        let address = AddressRecord { head_id, ..Default::default() };
        scene.view.set_address(scene.links[*entry], address);
    }
    scene.view.insert_head(space, head_id, record);
    head_id
}
