//! What is streamed to many while it is recorded: soon, once, and never a wrong byte.
//!
//! The origin stamps every byte with the generation that it belongs to, so whatever is mixed, missing or
//! of another answer is seen. Each scene is played on one process, and on two that share a Redis; then
//! everything is asked for at random while everything fails at random.

mod client;
mod naive;
mod odds;
mod origin;
mod outage;
mod plan;
mod request;
mod scenes;
mod serve;
mod stage;
mod stamp;
mod tally;
mod writer;

pub(crate) use serve::{Order, serve};

use self::{serve::Layout, stage::Stage};
use crate::{Report, Result, Run};

pub(crate) fn run(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    crate::runtime()?.block_on(async {
        let one = Stage::one(run).await?;
        scenes::run(run, &one, &mut report).await?;
        drop(one);
        let redis = integration_tests::servers::RedisServer::start().await?;
        let mut two = Stage::two(run, Layout::Larder, redis).await?;
        scenes::run(run, &two, &mut report).await?;
        outage::run(run, &mut two, &mut report).await?;
        writer::run(run, &mut two, &mut report).await?;
        drop(two);
        odds::run(run, &mut report).await
    })?;
    Ok(report)
}
