//! Datakeys: paths into a member's JSON document, changes of it, and reading (seed 002).
//!
//! A change is compiled once and applied to any number of documents; a document opens only the
//! levels that a change touches.

mod apply;
mod change;
mod column;
mod current;
mod date;
mod decimal;
mod difference;
mod document;
mod merging;
mod mode;
mod moment;
mod node;
mod object;
mod path;
mod problem;
mod read;

pub use apply::{Applied, BODY_BYTES_MAX, CopySource, apply_all, copy_data};
pub use change::{Change, VALUE_BYTES_MAX};
pub use column::{ColumnChange, json_cell_text};
pub use difference::{Difference, TakenBack, differences, take_back};
pub use document::{Delta, Document, Outcome};
pub use merging::{DataRule, HasHas, HasMiss, Merged, MissHas, merge};
pub use mode::Mode;
pub use moment::Moment;
pub use node::ARRAY_ELEMENTS_MAX;
pub use path::{Element, Index, PATH_ELEMENTS_MAX, Path, Pattern, Reserved, Step};
pub use read::{Reader, read, read_path};
