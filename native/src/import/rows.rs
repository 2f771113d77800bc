//! Rows become steps: cells are checked, normalised and turned into JSON on the caller's thread.

use std::sync::Arc;

use crate::datakey::Moment;
use crate::fault::{Fault, Result};
use crate::import::columns::{Column, Plan, SystemCell};
use crate::matching::keys::address_probe;
use crate::matching::{AddressBook, Probe, Target, fields};
use crate::member::batch::{Batch, Origin, Step};
use crate::member::cells::Cells;
use crate::space::Space;
use crate::wire::v1::{AddressType, ErrorReason, FieldValue, IfExists, ImportRow, KeyKind};

/// Prepares the rows of a chunk; `bytes` is about how long they are. A row that cannot be prepared
/// becomes its fault.
pub fn prepare(
    space: &Arc<Space>,
    plan: &Arc<Plan>,
    (rows, bytes): (&[ImportRow], usize),
    moment: Moment,
) -> Batch {
    let keys = rows.len() * plan.columns.iter().filter(|column| column.is_key()).count();
    let mut preparation = Preparation {
        space,
        plan,
        moment: &moment,
        book: AddressBook::with_capacity(keys),
        probes: Vec::with_capacity(keys),
        cells: Cells::new(Arc::clone(plan), rows.len(), bytes),
    };
    let mut row_probes = Vec::with_capacity(rows.len());
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        let first = preparation.probes.len();
        let step = preparation.step(row);
        if step.is_err() {
            preparation.name(row, first);
        }
        row_probes.push(first..preparation.probes.len());
        steps.push(step);
    }
    let Preparation { book, probes, cells, .. } = preparation;
    let space = Arc::clone(space);
    Batch {
        space,
        book: book.sealed(),
        probes,
        steps,
        cells: Some(cells.fitted()),
        row_probes,
        origin: Origin::Import,
        moment,
    }
}

struct Preparation<'a> {
    space: &'a Space,
    plan: &'a Arc<Plan>,
    moment: &'a Moment,
    book: AddressBook,
    probes: Vec<Probe>,
    cells: Cells,
}

impl Preparation<'_> {
    fn step(&mut self, row: &ImportRow) -> Result<Step> {
        let plan = self.plan;
        if row.cells.len() > plan.columns.len() {
            return Err(Fault::new(
                ErrorReason::ImportCellsTooMany,
                "The row has more cells than there are columns; look for a stray separator.",
            )
            .with("columns", plan.columns.len())
            .with("cells", row.cells.len()));
        }
        let (first_probe, first_cell) = (self.probes.len(), self.cells.end());
        let mut step = Step::default();
        for (index, (column, cell)) in plan.columns.iter().zip(&row.cells).enumerate() {
            let text = std::str::from_utf8(cell).map_err(|_| not_utf8(index))?;
            self.cell(index, column, text, &mut step)?;
        }
        if self.probes.len() == first_probe {
            return Err(Fault::new(
                ErrorReason::MatchKeysRequired,
                "All key cells of the row are empty.",
            ));
        }
        Ok(Step {
            probes: first_probe..self.probes.len(),
            cells: first_cell..self.cells.end(),
            if_exists: plan.if_exists,
            newbie_confirm: plan.newbie_confirm,
            source: plan.source.clone(),
            manner: plan.policy.manner,
            restores: plan.policy.restores && plan.if_exists != IfExists::Error,
            ..step
        })
    }

    /// Leaves every key of a row that cannot be prepared, so that others know whom it names.
    fn name(&mut self, row: &ImportRow, first_probe: usize) {
        self.probes.truncate(first_probe);
        let plan = self.plan;
        let keys = plan.columns.iter().zip(&row.cells).enumerate();
        for (index, (column, cell)) in keys.filter(|(_, (column, _))| column.is_key()) {
            if let Ok(text) = std::str::from_utf8(cell) {
                // A key that is none names nobody; the row is refused as it is.
                let _refused = self.cell(index, column, text, &mut Step::default());
            }
        }
    }

    fn cell(&mut self, index: usize, column: &Column, text: &str, step: &mut Step) -> Result<()> {
        match column {
            Column::Ignored => {}
            Column::Datakey(change) => self.cells.add(index, change, text, self.moment)?,
            Column::System(system) => match system.cell(text)? {
                SystemCell::Nothing => {}
                SystemCell::Changes(change) => step.head_changes.push(change),
                SystemCell::Ignored(warning) => step.warnings.push(warning),
            },
            _ if text.is_empty() => {}
            Column::ContactId => {
                let digits = text.trim();
                let id = digits.parse().ok().filter(|_| !digits.starts_with('+'));
                let id = id.ok_or_else(|| not_a_number(index))?;
                self.probe(KeyKind::ContactId, index, Target::Contact(id), "");
            }
            Column::Address(kind) => {
                let key = match kind {
                    AddressType::Csid => KeyKind::ExternalCustomerId,
                    _ => KeyKind::Locator,
                };
                let key = (key, position(index));
                let policy = &self.plan.policy;
                let probe = address_probe(self.space, policy, key, *kind, text, &mut self.book);
                self.probes.push(probe);
            }
            Column::Field(path) => {
                let value = FieldValue { path: path.clone(), value: text.to_owned() };
                let query = fields::query(self.space, &value)?;
                self.probe(KeyKind::Field, index, Target::Field(Box::new(query)), path);
            }
        }
        Ok(())
    }

    fn probe(&mut self, kind: KeyKind, index: usize, target: Target, field_path: &str) {
        let rank = self.plan.policy.rank(kind, AddressType::Unspecified, field_path);
        self.probes.push(Probe { kind, index: position(index), rank, target });
    }
}

fn position(index: usize) -> u32 {
    u32::try_from(index).expect("there are at most 1,000 columns")
}

fn not_utf8(column: usize) -> Fault {
    Fault::new(ErrorReason::CellNotUtf8, "A cell is not valid UTF-8; convert the file first.")
        .with("column", column)
}

fn not_a_number(column: usize) -> Fault {
    Fault::new(ErrorReason::CellNotANumber, "A contact id must be decimal digits.")
        .with("column", column)
}
