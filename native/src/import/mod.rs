//! Rows in bulk: columns say what cells are, rows become steps, a stream keeps them coming.

mod columns;
mod dynamic;
mod orders;
mod rows;
mod stream;

pub use columns::{Column, Plan};
pub use stream::{ActiveImport, ImportStream};
