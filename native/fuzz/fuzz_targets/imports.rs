#![no_main]
//! Options and chunks of an import, on a core in memory.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::imports::run(data));
