//! Rows in bulk: columns say what cells are, rows become steps, a stream keeps them coming.

mod columns;
mod dynamic;
mod orders;
pub mod rows;
mod stream;
mod window;

pub use columns::{Column, Plan};
pub use stream::{ActiveImport, ImportStream};
pub use window::Window;
