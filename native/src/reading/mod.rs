//! Files of rows: what they are, and their rows in batches, without a store.

mod batch;
mod caption;
mod charset;
mod csv;
mod csv_record;
mod faults;
mod inspect;
pub mod limits;
mod notation;
mod reader;
mod text;
mod words;

pub use batch::{Problem, SourceBatch};
pub use inspect::{Inspection, SampleRow, inspect};
pub use reader::{RowReader, open};
