//! Exact JSON documents: one canonical spelling, made once at the border, and fast reading of it.
//!
//! The canonical text of a document has no insignificant white space, one spelling for equal
//! strings, numbers as the caller wrote them and members in the caller's order.

mod canonical;
mod fault;
mod scan;
mod text;

pub use canonical::{LEVELS_MAX, canonicalize, canonicalize_within};
pub use fault::{JsonFault, JsonProblem};
pub use scan::{Elements, Kind, Members, elements, kind, levels, members, string};
pub use text::{escape, quote, unescape};
