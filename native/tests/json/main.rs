//! Tests of `_native::json` through its public functions.

mod canonical;
mod properties;
mod scan;
mod vectors;
