//! The `larder` program: a cache from the command line, and a demonstration of what larder does.

mod args;
mod byte_range;
mod commands;
mod context;
mod demo;
mod failure;
mod lifetime;
mod output;
mod serve;
mod table;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use crate::{
    args::Cli,
    failure::{Failure, Outcome},
    output::Output,
};

/// How long tasks in the background (a store's last flush, a read of stdin that nobody needs any
/// more) may take once the answer is known.
const WIND_UP: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new("cannot start the runtime").because(&error);
            return output.failed(&failure);
        }
    };
    let outcome = runtime.block_on(cli.run(output));
    runtime.shutdown_timeout(WIND_UP);
    match outcome {
        Ok(Outcome::Done) | Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Ok(Outcome::Missing) => ExitCode::from(1),
        Err(failure) => output.failed(&failure),
    }
}
