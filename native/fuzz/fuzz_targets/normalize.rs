#![no_main]
//! Addresses of every type.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::normalize::run(data));
