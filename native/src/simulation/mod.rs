//! What a policy would do to the members that are there: `run` reads them in chunks on one
//! snapshot, `judge` says what would become of each, `findings` counts and lists.

mod findings;
mod judge;
mod run;

pub use findings::Page;
pub use run::{Candidate, run};
