#![no_main]
//! Phone numbers of any region.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::phone::run(data));
