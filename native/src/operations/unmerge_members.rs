//! A merge is undone, also after later writes: what was changed since stays and is listed.

use prost::Message;

use crate::datakey::take_back;
use crate::fault::{Failure, Fault};
use crate::member::merging::{living, loaded, set_data};
use crate::member::{deltas, moves};
use crate::wire::storage::{
    BodyRecord, ChangeRecord, DataDifference, FormerHead, HeadDelta, MergeRecord,
};
use crate::wire::v1::{ErrorReason, UnmergeOutcome, Warning};
use crate::write::changelog;
use crate::write::operation::{Operation, Scene};

/// Conflicts that an answer lists.
const CONFLICTS_LISTED_MAX: usize = 1_000;

/// Undoes a merge.
#[derive(Debug)]
pub struct UnmergeMembers {
    /// The merge.
    pub merge_id: u64,
}

/// What is being undone, and what could not be.
struct Undoing {
    record: MergeRecord,
    /// The receiver, or who survived it.
    holder: u64,
    /// The source, or who survived it.
    giver: u64,
    /// Heads that the source has again.
    returned: Vec<u64>,
    /// What became of the heads of the receiver.
    of_holder: Vec<HeadDelta>,
    conflicts: Vec<Warning>,
}

impl Operation for UnmergeMembers {
    fn name(&self) -> &'static str {
        "UnmergeMembers"
    }

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<u8>, Failure> {
        let mut undoing = self.begin(scene)?;
        scene.check_version(undoing.holder)?;
        let holder = undoing.take_back_from_holder(scene)?;
        undoing.revive_source(scene);
        undoing.give_back_heads(scene)?;
        if undoing.record.source_body.is_some() && undoing.returned.is_empty() {
            return Err(self.fault(
                ErrorReason::MergeHeadsGone,
                "None of the heads of the source can be given back, so that it cannot live again.",
            ));
        }
        let source = undoing.take_back_from_source(scene)?;
        undoing.conflicts.truncate(CONFLICTS_LISTED_MAX);
        scene.warn(&undoing.conflicts);
        let merge_id = self.merge_id;
        let source_version = scene.touch(source.dataset_id, ChangeRecord { merge_id, ..source })?;
        let holder =
            ChangeRecord { heads: std::mem::take(&mut undoing.of_holder), merge_id, ..holder };
        let version = scene.touch(undoing.holder, holder)?;
        let Undoing { record, holder, giver, returned, conflicts, .. } = undoing;
        let outcome = UnmergeOutcome {
            contact_id: holder,
            version,
            source_contact_id: giver,
            source_version,
            returned_head_ids: returned,
            conflicts,
            revision: scene.view.revision(),
        };
        let undone = Some(scene.stamp());
        scene.keep_merge(merge_id, MergeRecord { undone, ..record });
        Ok(outcome.encode_to_vec())
    }
}

impl UnmergeMembers {
    fn begin(&self, scene: &mut Scene<'_, '_>) -> Result<Undoing, Failure> {
        let record = scene.view.merge(scene.space(), self.merge_id)?.ok_or_else(|| {
            self.fault(ErrorReason::MergeUnknown, "There is no merge with this number.")
        })?;
        if record.undone.is_some() {
            let message = "The merge was undone before; it cannot be undone twice.";
            return Err(self.fault(ErrorReason::MergeUndone, message));
        }
        let holder = self.living(scene, record.receiver_dataset_id, "receiver")?;
        let giver = match &record.source_body {
            Some(_) => record.source_dataset_id,
            None => self.living(scene, record.source_dataset_id, "source")?,
        };
        Ok(Undoing {
            record,
            holder,
            giver,
            returned: Vec::new(),
            of_holder: Vec::new(),
            conflicts: Vec::new(),
        })
    }

    /// One of the two members, or who survived it. One that was deleted has nothing to give back,
    /// and can be given nothing.
    fn living(&self, scene: &mut Scene<'_, '_>, id: u64, who: &str) -> Result<u64, Failure> {
        let living = scene.view.follow(scene.space(), id, &mut Vec::new())?;
        living.ok_or_else(|| {
            let message = format!("The {who} of the merge was deleted; restore it first.");
            let fault = Fault::new(ErrorReason::MemberMissing, message);
            fault.with("merge_id", self.merge_id).with("contact_id", id).into()
        })
    }

    fn fault(&self, reason: ErrorReason, message: &str) -> Failure {
        Fault::new(reason, message).with("merge_id", self.merge_id).into()
    }
}

impl Undoing {
    /// Gives the receiver the data it would have without the merge; who took over from it keeps
    /// all. Answers the change, for its log.
    fn take_back_from_holder(
        &mut self,
        scene: &mut Scene<'_, '_>,
    ) -> Result<ChangeRecord, Failure> {
        let (space, holder) = (&scene.batch.space, self.holder);
        let before = living(scene.view, space, holder)?.data;
        let superseded = holder != self.record.receiver_dataset_id;
        let (data, kept) = without(&self.record.receiver_differences, &before, superseded)?;
        self.keep(&kept, holder);
        let datakeys = changelog::deltas(&before, &data);
        set_data(scene.view, space, holder, &before, data)?;
        Ok(ChangeRecord { datakeys, ..Default::default() })
    }

    /// Lets a source that ended live again, for now without heads and data.
    fn revive_source(&self, scene: &mut Scene<'_, '_>) {
        if let Some(body) = &self.record.source_body {
            let (space, source) = (scene.space(), self.record.source_dataset_id);
            scene.view.set_redirect(space, source, None);
            let body = BodyRecord { data: "{}".to_owned(), ..body.clone() };
            scene.view.insert_body(space, source, body);
        }
    }

    /// Gives the source its data again, and both members the former order of their heads. Answers
    /// the change of the source, for its log.
    fn take_back_from_source(
        &mut self,
        scene: &mut Scene<'_, '_>,
    ) -> Result<ChangeRecord, Failure> {
        let (space, source) = (&scene.batch.space, self.giver);
        let before = living(scene.view, space, source)?.data;
        let mut change = ChangeRecord {
            dataset_id: source,
            heads: deltas::all_attached(scene.view, space.number, &self.returned)?,
            ..Default::default()
        };
        let data = if let Some(body) = &self.record.source_body {
            change.created_data.clone_from(&body.data);
            body.data.clone()
        } else {
            let superseded = source != self.record.source_dataset_id;
            let (data, kept) = without(&self.record.source_differences, &before, superseded)?;
            change.datakeys = changelog::deltas(&before, &data);
            self.keep(&kept, source);
            data
        };
        set_data(scene.view, space, source, &before, data)?;
        if source == self.record.source_dataset_id {
            reorder(scene, source, &self.record.source_head_ids)?;
        }
        if self.holder == self.record.receiver_dataset_id {
            reorder(scene, self.holder, &self.record.receiver_head_ids)?;
        }
        Ok(change)
    }

    /// Lists the datakeys of a member that stay as they are.
    fn keep(&mut self, places: &[String], contact: u64) {
        for place in places {
            let message = "The value was changed since the merge and stays.";
            let fault = Fault::new(ErrorReason::MergeDatakeyChanged, message)
                .with("contact_id", contact)
                .with("path", place);
            self.conflicts.push(fault.into());
        }
    }

    fn give_back_heads(&mut self, scene: &mut Scene<'_, '_>) -> Result<(), Failure> {
        let source = self.giver;
        let (taken, stay) = self.take_moved(scene)?;
        for former in self.record.replaced_heads.clone() {
            if self.revive(scene, &former, self.holder)? {
                let restored = deltas::attached(scene.view, scene.space(), former.head_id)?;
                self.of_holder.push(restored);
            }
        }
        for former in self.record.freed_heads.clone() {
            if self.revive(scene, &former, source)? {
                self.returned.push(former.head_id);
            }
        }
        for former in taken {
            moves::give(scene.view, scene.space(), source, former.head_id)?;
            self.of_holder.push(deltas::detached(&former));
            self.returned.push(former.head_id);
        }
        for (head_id, owner) in stay {
            self.head_conflict(head_id, owner);
        }
        Ok(())
    }

    /// Takes the heads that the merge moved from the holder, which makes room for those that it
    /// gets again; answers them, and those that stay with whoever has them. The holder keeps one.
    #[expect(clippy::type_complexity, reason = "names for the pairs would say less")]
    fn take_moved(
        &self,
        scene: &mut Scene<'_, '_>,
    ) -> Result<(Vec<FormerHead>, Vec<(u64, u64)>), Failure> {
        let (space, holder) = (scene.space(), self.holder);
        let mut left = scene.view.body(space, holder)?.map_or(0, |body| body.head_ids.len());
        for former in &self.record.replaced_heads {
            left += usize::from(moves::is_free(scene.view, space, former.head_id)?.is_ok());
        }
        let (mut taken, mut stay) = (Vec::new(), Vec::new());
        for &head_id in &self.record.moved_head_ids {
            let owner = scene.owner_of(head_id)?;
            if owner != holder || left == 1 || self.giver == holder {
                stay.push((head_id, owner));
                continue;
            }
            taken.push(moves::take(scene.view, space, holder, head_id)?.former);
            left -= 1;
        }
        Ok((taken, stay))
    }

    /// Gives a head that the merge set free to a member again, as it was; not where somebody has it
    /// by now.
    fn revive(
        &mut self,
        scene: &mut Scene<'_, '_>,
        former: &FormerHead,
        contact: u64,
    ) -> Result<bool, Failure> {
        let given = moves::give_back(scene.view, scene.space(), contact, former)?;
        if let Err(owner) = given {
            self.head_conflict(former.head_id, owner);
        }
        Ok(given.is_ok())
    }

    fn head_conflict(&mut self, head_id: u64, owner: u64) {
        let message = "The head was moved or taken away since the merge and stays where it is.";
        let fault = Fault::new(ErrorReason::MergeHeadChanged, message)
            .with("head_id", head_id)
            .with("owner_contact_id", owner);
        self.conflicts.push(fault.into());
    }
}

/// Data without the differences of a merge, and the places of those that stay: all of them, or
/// what was changed since.
fn without(
    differences: &[DataDifference],
    before: &str,
    keeps_all: bool,
) -> Result<(String, Vec<String>), Failure> {
    let differences = loaded(differences);
    let (data, kept) = if keeps_all {
        let all = 0..differences.len();
        (before.to_owned(), all.filter(|&at| !differences[at].is_of_order()).collect())
    } else {
        let taken_back = take_back(before, &differences)?;
        (taken_back.data, taken_back.kept)
    };
    let place = |position: usize| differences[position].path.text().to_owned();
    Ok((data, kept.into_iter().map(place).collect()))
}

/// Brings the heads of a member into their former order; others follow.
fn reorder(scene: &mut Scene<'_, '_>, contact: u64, former: &[u64]) -> Result<(), Failure> {
    let space = scene.space();
    if let Some(body) = scene.view.change_body(space, contact)? {
        let place = |id: &u64| former.iter().position(|known| known == id).unwrap_or(usize::MAX);
        let ids = std::mem::take(&mut body.head_ids);
        let types = std::mem::take(&mut body.head_types);
        let mut heads: Vec<(u64, u32)> = ids.into_iter().zip(types).collect();
        heads.sort_by_cached_key(|(id, _)| place(id));
        (body.head_ids, body.head_types) = heads.into_iter().unzip();
    }
    Ok(())
}
