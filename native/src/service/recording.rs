//! The method of `HeadService` that takes events.

use std::time::Instant;

use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::matching::{AddressBook, Probe, Target};
use crate::member::events::Event;
use crate::operations::record_head_events::RecordHeadEvents;
use crate::service::head_service::{head_probe, single_probe};
use crate::service::limits::check_items;
use crate::service::mutation::{Request, mutate, refuse_version};
use crate::space::Space;
use crate::wire::v1;
use crate::wire::v1::KeyKind;
use crate::write::prepare::check_source;

/// `RecordHeadEvents`.
pub fn record_head_events(
    core: &Core,
    request: &Request<v1::RecordHeadEventsRequest>,
    deadline: Option<Instant>,
) -> Result<v1::RecordHeadEventsResponse> {
    let asked = &request.message;
    let space = &core.spaces().get(asked.space.as_ref())?;
    check_items("events", asked.events.len())?;
    refuse_version(asked.options.as_ref())?;
    let mut book = AddressBook::default();
    let mut probes = Vec::with_capacity(asked.events.len());
    let mut events = Vec::with_capacity(asked.events.len());
    for event in &asked.events {
        probes.push(probe(space, event, &mut book));
        events.push(compiled(event));
    }
    let operation = Box::new(RecordHeadEvents { events });
    let (outcome, replayed) = mutate(core, space, (book, probes), operation, request, deadline)?;
    Ok(v1::RecordHeadEventsResponse { outcome: Some(outcome), replayed })
}

/// The key of the head; one that is none is refused with its event alone.
fn probe(space: &Space, event: &v1::HeadEvent, book: &mut AddressBook) -> Probe {
    head_probe(space, event.head.as_ref(), "events.head", book)
        .unwrap_or_else(|fault| single_probe(KeyKind::Locator, Target::Refused(Box::new(fault))))
}

fn compiled(event: &v1::HeadEvent) -> Result<Event> {
    check_source(&event.source)?;
    let happened = event.event.as_ref().ok_or_else(|| Fault::required("events.event"))?;
    Event::compile(event.time_seconds, &event.source, happened)
}
