//! Identifiers in the one form under which zmey keeps them.
//!
//! `normalize` is the way in. Each family of address types has a file: `email` with its parts,
//! `phones`, `digits` (vk, tg, max) and `opaque` (csid and the tokens). `recognize` finds the type
//! of a value that comes without one; `rules` and `blocked` hold what a space decides.

mod blocked;
mod digits;
mod email;
mod faults;
pub mod limits;
mod names;
mod normalize;
mod opaque;
mod phones;
mod recognize;
mod rules;

pub use blocked::{Blocked, BlockedSettings, BlockedValue};
pub use names::{address_types, type_name};
pub use normalize::normalize;
pub use recognize::looks_like_phone;
pub use rules::{Rules, RulesSettings};
