#![no_main]
//! Files that claim to be a dump.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::dump::run(data));
