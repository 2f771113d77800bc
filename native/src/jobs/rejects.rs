//! The refused rows of a job: kept with their batch, read in pages, taken back when somebody whom
//! they name is erased.

use std::ops::ControlFlow;

use prost::Message;

use crate::matching::Target;
use crate::member::View;
use crate::member::batch::Batch;
use crate::reading::SourceBatch;
use crate::store::{StoreError, StoreResult, Table, keys, records};
use crate::wire::internal::v1::{ReadRejectsResponse, RejectedRow};
use crate::wire::storage::{RejectList, RejectRecord, RejectSegment};
use crate::wire::v1;
use crate::write::apply::{Refusal, RowOutcome};

/// Bytes of one page of rejects before they are unpacked further; it may exceed them by one batch.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// The refused rows of a batch, in the order of the file.
pub fn list(
    source: &SourceBatch,
    batch: &Batch,
    rows: &[Result<RowOutcome, Refusal>],
) -> Vec<RejectRecord> {
    let refused = rows.iter().enumerate().filter_map(|(index, row)| {
        let refusal = row.as_ref().err()?;
        Some(refused(source, batch, index, refusal))
    });
    let mut rejects: Vec<RejectRecord> = refused.chain(unreadable(source)).collect();
    rejects.sort_by_key(|reject| reject.row);
    rejects
}

/// What should have been rows and could not be read.
pub fn unreadable(source: &SourceBatch) -> impl Iterator<Item = RejectRecord> + '_ {
    source.problems.iter().map(|problem| RejectRecord {
        row: problem.number,
        fault: v1::Fault::from(problem.fault.clone()).encode_to_vec().into(),
        text: problem.text.clone(),
        is_unreadable: true,
        ..Default::default()
    })
}

fn refused(source: &SourceBatch, batch: &Batch, index: usize, refusal: &Refusal) -> RejectRecord {
    let (mut addresses, mut dataset_ids) = (Vec::new(), Vec::new());
    let mut address = |entry: usize| addresses.push(keys::address_hash(batch.book.key(entry)));
    for probe in &batch.probes[batch.row_probes[index].clone()] {
        match &probe.target {
            Target::Address(entry) => address(*entry),
            Target::Contact(id) => dataset_ids.push(*id),
            _ => {}
        }
    }
    if let Ok(step) = &batch.steps[index] {
        step.heads.iter().for_each(|wish| address(wish.entry));
        step.detaches.iter().for_each(|&entry| address(entry));
    }
    dataset_ids.extend(Some(refusal.contact).filter(|&contact| contact != 0));
    RejectRecord {
        row: source.numbers[index],
        fault: v1::Fault::from(refusal.fault.clone()).encode_to_vec().into(),
        text: source.text(index),
        json_cells: source.rows[index].json_cells.clone(),
        addresses,
        dataset_ids,
        is_unreadable: false,
    }
}

/// Some more rejects of a job, behind a batch.
pub fn read(
    view: &View<'_>,
    (space, job_id): (u32, u64),
    after_batch: u64,
) -> StoreResult<ReadRejectsResponse> {
    let prefix = keys::owned(|key| keys::rejects_of(key, space, job_id));
    let from = keys::owned(|key| {
        keys::rejects(key, space, job_id, after_batch.saturating_add(1));
    });
    let (mut answer, mut bytes, mut failed) = (ReadRejectsResponse::default(), 0, Ok(()));
    answer.last_batch = after_batch;
    view.snapshot().scan(Table::Rejects, &from, usize::MAX, &mut |key, value| {
        if !key.starts_with(&prefix) || bytes >= PAGE_BYTES_MAX || after_batch == u64::MAX {
            return ControlFlow::Break(());
        }
        match segment(key, value) {
            Ok((batch, rejects)) => {
                answer.last_batch = batch;
                bytes += rejects.iter().map(Message::encoded_len).sum::<usize>();
                answer.rejects.extend(rejects);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map(|()| answer)
}

fn segment(key: &[u8], value: &[u8]) -> StoreResult<(u64, Vec<RejectedRow>)> {
    let (_, _, batch) = keys::parse_rejects(key)?;
    let segment: RejectSegment = records::decode(Table::Rejects, value)?;
    let RejectList { rejects } = records::unpack_rejects(&segment)?;
    let row = |RejectRecord { row, fault, text, json_cells, .. }| {
        let fault = v1::Fault::decode(fault).map_err(|error| StoreError::Corrupt {
            table: Table::Rejects.name(),
            problem: error.to_string(),
        })?;
        Ok(RejectedRow { row, fault: Some(fault), text, json_cells })
    };
    Ok((batch, rejects.into_iter().map(row).collect::<StoreResult<_>>()?))
}
