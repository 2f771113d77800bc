//! What only the columns of a spreadsheet say of its rows; other files say it themselves.

use crate::wire::v1::{FileShape, ImportLayout, ImportReading};

use super::batch::SourceBatch;
use super::inexact;
use super::sheet_dates::{self, DateColumn};

/// The columns of a spreadsheet whose cells are not taken as they are.
pub(super) struct SheetColumns {
    /// Where numbers must be exact, because they say whose row it is.
    identifiers: Vec<u32>,
    /// Where dates have the parts of their type.
    dates: Vec<DateColumn>,
}

impl SheetColumns {
    /// Those of a file; `None` where there are none, as in every file that is no spreadsheet.
    pub(super) fn of(layout: &ImportLayout) -> Option<Self> {
        if layout.reading.as_ref().map(ImportReading::shape) != Some(FileShape::Spreadsheet) {
            return None;
        }
        let identifiers = inexact::identifiers(&layout.columns);
        let dates = sheet_dates::columns(&layout.columns);
        (!identifiers.is_empty() || !dates.is_empty()).then_some(Self { identifiers, dates })
    }

    /// Refuses rows with numbers that are not exact, and gives dates their parts.
    pub(super) fn fit(&self, batch: &mut SourceBatch) {
        inexact::refuse(batch, &self.identifiers);
        sheet_dates::fit(batch, &self.dates);
    }
}
