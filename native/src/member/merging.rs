//! Data and heads of one member go to another one, with all that is needed to undo it.

use crate::datakey::{self, DataRule, Difference, Element, Path, differences};
use crate::fault::{Failure, Fault};
use crate::member::heads::index_changes;
use crate::member::view::REDIRECT_HOPS_MAX;
use crate::member::{View, deltas, moves};
use crate::space::Space;
use crate::wire::storage::{
    BodyRecord, ChangeRecord, DataDifference, FormerHead, HeadDelta, MergeRecord, Stamp,
};
use crate::wire::v1::MergeHeadRule;
use crate::write::changelog;

/// What is to be merged.
#[derive(Debug)]
pub struct Order<'a> {
    /// The member that gets data and heads.
    pub receiver: u64,
    /// The member that gives them.
    pub source: u64,
    /// The heads of the source that the rule is about.
    pub source_heads: Vec<u64>,
    /// The head that the receiver loses where the rule is to replace.
    pub receiver_head: Option<u64>,
    /// What happens to heads.
    pub head_rule: MergeHeadRule,
    /// What happens to data; `None` leaves them.
    pub data_rule: Option<&'a DataRule>,
    /// When and from where.
    pub stamp: Stamp,
}

/// What a merge did.
#[derive(Debug)]
pub struct Merged {
    /// How to undo it; keys and request are for the caller to add.
    pub record: MergeRecord,
    /// The change of the receiver, for its log.
    pub receiver: ChangeRecord,
    /// The change of the source.
    pub source: ChangeRecord,
}

/// Merges two living members. The receiver still wants its version counted, and a source that lives
/// on as well.
pub fn merge(view: &mut View<'_>, space: &Space, order: &Order<'_>) -> Result<Merged, Failure> {
    let receiver = living(view, space, order.receiver)?;
    let source = living(view, space, order.source)?;
    check_size(space, order, &receiver, &source)?;
    let data = match order.data_rule {
        Some(rule) => datakey::merge(&receiver.data, &source.data, rule)?,
        None => datakey::Merged { receiver: receiver.data.clone(), source: source.data.clone() },
    };
    let mut record = MergeRecord {
        receiver_dataset_id: order.receiver,
        source_dataset_id: order.source,
        done: Some(order.stamp.clone()),
        head_rule: order.head_rule as u32,
        receiver_differences: stored(&differences(&receiver.data, &data.receiver)),
        receiver_head_ids: receiver.head_ids.clone(),
        source_head_ids: source.head_ids.clone(),
        ..Default::default()
    };
    let moved = move_heads(view, space, order, &mut record)?;
    let mut source_change =
        ChangeRecord { dataset_id: order.source, heads: moved.from_source, ..Default::default() };
    if moved.source_left == 0 {
        check_depth(&source)?;
        moves::bury(view, space, order.source)?;
        view.set_redirect(space.number, order.source, Some(order.receiver));
        source_change.removed_data.clone_from(&source.data);
        source_change.successor_dataset_id = order.receiver;
        source_change.version = source.version;
        record.source_body =
            Some(BodyRecord { head_ids: Vec::new(), head_types: Vec::new(), ..source });
    } else {
        record.source_differences = stored(&differences(&source.data, &data.source));
        source_change.datakeys = changelog::deltas(&source.data, &data.source);
        set_data(view, space, order.source, &source.data, data.source)?;
    }
    let receiver_change = ChangeRecord {
        datakeys: changelog::deltas(&receiver.data, &data.receiver),
        heads: moved.of_receiver,
        ..Default::default()
    };
    set_data(view, space, order.receiver, &receiver.data, data.receiver)?;
    let depth = record.source_body.as_ref().map_or(0, |body| body.redirect_depth + 1);
    if let Some(body) = view.change_body(space.number, order.receiver)? {
        body.redirect_depth = body.redirect_depth.max(depth);
    }
    Ok(Merged { record, receiver: receiver_change, source: source_change })
}

/// The body of a member that lives.
pub fn living(view: &mut View<'_>, space: &Space, contact: u64) -> Result<BodyRecord, Failure> {
    let body = view.body(space.number, contact)?.cloned();
    body.ok_or_else(|| Fault::internal("a member of a merge is gone").into())
}

/// Gives a member other data, with its entries in the secondary indexes.
pub fn set_data(
    view: &mut View<'_>,
    space: &Space,
    contact: u64,
    before: &str,
    after: String,
) -> Result<(), Failure> {
    for change in index_changes(view, space, contact, before, &after)? {
        change.carry_out(view, space.number, contact);
    }
    if let Some(body) = view.change_body(space.number, contact)? {
        body.data = after;
    }
    Ok(())
}

/// What became of the heads of both members.
struct Moved {
    /// How many the source has left.
    source_left: usize,
    from_source: Vec<HeadDelta>,
    of_receiver: Vec<HeadDelta>,
}

/// Does what the rule says with the heads.
fn move_heads(
    view: &mut View<'_>,
    space: &Space,
    order: &Order<'_>,
    record: &mut MergeRecord,
) -> Result<Moved, Failure> {
    let number = space.number;
    let mut moved = Moved {
        source_left: record.source_head_ids.len(),
        from_source: Vec::new(),
        of_receiver: Vec::new(),
    };
    // The one that goes makes room first: a member may have all the heads it is allowed.
    if order.head_rule == MergeHeadRule::Replace
        && let Some(head_id) = order.receiver_head
    {
        let taken = moves::take_away(view, number, order.receiver, head_id)?;
        moved.of_receiver.push(deltas::detached(&taken.former));
        record.replaced_heads.push(taken.former);
    }
    for &head_id in &order.source_heads {
        match order.head_rule {
            MergeHeadRule::Unspecified | MergeHeadRule::None => {}
            MergeHeadRule::Transplant | MergeHeadRule::Replace => {
                let taken = moves::take(view, number, order.source, head_id)?;
                moves::give(view, number, order.receiver, head_id)?;
                record.moved_head_ids.push(head_id);
                moved.source_left = taken.left;
                moved.from_source.push(deltas::detached(&taken.former));
                moved.of_receiver.push(deltas::attached(view, number, head_id)?);
            }
            MergeHeadRule::Decapitate => {
                let taken = moves::take_away(view, number, order.source, head_id)?;
                moved.source_left = taken.left;
                moved.from_source.push(deltas::detached(&taken.former));
                record.freed_heads.push(taken.former);
            }
        }
    }
    Ok(moved)
}

/// Refuses a merge that is too large for its space, before anything is written.
fn check_size(
    space: &Space,
    order: &Order<'_>,
    receiver: &BodyRecord,
    source: &BodyRecord,
) -> Result<(), Fault> {
    let heads = match order.head_rule {
        MergeHeadRule::Unspecified | MergeHeadRule::None => 0,
        _ => order.source_heads.len(),
    };
    space.limits.check_merge(heads, receiver.data.len() + source.data.len())
}

/// A head as it is, to be brought back later.
pub fn former(view: &mut View<'_>, space: u32, head_id: u64) -> Result<FormerHead, Failure> {
    Ok(FormerHead { head_id, head: view.head(space, head_id)?.cloned() })
}

/// Refuses a redirect at the end of a chain that nobody could follow any more.
fn check_depth(source: &BodyRecord) -> Result<(), Fault> {
    let depth = source.redirect_depth as usize + 1;
    if depth <= REDIRECT_HOPS_MAX {
        return Ok(());
    }
    Err(Fault::limit("member.redirects", REDIRECT_HOPS_MAX, depth))
}

/// Differences as they are stored.
pub fn stored(differences: &[Difference]) -> Vec<DataDifference> {
    let name = |element: &Element| match element {
        Element::Name(name) => Some(name.clone()),
        // Differences lie in objects.
        Element::Index(_) => None,
    };
    let stored = |difference: &Difference| DataDifference {
        path: difference.path.elements().iter().filter_map(name).collect(),
        before: difference.before.clone(),
        after: difference.after.clone(),
        siblings: difference.siblings.clone(),
    };
    differences.iter().map(stored).collect()
}

/// Where a stored difference is.
pub fn path(difference: &DataDifference) -> Path {
    Path::of_elements(difference.path.iter().cloned().map(Element::Name).collect())
}

/// Differences as they were stored.
pub fn loaded(differences: &[DataDifference]) -> Vec<Difference> {
    let loaded = |difference: &DataDifference| Difference {
        path: path(difference),
        before: difference.before.clone(),
        after: difference.after.clone(),
        siblings: difference.siblings.clone(),
    };
    differences.iter().map(loaded).collect()
}
