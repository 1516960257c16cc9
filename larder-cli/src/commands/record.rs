use std::time::{Duration, Instant};

use bytes::BytesMut;
use bytesize::ByteSize;
use clap::Args;
use larder::Ttl;
use tokio::io::AsyncReadExt;

use super::{
    key::Key,
    stream::{AnyHead, streams},
};
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    lifetime::{self, Lifetime},
    output::{Fields, spinner, style},
};

/// How much is asked of stdin at once.
const READ: usize = 128 << 10;

/// Record stdin as a stream, whole or not at all.
///
/// Until stdin has ended, what stood there before is replayed, and `replay --follow` sees the new one
/// grow.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pg_dump shop | larder record backup --ttl 7days")]
pub(crate) struct Record {
    /// Its name, any bytes.
    key: Key,

    /// How long it lives: 90s, 10m, 1h30m, 7days. A stream always ends.
    #[arg(long, default_value = lifetime::DEFAULT)]
    ttl: Lifetime,

    /// How long stdin may take. What takes longer is not kept.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = lifetime::duration)]
    within: Duration,
}

impl Record {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let Ttl::After(ttl) = self.ttl.0 else {
            return Err(Failure::new("a stream cannot live for ever")
                .hint("its pieces could then never be reclaimed; say --ttl 365days"));
        };
        let begin = Instant::now();
        let streams = streams(context).max_fill_time(self.within).max_length(u64::MAX);
        let mut recorder = streams.record(self.key.bytes(), AnyHead).ttl(ttl).await?;
        let progress = spinner(context.output);
        progress.set_style(style("{spinner} {bytes} recorded, {bytes_per_sec}, {elapsed}"));
        let mut stdin = tokio::io::stdin();
        let mut length: u64 = 0;
        loop {
            let mut piece = BytesMut::with_capacity(READ);
            match stdin.read_buf(&mut piece).await {
                Ok(0) => break,
                Ok(read) => length += read as u64,
                Err(error) => {
                    recorder.abort("its source could not be read").await;
                    return Err(Failure::new("cannot read stdin").because(&error));
                }
            }
            recorder.write(piece.freeze()).await?;
            progress.set_position(length);
        }
        let committed = recorder.commit().await?;
        progress.finish_and_clear();

        let seconds = begin.elapsed().as_secs_f64();
        let message = match committed.stored {
            true => format!("recorded {} in {seconds:.2} s", ByteSize(length)),
            false => format!(
                "not kept: it took longer than --within, the cache was too slow, or someone deleted \
                 or wrote `{}` meanwhile",
                self.key.shown()
            ),
        };
        let fields = Fields::new()
            .bytes("key", self.key.bytes())
            .put("stored", committed.stored)
            .put("length", length)
            .put("seconds", seconds);
        context.output.outcome(&message, fields)?;
        Ok(Outcome::done_if(committed.stored))
    }
}
