//! Tests of `_native::datakey` through its public functions.

mod columns;
mod dates;
mod faults;
mod limits;
mod model;
mod modes;
mod outcome;
mod paths;
mod reading;
mod support;
