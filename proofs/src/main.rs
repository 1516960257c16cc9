//! The proofs: `cargo xtask soak` runs them all at full length.

use std::{process::ExitCode, time::Instant};

use clap::Parser;
use proofs::{PROOFS, Proof, Run, Scale, fleet};

/// Tries what larder guarantees, on real processes and real servers.
///
/// Exits 1 if something does not hold.
#[derive(Debug, Parser)]
struct Args {
    /// Only these proofs.
    names: Vec<String>,
    /// Plays what was played from this seed before; drawn by chance if nothing is said.
    #[arg(long)]
    seed: Option<u64>,
    /// In seconds instead of minutes, as `cargo xtask test` has it.
    #[arg(long)]
    short: bool,
    /// Only say what there is.
    #[arg(long)]
    list: bool,
}

fn main() -> proofs::Result<ExitCode> {
    if let Ok(order) = std::env::var(fleet::ORDER) {
        proofs::runtime()?.block_on(fleet::serve(&order))?;
        return Ok(ExitCode::SUCCESS);
    }
    let args = Args::parse();
    if args.list {
        PROOFS.iter().for_each(|proof| println!("{:<10} {}", proof.name, proof.about));
        return Ok(ExitCode::SUCCESS);
    }
    let run = Run {
        scale: if args.short { Scale::Short } else { Scale::Full },
        seed: args.seed.unwrap_or_else(rand::random),
        program: std::env::current_exe()?,
    };
    let mut holds = true;
    for proof in chosen(&args.names)? {
        println!("{}: {} (seed {})", proof.name, proof.about, run.seed);
        let begun = Instant::now();
        let report = (proof.run)(&run)?;
        println!("{}: {report}, in {:.0?}\n", proof.name, begun.elapsed());
        holds &= report.holds();
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(names: &[String]) -> proofs::Result<Vec<&'static Proof>> {
    if names.is_empty() {
        return Ok(PROOFS.iter().collect());
    }
    let find = |name: &String| PROOFS.iter().find(|proof| proof.name == name);
    names
        .iter()
        .map(|name| find(name).ok_or_else(|| format!("no proof is called {name}").into()))
        .collect()
}
