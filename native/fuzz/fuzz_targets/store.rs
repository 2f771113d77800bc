#![no_main]
//! Stores whose entries have been spoiled.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::store::run(data));
