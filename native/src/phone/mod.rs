//! Phone numbers: from what people write to E.164, by the rules of libphonenumber.
//!
//! `dialled` and `candidate` read the digits out of a text, `number` finds the country and the
//! national number in them, `tables` holds the numbering plans. The Python package `phonenumbers`,
//! from whose metadata the tables are built, is also the oracle of the tests.

mod candidate;
mod characters;
mod context;
mod dialled;
mod extension;
mod fault;
mod normalize;
mod number;
mod prefix;
mod region;
mod tables;

#[cfg(test)]
mod tests;

pub use fault::PhoneFault;
pub use normalize::normalize;
pub use region::Region;
