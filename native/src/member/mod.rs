//! Members: a view of the store that remembers what a batch has changed, the steps that change
//! it, and what readers see.

pub mod batch;
pub mod cells;
pub mod deltas;
pub mod events;
pub mod groups;
pub mod heads;
pub mod merging;
pub mod moves;
pub mod numbers;
pub mod origins;
pub mod read;
pub mod record;
pub mod step;
pub mod system;
pub mod view;

pub use view::View;
