//! Files of rows: what they are, and their rows in batches, without a store.

mod batch;
mod caption;
mod charset;
mod columns;
mod csv;
mod csv_record;
mod faults;
mod inexact;
mod inspect;
mod json;
pub mod limits;
mod looks;
mod naming;
mod notation;
mod pick;
mod reader;
mod renames;
mod sample;
mod separator_line;
mod shape;
mod sheet_cell;
mod sheet_columns;
mod sheet_dates;
mod sniff;
mod spreadsheet;
mod text;
mod words;

pub use batch::{Problem, SourceBatch};
pub use inspect::{Inspection, SampleRow, inspect, inspect_express};
pub use naming::{ReportName, report_names};
pub use pick::{Picked, pick};
pub use reader::{ReadingTime, RowReader, open};
pub use sniff::sniff;
pub use spreadsheet::{Converted, convert};
