//! What fuzzers run for minutes, as a test of a second: inputs made of a corpus, from a seed, each time the
//! same.
//!
//! The corpus of a target is `fuzz/corpus/<target>` of the workspace, which the fuzzer begins with too.
//!
//! ```
//! # fn parse(_: &[u8]) {}
//! integration_tests::fuzzed::run("headers", 1000, parse);
//! ```

use std::{fs, path::Path};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The longest input, in bytes.
const LONGEST: usize = 4096;

/// Hands so many inputs to a target: first the corpus as it is, then changed. What they show is shown
/// again by the next run.
///
/// # Panics
///
/// If the target does, or has no corpus.
pub fn run(target: &str, inputs: usize, body: impl Fn(&[u8])) {
    let corpus = corpus(target);
    corpus.iter().for_each(|input| body(input));
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..inputs {
        let mut input = pick(&mut random, &corpus).clone();
        for _ in 0..random.random_range(1..6) {
            let other = pick(&mut random, &corpus);
            change(&mut random, &mut input, other);
        }
        input.truncate(LONGEST);
        body(&input);
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    // In no order of the file system's.
    files.sort();
    let corpus: Vec<_> = files.iter().filter_map(|file| fs::read(file).ok()).collect();
    assert!(!corpus.is_empty(), "nothing stands in {}", path.display());
    corpus
}

fn pick<'a>(random: &mut StdRng, among: &'a [Vec<u8>]) -> &'a Vec<u8> {
    &among[random.random_range(0..among.len())]
}

/// A byte changed, a piece cut out or doubled, a piece of another one put in.
fn change(random: &mut StdRng, input: &mut Vec<u8>, other: &[u8]) {
    let at = random.random_range(0..=input.len());
    let to = random.random_range(at..=input.len().min(at + 32));
    let piece = {
        let from = random.random_range(0..=other.len());
        &other[from..random.random_range(from..=other.len().min(from + 64))]
    };
    match random.random_range(0..5) {
        0 if at < input.len() => input[at] = random.random(),
        1 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        2 => drop(input.drain(at..to)),
        3 => {
            let doubled = input[at..to].to_vec();
            input.splice(at..at, doubled);
        }
        _ => drop(input.splice(at..to, piece.iter().copied())),
    }
}
