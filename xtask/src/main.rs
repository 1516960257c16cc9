//! The chores of the house: `cargo xtask test`, `cargo xtask lint`, `cargo xtask bench`, `cargo xtask soak`.

mod install;
mod run;
mod tally;

use std::process::ExitCode;

use run::{Failure, cargo};

const USAGE: &str = "\
usage: cargo xtask <chore>

  test [ARG ...]    install what the tests need (redis-server, chromium), then run them all;
                    ARGs go to `cargo test`, a filter for example
  lint              format, clippy and documentation, warnings denied
  bench [ARG ...]   larder side by side with what it is built on, in release;
                    ARGs go to the benchmark program, `--help` lists them
  soak [ARG ...]    the proofs of what larder guarantees at full length, half an hour;
                    ARGs go to the program, `--help` lists them
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match chore.as_str() {
        "test" => test(&rest),
        "lint" => lint(),
        "bench" => bench(&rest),
        "soak" => soak(&rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn test(filter: &[String]) -> Result<(), Failure> {
    install::REDIS.install()?;
    install::CHROMIUM.install()?;
    let mut args = vec!["test", "--workspace", "--no-fail-fast"];
    args.extend(filter.iter().map(String::as_str));
    tally::run(&mut cargo(&args))
}

fn lint() -> Result<(), Failure> {
    run::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    run::run(
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

fn bench(rest: &[String]) -> Result<(), Failure> {
    program("benchmarks", rest)
}

fn soak(rest: &[String]) -> Result<(), Failure> {
    program("proofs", rest)
}

/// Runs the program of a package, in release.
fn program(package: &str, rest: &[String]) -> Result<(), Failure> {
    install::REDIS.install()?;
    let mut args = vec!["run", "--release", "--package", package, "--"];
    args.extend(rest.iter().map(String::as_str));
    run::run(&mut cargo(&args))
}
