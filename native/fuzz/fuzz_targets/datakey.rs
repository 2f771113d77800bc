#![no_main]
//! Paths, patterns and changes of a document.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::datakey::run(data));
