//! Express lists: rows of files kept beside the data of members, to write to the addresses in them.
//! Nothing here looks anybody up; only erasing a member reaches in.

mod erase;
mod list;
mod plan;
mod prepare;
mod read;

pub use erase::forget_addresses;
pub use list::{
    CleanList, DeleteList, MakeList, UseList, add_segment, drop_rows, exists, find, is_taken,
    taken, unknown,
};
pub use plan::{ExpressPlan, check};
pub use prepare::{Prepared, Refused, addresses, prepare};
pub use read::{page, rows};
