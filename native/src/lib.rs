//! The core of zmey: everything that must be fast or atomic, without transport.
//!
//! `wire` and `fault` are the contract, `address`, `json` and `datakey` are pure functions on
//! values, `store` is the ordered byte map. ARCHITECTURE.md is the map of the house.

pub mod address;
pub mod datakey;
pub mod fault;
pub mod json;
pub mod phone;
pub mod store;
pub mod wire;
