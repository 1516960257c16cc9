//! The near tier side by side with other caches of typed values, which are asked as their own
//! documentation says: `cargo xtask bench --only peers`.
//!
//! Everybody holds the same records, nobody's expire, and each makes the key of a call in that call, from
//! a number.

mod cachet;
mod client_side;
mod hitbox;

use std::{io, path::PathBuf};

use benchmarks::{
    measure::{alternate, hits},
    report::{Goal, Report},
    warm::Warm,
};
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

/// Measures the near tier beside its peers and writes results.json and ratios.svg.
#[derive(Debug, Parser)]
struct Args {
    /// Pairs per measurement; the median of them counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Where the results go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    for keys in [100_000, 1_000] {
        let title =
            format!("near get beside others: {keys} keys, zipf 0.99, one thread, ns per call");
        report.section(&title);
        let mut bench = Bench {
            warm: Warm::with(keys, &runtime),
            keys,
            // What the figures are about; with fewer keys all of them stay in the processor's cache.
            is_judged: keys == 100_000,
            rounds: args.rounds,
            runtime: &runtime,
            report: &mut report,
        };
        hitbox::run(&mut bench);
        cachet::run(&mut bench);
        client_side::run(&mut bench);
    }
    report.write(&args.out)
}

/// Our side, and where the rows go.
struct Bench<'a> {
    warm: Warm,
    keys: usize,
    is_judged: bool,
    rounds: usize,
    runtime: &'a Runtime,
    report: &'a mut Report,
}

impl Bench<'_> {
    /// Hits of ours beside hits of theirs.
    fn beside(&mut self, peer: &str, goal: Option<f64>, get: impl AsyncFn(usize) -> bool) {
        let Self { warm, runtime, .. } = &*self;
        let theirs = || hits(runtime, warm.asked.iter().copied(), &get);
        let paired = alternate(self.rounds, || warm.hits(runtime), theirs);
        let goal = goal.filter(|_| self.is_judged).map(Goal::AtMost);
        self.report.pair(format!("near get, {} keys / {peer}", self.keys), "ns", paired, goal);
    }
}
