//! The datakey cells of a chunk of rows, checked and turned into canonical JSON.

use std::ops::Range;
use std::sync::Arc;

use crate::datakey::{ColumnChange, Document, Moment};
use crate::fault::Result;
use crate::import::{Column, Plan};

/// One cell that changes data.
#[derive(Debug)]
struct Cell {
    column: usize,
    value: Range<usize>,
}

/// The cells of all rows, row after row.
#[derive(Debug)]
pub struct Cells {
    plan: Arc<Plan>,
    values: String,
    entries: Vec<Cell>,
}

impl Cells {
    /// No cells yet.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self { plan, values: String::new(), entries: Vec::new() }
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
        text: &str,
        moment: &Moment,
    ) -> Result<()> {
        let start = self.values.len();
        if change.prepare(text, moment, &mut self.values)? {
            self.entries.push(Cell { column, value: start..self.values.len() });
        }
        Ok(())
    }

    /// Applies the cells of one row in the order of the columns.
    pub fn apply<'a>(&'a self, row: Range<usize>, document: &mut Document<'a>) -> Result<()> {
        for cell in &self.entries[row] {
            if let Column::Datakey(change) = &self.plan.columns[cell.column] {
                change.apply(document, &self.values[cell.value.clone()])?;
            }
        }
        Ok(())
    }
}
