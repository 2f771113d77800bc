//! A batch of an express import: its rows go to a list and to nobody else.

use std::sync::Arc;

use prost::Message;

use super::applied::{AppliedBatch, keep_rejects, progress};
use super::record::progress_key;
use super::rejects::unreadable;
use crate::core::Core;
use crate::express::{self, ExpressPlan, MakeList, Prepared, Refused};
use crate::fault::{Failure, Result};
use crate::member::View;
use crate::member::batch::Batch;
use crate::member::groups::run;
use crate::space::Space;
use crate::store::{StoreError, StoreResult, Table};
use crate::wire::storage::{JobRecord, RejectRecord};
use crate::wire::v1;
use crate::write::apply::{Refusal, RowOutcome};
use crate::write::position::{Keep, Reached};

/// One batch of a job, with its rows as they are stored.
#[derive(Debug)]
pub struct ExpressBatch {
    /// What batches of all jobs have.
    pub applied: AppliedBatch,
    /// The code of the list.
    pub list_id: String,
    /// The columns.
    pub plan: Arc<ExpressPlan>,
    /// The rows.
    pub prepared: Prepared,
}

impl Keep for ExpressBatch {
    fn begin<'a>(
        &'a self,
        view: &mut View<'_>,
        _: &mut Reached<'a>,
        now_seconds: i64,
    ) -> std::result::Result<bool, Failure> {
        if !self.applied.is_due(view)? {
            return Ok(false);
        }
        let space = self.prepared.space.number;
        express::find(view, (space, &self.list_id), now_seconds).map(|_| true)
    }

    fn end(
        &self,
        view: &mut View<'_>,
        batch: &Batch,
        _: &[std::result::Result<RowOutcome, Refusal>],
    ) -> StoreResult<()> {
        if Arc::ptr_eq(&batch.space, &self.prepared.space) {
            return self.store(view, batch, &self.prepared);
        }
        // Another policy has come before its turn.
        let source = &self.applied.source;
        let anew = express::prepare(&batch.space, &self.plan, &self.list_id, source);
        self.store(view, batch, &anew)
    }
}

impl ExpressBatch {
    fn store(&self, view: &mut View<'_>, batch: &Batch, prepared: &Prepared) -> StoreResult<()> {
        let AppliedBatch { job_id, number, source, .. } = &self.applied;
        let Some(mut progress) = progress(view, *job_id)? else { return Ok(()) };
        self.applied.advance(view, &mut progress);
        if let Some((last_row, segment)) = &prepared.segment {
            let place = (batch.space.number, self.list_id.as_str());
            let now_seconds = batch.moment.now.as_second();
            let added = express::add_segment(view, place, (*last_row, segment), now_seconds);
            added.map_err(gone)?;
            progress.created += u64::from(segment.rows);
        }
        progress.read += source.rows.len() as u64;
        progress.rejected += prepared.refused.len() as u64;
        let refused =
            prepared.refused.iter().map(|Refused { index, fault, addresses }| RejectRecord {
                row: source.numbers[*index],
                fault: v1::Fault::from(fault.clone()).encode_to_vec().into(),
                text: source.text(*index),
                json_cells: source.rows[*index].json_cells.clone(),
                addresses: addresses.clone(),
                ..Default::default()
            });
        let mut rejects: Vec<RejectRecord> = refused.chain(unreadable(source)).collect();
        rejects.sort_by_key(|reject| reject.row);
        keep_rejects(view, (*job_id, *number), &mut progress, rejects)?;
        view.set_record(Table::JobProgress, progress_key(*job_id), Some(&progress));
        Ok(())
    }
}

/// A list cannot go between the beginning and the end of a batch.
fn gone(failure: Failure) -> StoreError {
    match failure {
        Failure::Store(error) => error,
        Failure::Fault(fault) => StoreError::Corrupt {
            table: Table::ExpressLists.name(),
            problem: format!("the list of a batch is gone: {:?}", fault.reason),
        },
    }
}

/// Makes the list of a job, or finds it where the job goes on.
pub fn make(
    core: &Core,
    space: &Arc<Space>,
    (job_id, job): (u64, &JobRecord),
    plan: &ExpressPlan,
) -> Result<()> {
    let name = (job.group_id.as_str(), job.group_name.as_str());
    run(core, space, || Box::new(MakeList::new(job_id, name, plan))).map(drop)
}
