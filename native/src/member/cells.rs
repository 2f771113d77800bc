//! The datakey cells of a chunk of rows, checked and turned into canonical JSON.

use std::ops::Range;
use std::sync::Arc;

use crate::datakey::{ColumnChange, Document, Moment};
use crate::fault::Result;
use crate::import::{Column, Plan};

/// One cell that changes data; its value ends here and begins where the one before ends.
#[derive(Debug, Clone, Copy)]
struct Cell {
    column: u32,
    value_end: u32,
}

/// The cells of all rows, row after row.
#[derive(Debug)]
pub struct Cells {
    plan: Arc<Plan>,
    values: String,
    entries: Vec<Cell>,
    /// Changes of single rows; a cell has them behind the columns.
    dynamic: Vec<ColumnChange>,
}

impl Cells {
    /// No cells yet, with room for those of so many rows.
    pub fn new(plan: Arc<Plan>, rows: usize, bytes: usize) -> Self {
        let entries = Vec::with_capacity(rows * plan.columns.len());
        Self { plan, values: String::with_capacity(bytes), entries, dynamic: Vec::new() }
    }

    /// What the columns mean and how rows apply.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where the next cell will be.
    pub fn end(&self) -> usize {
        self.entries.len()
    }

    /// Adds a cell; one that leaves its datakey as it is needs no place.
    pub fn add(
        &mut self,
        column: usize,
        change: &ColumnChange,
        (text, is_json): (&str, bool),
        moment: &Moment,
    ) -> Result<()> {
        let before = self.values.len();
        let prepared = if is_json {
            change.prepare_json(text, moment, &mut self.values)
        } else {
            change.prepare(text, moment, &mut self.values)
        };
        if prepared == Ok(true) {
            let small = |number: usize| u32::try_from(number).expect("chunks are below 4 GiB");
            let value_end = small(self.values.len());
            self.entries.push(Cell { column: small(column), value_end });
        } else {
            // Values follow one another without gaps: what a refused cell left is taken back.
            self.values.truncate(before);
        }
        prepared.map(drop)
    }

    /// Adds a cell whose change is of its row alone.
    pub fn add_dynamic(
        &mut self,
        change: ColumnChange,
        cell: (&str, bool),
        moment: &Moment,
    ) -> Result<()> {
        let place = self.plan.columns.len() + self.dynamic.len();
        self.add(place, &change, cell, moment)?;
        self.dynamic.push(change);
        Ok(())
    }

    /// Gives back the room that the cells did not need: a batch waits longer than it is made.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        self.values.shrink_to_fit();
        self.entries.shrink_to_fit();
        self
    }

    /// Applies the cells of one row in the order of the columns.
    pub fn apply<'a>(&'a self, row: Range<usize>, document: &mut Document<'a>) -> Result<()> {
        let before = row.start.checked_sub(1).map(|index| self.entries[index]);
        let mut start = before.map_or(0, |cell| cell.value_end as usize);
        for cell in &self.entries[row] {
            let end = cell.value_end as usize;
            let (column, columns) = (cell.column as usize, &self.plan.columns);
            match columns.get(column) {
                Some(Column::Datakey(change)) => {
                    change.apply(document, &self.values[start..end])?;
                }
                Some(_) => {}
                None => {
                    let change = &self.dynamic[column - columns.len()];
                    change.apply(document, &self.values[start..end])?;
                }
            }
            start = end;
        }
        Ok(())
    }
}
