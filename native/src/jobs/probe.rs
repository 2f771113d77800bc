//! What an import would make of a file: its layout, and the exact outcome of the first rows.

use std::path::Path;
use std::sync::Arc;

use super::check::reading as checked_reading;
use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::import::{Plan, rows};
use crate::reading::{self, Inspection};
use crate::space::Space;
use crate::wire::v1::{
    ImportOptions, ImportRow, OutcomeStatus, ProbeImportRequest, ProbeImportResponse, ProbedRow,
    Warning,
};
use crate::write::Job;
use crate::write::apply::{Refusal, RowOutcome};
use crate::write::queue::{self, Again, Answers, Chunk, Purpose};

/// `ProbeFile`.
pub fn probe(core: &Core, request: &ProbeImportRequest, path: &str) -> Result<ProbeImportResponse> {
    let options = request.options.as_ref().ok_or_else(|| Fault::required("options"))?;
    let space = core.spaces().get(options.space.as_ref())?;
    let asked = request.reading.clone().unwrap_or_default();
    checked_reading(&asked, options)?;
    let mut inspection = reading::inspect(Path::new(path), &asked, &options.columns)?;
    let columns = inspection.layout.columns.clone();
    let planned = match inspection.problem.take() {
        Some(problem) => Err(problem),
        None => Plan::compile(&space, &ImportOptions { columns, ..options.clone() }),
    };
    let outcomes = match planned {
        Ok(plan) => Ok(rehearsed(core, &space, &Arc::new(plan), &inspection)?),
        Err(problem) => Err(problem),
    };
    Ok(response(inspection, outcomes))
}

/// What would become of the first rows on the newest state, each seeing those before it.
fn rehearsed(
    core: &Core,
    space: &Arc<Space>,
    plan: &Arc<Plan>,
    inspection: &Inspection,
) -> Result<Vec<std::result::Result<RowOutcome, Refusal>>> {
    let first: Vec<ImportRow> = inspection.rows.iter().map(|sample| sample.row.clone()).collect();
    let batch = rows::prepare(space, plan, (&first, 0), core.moment(space));
    // Nothing comes between: it is planned at once.
    let again = Again(Box::new(|_| Err(Fault::outdated())));
    let purpose = Purpose::Rows(Chunk { keep: None, broken: Arc::default(), again });
    let job = Job { batch, purpose, bytes: 0, deadline: None };
    match queue::rehearse(core.engine(), &job)?.answers {
        Answers::Rows(rows) => Ok(rows),
        _ => Err(Fault::internal("rows have outcomes")),
    }
}

fn response(
    inspection: Inspection,
    outcomes: std::result::Result<Vec<std::result::Result<RowOutcome, Refusal>>, Fault>,
) -> ProbeImportResponse {
    let Inspection { layout, columns, rows, mut warnings, rows_estimate, file_bytes, .. } =
        inspection;
    let cannot_import = outcomes.is_err();
    let outcomes = outcomes.unwrap_or_else(|problem| {
        warnings.insert(0, Warning::from(problem));
        Vec::new()
    });
    let mut outcomes = outcomes.into_iter();
    let probed = rows.into_iter().map(|sample| {
        let row = ProbedRow { row: sample.number, cells: sample.cells, ..Default::default() };
        match outcomes.next() {
            None => row,
            Some(Ok(RowOutcome { status, contact, warnings })) => {
                ProbedRow { status: status.into(), contact_id: contact, warnings, ..row }
            }
            Some(Err(Refusal { fault, contact })) => ProbedRow {
                status: OutcomeStatus::Rejected.into(),
                contact_id: contact,
                fault: Some(fault.into()),
                ..row
            },
        }
    });
    let rows = probed.collect();
    ProbeImportResponse {
        layout: Some(layout),
        columns,
        rows,
        cannot_import,
        warnings,
        rows_estimate,
        file_bytes,
        ..Default::default()
    }
}
