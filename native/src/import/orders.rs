//! What the options of an import order for every row, checked once.

use crate::fault::{Fault, Result};
use crate::wire::storage::SequenceMark;
use crate::wire::v1::ImportOptions;

/// Triggers of one list: somebody has named each of them.
const TRIGGERS_MAX: usize = 100;
/// Bytes of an event key: a name that somebody gave to an event.
const EVENT_KEY_BYTES_MAX: usize = 100;

/// What changes say to triggers; `None` is nothing.
pub fn sequence(options: &ImportOptions) -> Result<Option<SequenceMark>> {
    let Some(orders) = &options.sequence else { return Ok(None) };
    let mark = SequenceMark {
        event: orders.event,
        stop: orders.stop.clone(),
        start: orders.start.clone(),
    };
    for (name, triggers) in [("sequence.stop", &mark.stop), ("sequence.start", &mark.start)] {
        if triggers.len() > TRIGGERS_MAX {
            return Err(Fault::limit(name, TRIGGERS_MAX, triggers.len()));
        }
    }
    Ok((mark != SequenceMark::default()).then_some(mark))
}

/// What the change that makes a member says besides.
pub fn event_key(options: &ImportOptions) -> Result<String> {
    if options.event_key.len() > EVENT_KEY_BYTES_MAX {
        return Err(Fault::limit("event_key", EVENT_KEY_BYTES_MAX, options.event_key.len()));
    }
    Ok(options.event_key.clone())
}
