//! Tests of the core as a listener uses it: requests in, answers out, on both engines.

mod boot;
mod confirming;
mod erasing;
mod express;
mod faulty;
mod fuzz_smoke;
mod imports;
mod job_people;
mod job_runs;
mod jobs;
mod policies;
mod probes;
mod property;
mod random;
mod random_imports;
mod requests;
mod rules;
mod support;
mod writer;
