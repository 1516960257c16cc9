//! larder side by side with what it is built on: `cargo xtask bench`.
//!
//! Ours and the peer's way alternate in one run. What counts is the ratio; absolute figures on a
//! shared machine mean little.

mod child;
mod clear;
mod follower;
mod held;
mod loads;
mod memory;
mod near;
mod peers;
mod propagation;
mod redis;
mod shared;
mod sled;
mod streams;
mod trips;
mod typed;

use std::{io, path::PathBuf};

use benchmarks::report::Report;
use clap::{Parser, ValueEnum};
use tokio::runtime::{Builder, Runtime};

/// Measures larder beside its peers and writes results.json and ratios.svg.
#[derive(Debug, Parser)]
struct Args {
    /// Only these measurements.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// Pairs per measurement; the median of them counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Where the results go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Memory,
    Typed,
    Near,
    /// The near tier beside hitbox, cachet and the redis crate's own, which are built for it.
    Peers,
    /// How soon other processes see an invalidation.
    Propagation,
    Loads,
    Shared,
    /// Commands and round trips of a miss.
    Trips,
    Redis,
    Sled,
    Streams,
    Held,
    Follower,
    Clear,
}

fn main() -> io::Result<()> {
    if let Ok(part) = std::env::var(child::VARIABLE) {
        return play(&part);
    }
    let args = Args::parse();
    let what = if args.only.is_empty() { What::value_variants() } else { &args.only[..] };
    let mut report = Report::default();
    for what in what {
        measure(*what, &mut report, &args)?;
    }
    report.close();
    report.write(&args.out)?;
    println!("written to {}", args.out.display());
    Ok(())
}

fn measure(what: What, report: &mut Report, args: &Args) -> io::Result<()> {
    let rounds = args.rounds;
    let runtime = many()?;
    match what {
        What::Memory => memory::run(report, &one()?, rounds),
        What::Typed => typed::run(report, &one()?, rounds),
        What::Near => near::run(report, &one()?, rounds),
        What::Peers => peers::run(report, rounds, &args.out)?,
        What::Propagation => propagation::run(report, &runtime),
        What::Loads => loads::run(report, &one()?, &runtime, rounds),
        What::Shared => shared::run(report, &runtime, rounds),
        What::Trips => trips::run(report, &runtime),
        What::Redis => redis::run(report, &runtime, rounds),
        What::Sled => sled::run(report, &runtime, rounds),
        What::Streams => streams::run(report, &runtime, rounds),
        What::Held => held::run(report, &runtime),
        What::Follower => follower::run(report, &runtime),
        What::Clear => clear::run(report, &runtime),
    }
    Ok(())
}

/// A part of a measurement, in a process of its own: `<part> <url>`.
fn play(part: &str) -> io::Result<()> {
    let figures = many()?.block_on(async {
        match part.split_once(' ') {
            Some((follower::PART, url)) => Ok(serde_json::to_string(&follower::part(url).await)?),
            Some((held::PART, url)) => Ok(serde_json::to_string(&held::part(url).await)?),
            Some((propagation::PART, url)) => {
                Ok(serde_json::to_string(&propagation::part(url).await)?)
            }
            _ => Err(io::Error::other(format!("no part is called `{part}`"))),
        }
    })?;
    println!("{figures}");
    Ok(())
}

fn one() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn many() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}
