//! Who somebody is: from the keys of a request to one member, with reasons.
//!
//! `order` ranks keys, `keys` normalises them, `decide` walks them over a view of the store,
//! `report` says why in the words of the contract, `reasoning` in those of the change log; `fields`
//! knows declared custom fields, `former` finds those who are gone.

pub mod decide;
pub mod fields;
pub mod former;
pub mod keys;
pub mod order;
pub mod reasoning;
pub mod report;

pub use decide::{Decision, Found, decide};
pub use keys::{AddressBook, Probe, Target, prepare};
pub use order::Policy;
