#![no_main]
//! JSON documents.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::json::run(data));
