#![no_main]
//! Every method of the contract, on a core in memory.

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmey_fuzz::requests::run(data));
