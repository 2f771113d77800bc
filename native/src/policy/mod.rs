//! What a space decides about identifiers: `config` reads it from a configuration, `compile` checks
//! it and makes it usable, `limits` has its bounds, `declare` lets indexes of fields follow.

pub mod compile;
pub mod config;
pub mod declare;
pub mod limits;

pub use compile::{compile, complete, decode};
pub use limits::Limits;
