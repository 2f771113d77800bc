//! Rows become steps: cells are checked, normalised and turned into JSON on the caller's thread.

use std::sync::Arc;

use crate::datakey::{Change, Moment, json_cell_text};
use crate::fault::{Fault, Result};
use crate::import::columns::{Column, Plan, SystemCell};
use crate::import::dynamic::DynamicColumn;
use crate::import::orders::AttachRule;
use crate::matching::keys::address_probe;
use crate::matching::{AddressBook, Probe, Target, fields};
use crate::member::batch::{Batch, HeadWish, Origin, Step};
use crate::member::cells::Cells;
use crate::member::system::HeadChange;
use crate::space::Space;
use crate::wire::v1::{
    AddressType, ErrorReason, FieldValue, IfExists, ImportRow, KeyKind, Warning,
};
use crate::write::prepare::HEADS_MAX;

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
        in_order: false,
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
            return Err(too_many_cells(plan.columns.len(), row.cells.len()));
        }
        check_json_cells(row)?;
        let (first_probe, first_cell) = (self.probes.len(), self.cells.end());
        let mut step = Step { probes: first_probe..first_probe, ..Step::default() };
        for (index, column) in plan.columns.iter().take(row.cells.len()).enumerate() {
            let cell = cell_text(row, index)?;
            match column {
                Column::Dynamic(dynamic) => self.dynamic(index, dynamic, cell, row, &mut step)?,
                _ => self.cell(index, column, cell, &mut step)?,
            }
        }
        if plan.status.is_some_and(|status| status >= row.cells.len()) {
            step.head_changes.push(HeadChange::Subscribed(true));
        }
        step.head_changes.extend(plan.groups.iter().cloned());
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

    /// Leaves everybody whom a row names that cannot be prepared: its keys first, then whom it
    /// attaches or detaches. What is no identifier names nobody; the row is refused as it is.
    fn name(&mut self, row: &ImportRow, first_probe: usize) {
        self.probes.truncate(first_probe);
        let plan = self.plan;
        let columns = || plan.columns.iter().take(row.cells.len()).enumerate();
        for (index, column) in columns().filter(|(_, column)| column.is_key()) {
            if let Ok(cell) = cell_text(row, index) {
                let _refused = self.cell(index, column, cell, &mut Step::default());
            }
        }
        for (index, column) in columns() {
            let (Column::Attach(kind) | Column::Detach(kind)) = column else { continue };
            let Ok((text, _)) = cell_text(row, index) else { continue };
            for value in text.split('|') {
                if let Ok(entry) = self.book.add(self.space, *kind, value.trim()) {
                    self.probe(KeyKind::Locator, index, Target::Address(entry), "");
                }
            }
        }
    }

    fn cell(
        &mut self,
        index: usize,
        column: &Column,
        (text, is_json): (&str, bool),
        step: &mut Step,
    ) -> Result<()> {
        match column {
            Column::Ignored | Column::Dynamic(_) => {}
            Column::Datakey(change) => {
                self.cells.add(index, change, (text, is_json), self.moment)?;
            }
            Column::System(system) => match system.cell(text, is_json)? {
                SystemCell::Nothing => {}
                SystemCell::Changes(change) => step.head_changes.push(change),
                SystemCell::Ignored(warning) => step.warnings.push(warning),
            },
            _ if is_json => {
                let text = text_of_json(index, text)?;
                self.cell(index, column, (&text, false), step)?;
            }
            Column::Status => {
                let takes_part = matches!(text.trim(), "" | "1" | "active");
                step.head_changes.push(HeadChange::Subscribed(takes_part));
            }
            _ if text.is_empty() => {}
            Column::Attach(kind) => {
                let AttachRule { confirm, rule } = &self.plan.attach;
                for entry in self.listed(index, *kind, text, step)? {
                    let wish = HeadWish {
                        entry,
                        confirm: *confirm,
                        rule: rule.clone(),
                        resource_id: None,
                    };
                    step.heads.push(wish);
                }
            }
            Column::Detach(kind) => {
                let entries = self.listed(index, *kind, text, step)?;
                step.detaches.extend(entries);
            }
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
                let insertion = Change::compile(index, &fields::insertion(self.space, &value)?)?;
                step.field_values.push((self.probes.len() - step.probes.start, insertion));
                self.probe(KeyKind::Field, index, Target::Field(Box::new(query)), path);
            }
        }
        Ok(())
    }

    /// The addresses of a cell, joined by `|`.
    fn listed(
        &mut self,
        column: usize,
        kind: AddressType,
        text: &str,
        step: &Step,
    ) -> Result<Vec<usize>> {
        let values = text.split('|').map(str::trim).filter(|value| !value.is_empty());
        let count = step.heads.len() + step.detaches.len() + values.clone().count();
        if count > HEADS_MAX {
            return Err(Fault::limit("heads", HEADS_MAX, count).with("column", column));
        }
        let entry = |(index, value): (usize, &str)| {
            let added = self.book.add(self.space, kind, value);
            added.map_err(|fault| fault.with("column", column).with("index", index))
        };
        values.enumerate().map(entry).collect()
    }

    /// A cell whose datakey the row fills.
    fn dynamic(
        &mut self,
        index: usize,
        column: &DynamicColumn,
        (text, is_json): (&str, bool),
        row: &ImportRow,
        step: &mut Step,
    ) -> Result<()> {
        let filled = column.of_row(|named| {
            if named >= row.cells.len() {
                return Ok(String::new());
            }
            let (text, is_json) = cell_text(row, named)?;
            if is_json { text_of_json(named, text) } else { Ok(text.to_owned()) }
        })?;
        match filled {
            Ok(change) => self.cells.add_dynamic(change, (text, is_json), self.moment),
            Err(named) => {
                if !text.is_empty() {
                    step.warnings.push(incomplete(index, named));
                }
                Ok(())
            }
        }
    }

    fn probe(&mut self, kind: KeyKind, index: usize, target: Target, field_path: &str) {
        let rank = self.plan.policy.rank(kind, AddressType::Unspecified, field_path);
        self.probes.push(Probe { kind, index: position(index), rank, target });
    }
}

fn position(index: usize) -> u32 {
    u32::try_from(index).expect("there are at most 1,000 columns")
}

/// The text of a cell, and whether it is a JSON document.
pub fn cell_text(row: &ImportRow, index: usize) -> Result<(&str, bool)> {
    let text = std::str::from_utf8(&row.cells[index]).map_err(|_| not_utf8(index))?;
    let is_json =
        !row.json_cells.is_empty() && row.json_cells.binary_search(&position(index)).is_ok();
    Ok((text, is_json))
}

/// Checks which cells of a row are said to be JSON.
pub fn check_json_cells(row: &ImportRow) -> Result<()> {
    let cells = &row.json_cells;
    let are_cells = cells.last().is_none_or(|&last| (last as usize) < row.cells.len());
    if are_cells && cells.is_sorted_by(|left, right| left < right) {
        return Ok(());
    }
    Err(Fault::invalid("rows.json_cells", "must be positions of cells, ascending"))
}

/// What a JSON cell says where text is wanted.
pub fn text_of_json(column: usize, cell: &str) -> Result<String> {
    let text = json_cell_text(column, cell).map_err(|fault| fault.with("column", column))?;
    text.ok_or_else(|| {
        let message = "A JSON cell must be a string or a number in this column.";
        Fault::new(ErrorReason::CellNotText, message).with("column", column)
    })
}

fn incomplete(column: usize, named: usize) -> Warning {
    let message = "A cell was not written: a column that its datakey names is empty in this row.";
    let fault = Fault::new(ErrorReason::DatakeyIncomplete, message);
    fault.with("column", column).with("named_column", named).into()
}

/// The fault of a row that is longer than its columns.
pub fn too_many_cells(columns: usize, cells: usize) -> Fault {
    Fault::new(
        ErrorReason::ImportCellsTooMany,
        "The row has more cells than there are columns; look for a stray separator.",
    )
    .with("columns", columns)
    .with("cells", cells)
}

fn not_utf8(column: usize) -> Fault {
    Fault::new(ErrorReason::CellNotUtf8, "A cell is not valid UTF-8; convert the file first.")
        .with("column", column)
}

fn not_a_number(column: usize) -> Fault {
    Fault::new(ErrorReason::CellNotANumber, "A contact id must be decimal digits.")
        .with("column", column)
}
