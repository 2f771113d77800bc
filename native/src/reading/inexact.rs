//! Identifiers that a spreadsheet has as numbers which it does not keep exactly.
//!
//! The numbers of two people may be one there, and nothing shows it: such rows are refused.

use crate::wire::v1::import_column::Target;
use crate::wire::v1::{ImportColumn, ImportRow};

use super::batch::{Problem, SourceBatch};
use super::faults;
use super::sheet_cell::is_inexact;

/// Where the identifiers of a spreadsheet are.
pub(super) fn identifiers(columns: &[ImportColumn]) -> Vec<u32> {
    let numbered = (0..).zip(columns);
    numbered.filter(|(_, column)| has_identifiers(column)).map(|(position, _)| position).collect()
}

fn has_identifiers(column: &ImportColumn) -> bool {
    match &column.target {
        Some(
            Target::ContactId(_)
            | Target::Address(_)
            | Target::Field(_)
            | Target::Attach(_)
            | Target::Detach(_),
        ) => true,
        Some(Target::Datakey(_) | Target::Status(_) | Target::Ignored(_)) | None => false,
    }
}

/// Makes problems of the rows that have such a number at one of these positions.
pub(super) fn refuse(batch: &mut SourceBatch, identifiers: &[u32]) {
    let found = |row: &ImportRow| {
        identifiers.iter().copied().find(|position| {
            row.json_cells.contains(position) && is_inexact_cell(&row.cells[*position as usize])
        })
    };
    let columns: Vec<Option<u32>> = batch.rows.iter().map(found).collect();
    if columns.iter().all(Option::is_none) {
        return;
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(column) = column {
            let fault = faults::inexact().with("column", column);
            let text = batch.text(index);
            batch.problems.push(Problem::new(batch.numbers[index], fault, text.as_bytes()));
        }
    }
    batch.problems.sort_by_key(|problem| problem.number);
    let mut is_kept = columns.iter().map(Option::is_none);
    batch.rows.retain(|_| is_kept.next().unwrap_or(true));
    let mut is_kept = columns.iter().map(Option::is_none);
    batch.numbers.retain(|_| is_kept.next().unwrap_or(true));
}

fn is_inexact_cell(cell: &[u8]) -> bool {
    let number = std::str::from_utf8(cell).ok().and_then(|cell| cell.parse().ok());
    number.is_some_and(is_inexact)
}
