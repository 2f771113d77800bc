//! Rows that are JSON: a document a line, or all in one document.

mod caption;
mod document;
mod lines;
mod row;
mod stream;

pub(super) use caption::{Entry, caption};
pub(super) use document::DocumentRows;
pub(super) use lines::LineRows;
pub(super) use row::Names;
