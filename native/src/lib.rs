//! The core of zmey: everything that must be fast or atomic, without transport.
//!
//! `wire` and `fault` are the contract; `address`, `phone`, `json` and `datakey` are pure
//! functions on values; `store` is the ordered byte map; `policy` is what a space decides;
//! `matching` decides, `member` plans, `write` commits, `explain` says why, `import` takes rows,
//! `reading` reads files, `express` keeps rows that are no members, `jobs` are imports that the
//! server runs, `upkeep` goes on after calls, `service` has the methods. ARCHITECTURE.md is the
//! map.

pub mod address;
mod allocator;
pub mod boot;
pub mod config;
pub mod core;
pub mod datakey;
pub mod explain;
pub mod express;
pub mod fault;
pub mod import;
pub mod jobs;
pub mod json;
pub mod matching;
pub mod member;
pub mod metrics;
pub mod operations;
pub mod phone;
pub mod policy;
pub mod reading;
pub mod service;
pub mod simulation;
pub mod space;
pub mod store;
pub mod tools;
pub mod upkeep;
pub mod wire;
pub mod write;

#[cfg(feature = "python")]
mod python;
