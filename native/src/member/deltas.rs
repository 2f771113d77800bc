//! What became of a head, for the change log.

use crate::member::View;
use crate::store::StoreResult;
use crate::wire::storage::{FormerHead, HeadDelta, HeadRecord};

/// A head that the member got, as it is now.
pub fn attached(view: &mut View<'_>, space: u32, head_id: u64) -> StoreResult<HeadDelta> {
    let after = view.head(space, head_id)?.map(state);
    Ok(HeadDelta { head_id, before: None, after })
}

/// The same for several heads.
pub fn all_attached(
    view: &mut View<'_>,
    space: u32,
    head_ids: &[u64],
) -> StoreResult<Vec<HeadDelta>> {
    head_ids.iter().map(|&id| attached(view, space, id)).collect()
}

/// A head that the member lost, as it was.
pub fn detached(former: &FormerHead) -> HeadDelta {
    let before = former.head.as_ref().map(state);
    HeadDelta { head_id: former.head_id, before, after: None }
}

/// Adds the change of a head that the member keeps; one that it got in the same step has no state
/// before.
pub fn note_change(
    view: &mut View<'_>,
    space: u32,
    (head_id, before): (u64, HeadRecord),
    deltas: &mut Vec<HeadDelta>,
) -> StoreResult<()> {
    let after = view.head(space, head_id)?.map(state);
    match deltas.iter_mut().find(|delta| delta.head_id == head_id) {
        Some(delta) => delta.after = after,
        None => deltas.push(HeadDelta { head_id, before: Some(before), after }),
    }
    Ok(())
}

/// The state of a head without what never changes.
pub fn state(head: &HeadRecord) -> HeadRecord {
    HeadRecord { r#type: 0, address: String::new(), ..head.clone() }
}
