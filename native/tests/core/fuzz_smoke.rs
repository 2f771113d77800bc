//! The fuzz targets with a bounded number of mutated inputs, so that CI needs no nightly toolchain.

use std::time::{Duration, Instant};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use crate::random::{Random, seeds};
use targets::{TARGETS, Target};

/// Inputs for each target: a few thousand in all.
const INPUTS: usize = 1_500;
/// A slow target gets fewer inputs rather than making the tests slow.
const TARGET_TIME_MAX: Duration = Duration::from_secs(1);
/// Mutations of one input.
const MUTATIONS_MAX: usize = 6;

/// Bytes and numbers at edges, which random bytes seldom hit.
const PIECES: [&[u8]; 14] = [
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80",
    b"\x00",
    b"\xff",
    b"\xd0\xbf",
    b"\xe2\x80\xa8",
    b"\"",
    b"\\",
    b"[",
    b"{\"",
    b"-1",
    b"+7912",
    b".",
    b"@",
];

fn mutate(random: &mut Random, input: &mut Vec<u8>) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(9)).min(input.len());
    match random.below(5) {
        0 => drop(input.drain(at..end)),
        1 => drop(input.splice(at..at, input[at..end].to_vec())),
        2 => drop(input.splice(at..end, random.pick(&PIECES).iter().copied())),
        3 => drop(input.splice(at..at, random.pick(&PIECES).iter().copied())),
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

fn check(target: Target, seed: u64) {
    let mut random = Random::new(seed);
    let corpus = (target.seeds)();
    assert!(!corpus.is_empty());
    for input in &corpus {
        (target.run)(input);
    }
    (target.run)(&[]);
    let start = Instant::now();
    for number in 0..INPUTS {
        let mut input = random.pick(&corpus).clone();
        for _ in 0..=random.below(MUTATIONS_MAX) {
            mutate(&mut random, &mut input);
        }
        // Shown where the test fails.
        println!("{} {number} ZMEY_TEST_SEED={seed}: {input:?}", target.name);
        (target.run)(&input);
        if start.elapsed() > TARGET_TIME_MAX {
            return;
        }
    }
}

#[test]
fn mutated_inputs_break_no_promise() {
    for seed in seeds(1) {
        for target in TARGETS {
            check(target, seed);
        }
    }
}
