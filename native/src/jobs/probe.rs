//! What an import would make of a file: its layout, the exact outcome of the first rows, and an
//! estimate for all.

use std::path::Path;
use std::sync::Arc;

use super::check::{orders, reading as checked_reading};
use super::create::NameGroup;
use super::estimate::estimate;
use super::stop::{Ran, Stop, stop};
use super::target::{Orders, Target, inspected};
use crate::core::Core;
use crate::express::{self, ExpressPlan, Refused};
use crate::fault::{Fault, Result};
use crate::import::{Plan, rows};
use crate::member::batch::Batch;
use crate::reading::{self, Inspection, SourceBatch};
use crate::space::Space;
use crate::wire::v1::{
    OutcomeStatus, ProbeImportRequest, ProbeImportResponse, ProbedRow, StartImportRequest, Warning,
};
use crate::write::Job;
use crate::write::apply::{Refusal, RowOutcome};
use crate::write::operation::Options;
use crate::write::queue::{self, Again, Answers, Chunk, Done, Purpose};

/// What would become of a row.
pub type Outcome = std::result::Result<RowOutcome, Refusal>;

/// `ProbeFile`.
pub fn probe(core: &Core, request: &ProbeImportRequest, path: &str) -> Result<ProbeImportResponse> {
    let options = request.options.as_ref().ok_or_else(|| Fault::required("options"))?;
    let space = core.spaces().get(options.space.as_ref())?;
    let asked = request.reading.clone().unwrap_or_default();
    checked_reading(&asked, options)?;
    let path = Path::new(path);
    let import = import_of(request);
    let mut inspection = inspected(path, &import)?;
    tell_meanings(&space, &import, &mut inspection);
    match begun(core, &space, &import, &inspection) {
        Ok(target) => told(core, &space, &target, (path, inspection)),
        Err(Stop::Failed(problem)) => Ok(response(inspection, Err(problem))),
        Err(Stop::Passing(fault)) => Err(fault),
    }
}

/// What would become of the first rows and of all.
fn told(
    core: &Core,
    space: &Arc<Space>,
    target: &Target,
    (path, mut inspection): (&Path, Inspection),
) -> Result<ProbeImportResponse> {
    let first = judged(core, space, target, &first_rows(&inspection))?;
    let picked = reading::pick(path, &inspection.layout)?;
    let outcomes = judged(core, space, target, &picked.source)?;
    if picked.is_whole {
        inspection.rows_estimate = picked.readable + picked.unreadable;
    }
    let estimate = estimate(&picked, &outcomes, inspection.rows_estimate);
    Ok(ProbeImportResponse {
        estimate: Some(estimate),
        estimate_rows: u32::try_from(outcomes.len()).expect("bounded by what is picked"),
        estimate_exact: picked.is_all(),
        ..response(inspection, Ok(first))
    })
}

/// The import that is probed, wherever its rows come from.
fn import_of(request: &ProbeImportRequest) -> StartImportRequest {
    StartImportRequest {
        reading: request.reading.clone(),
        options: request.options.clone(),
        auto_group: request.auto_group.clone(),
        clean_group: request.clean_group,
        express: request.express,
        ..Default::default()
    }
}

/// Says what columns are for an express list, unless they cannot be for one.
fn tell_meanings(space: &Space, import: &StartImportRequest, inspection: &mut Inspection) {
    if !import.express {
        return;
    }
    let columns = inspection.layout.columns.clone();
    if let Ok(Target::Express(plan, _)) = Orders::of(import, columns, "").target(space) {
        for (column, meaning) in inspection.columns.iter_mut().zip(plan.meanings()) {
            (column.meaning, column.dynamic) = (meaning, false);
        }
    }
}

/// Refuses what would keep the import from being taken or from beginning.
fn begun(
    core: &Core,
    space: &Arc<Space>,
    import: &StartImportRequest,
    inspection: &Inspection,
) -> Ran<Target> {
    orders(space, import).map_err(Stop::Failed)?;
    let batch = Batch::bare(Arc::clone(space), core.moment(space));
    let naming = Box::new(NameGroup { request: import.clone() });
    let job = Job::of_operation(batch, naming, Options::default());
    let named = queue::rehearse(core.engine(), &job).and_then(Done::operation).map_err(stop)?;
    if let Some(problem) = &inspection.problem {
        return Err(Stop::Failed(problem.clone()));
    }
    let columns = inspection.layout.columns.clone();
    let group_id = String::from_utf8_lossy(&named.outcome);
    Orders::of(import, columns, &group_id).target(space).map_err(Stop::Failed)
}

fn first_rows(inspection: &Inspection) -> SourceBatch {
    SourceBatch {
        rows: inspection.rows.iter().map(|sample| sample.row.clone()).collect(),
        numbers: inspection.rows.iter().map(|sample| sample.number).collect(),
        problems: Vec::new(),
    }
}

/// What would become of rows.
fn judged(
    core: &Core,
    space: &Arc<Space>,
    target: &Target,
    source: &SourceBatch,
) -> Result<Vec<Outcome>> {
    match target {
        Target::Members(plan) => rehearsed(core, space, plan, source),
        Target::Express(plan, list_id) => Ok(kept(space, plan, list_id, source)),
    }
}

/// What would become of rows on the newest state, each seeing those before it.
fn rehearsed(
    core: &Core,
    space: &Arc<Space>,
    plan: &Arc<Plan>,
    source: &SourceBatch,
) -> Result<Vec<Outcome>> {
    let batch = rows::prepare(space, plan, (&source.rows, 0), core.moment(space));
    // Nothing comes between: it is planned at once.
    let again = Again(Box::new(|_| Err(Fault::outdated())));
    let purpose = Purpose::Rows(Chunk { keep: None, broken: Arc::default(), again });
    let job = Job { batch, purpose, bytes: 0, deadline: None };
    match queue::rehearse(core.engine(), &job)?.answers {
        Answers::Rows(rows) => Ok(rows),
        _ => Err(Fault::internal("rows have outcomes")),
    }
}

/// Which rows an express list would get; they see nobody.
fn kept(
    space: &Arc<Space>,
    plan: &ExpressPlan,
    list_id: &str,
    source: &SourceBatch,
) -> Vec<Outcome> {
    let created =
        || RowOutcome { status: OutcomeStatus::Created, contact: 0, warnings: Vec::new() };
    let mut outcomes: Vec<Outcome> = source.rows.iter().map(|_| Ok(created())).collect();
    for Refused { index, fault, .. } in express::prepare(space, plan, list_id, source).refused {
        outcomes[index] = Err(Refusal { fault, contact: 0 });
    }
    outcomes
}

fn response(
    inspection: Inspection,
    outcomes: std::result::Result<Vec<Outcome>, Fault>,
) -> ProbeImportResponse {
    let Inspection { layout, columns, rows, mut warnings, rows_estimate, file_bytes, .. } =
        inspection;
    let cannot_import = outcomes.is_err();
    let outcomes = outcomes.unwrap_or_else(|problem| {
        let problem = Warning::from(problem);
        // What is wrong with the columns is a warning about the file already.
        warnings.retain(|warning| *warning != problem);
        warnings.insert(0, problem);
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
