//! `larder demo`: a slow origin, two servers, one cache, and what each client then sees.

mod buyer;
pub(crate) mod child;
mod client;
mod origin;
mod price_scene;
mod prices;
mod report;
mod scene;
mod scenes;
mod server;
mod stage;
mod summary;

use std::pin::pin;

use clap::Args;

use self::{scenes::Play, stage::Stage};
use crate::{
    args::Global,
    failure::{Failure, Outcome},
    output::Output,
};

/// Show what larder does: a slow origin, two servers, one cache.
///
/// Every answer is compared byte for byte with what the origin wrote, and every call of the origin is
/// counted; then a price that both servers keep in their memory changes, and is invalidated on one of
/// them. Exits 1 if anything was not as it should be. On a cache that several processes reach, the
/// servers are two processes. The entries live in a namespace of their own and are removed at the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder demo
  larder --cache redis://127.0.0.1 demo --keep")]
pub(crate) struct Demo {
    /// Leave the servers up and print the curl lines, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<Outcome, Failure> {
        let stage = Stage::set(global).await?;
        // One listener from the beginning: an interruption between two waits is not lost, and what ends
        // `--keep` is not taken for one of the play.
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        let shown = tokio::select! {
            biased;
            shown = Box::pin(self.show(&stage, output)) => {
                if self.keep && shown.is_ok() {
                    let _ = interrupted.await;
                }
                shown
            }
            // The entries are to be removed all the same.
            _ = &mut interrupted => Ok(Outcome::Missing),
        };
        // Always, and before the answer is given.
        let struck = stage.strike().await;
        let outcome = shown?;
        struck?;
        Ok(outcome)
    }

    async fn show(&self, stage: &Stage, output: Output) -> Result<Outcome, Failure> {
        let play = Play::run(stage, output).await;
        summary::print(&play, stage, output)?;
        if self.keep {
            summary::print_curl_lines(stage, output)?;
        }
        Ok(Outcome::done_if(play.is_as_it_should_be()))
    }
}
