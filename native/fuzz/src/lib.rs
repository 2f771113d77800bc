//! The bodies of the fuzz targets: each takes any bytes and panics where the core breaks a promise.
//!
//! The crate of the targets uses them as a library; `native/tests/core/fuzz_smoke.rs` includes
//! this file by its path, so that CI feeds them a bounded number of inputs on the stable toolchain.

pub mod datakey;
pub mod dump;
mod fixture;
mod frames;
pub mod imports;
pub mod json;
pub mod normalize;
pub mod phone;
pub mod requests;
pub mod store;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Takes any bytes; panics where a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs that reach far, from which others are mutated.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    Target { name: "requests", run: requests::run, seeds: requests::seeds },
    Target { name: "imports", run: imports::run, seeds: imports::seeds },
    Target { name: "normalize", run: normalize::run, seeds: normalize::seeds },
    Target { name: "phone", run: phone::run, seeds: phone::seeds },
    Target { name: "json", run: json::run, seeds: json::seeds },
    Target { name: "datakey", run: datakey::run, seeds: datakey::seeds },
    Target { name: "dump", run: dump::run, seeds: dump::seeds },
    Target { name: "store", run: store::run, seeds: store::seeds },
];
