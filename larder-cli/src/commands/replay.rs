use clap::Args;
use futures_util::TryStreamExt;
use larder::stream::{Reader, Streams};

use super::{
    key::Key,
    stream::{AnyHead, streams},
};
use crate::{
    byte_range::ByteRange,
    context::Context,
    failure::{Failure, Outcome},
    output::Fields,
};

/// Replay a recorded stream to stdout.
///
/// One that breaks half way is an error (exit 2), never a short end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder replay backup | psql shop
  larder replay backup --range 0-99

With --json the body still stands on stdout as it is, and the summary on stderr.")]
pub(crate) struct Replay {
    /// Its name, any bytes.
    key: Key,

    /// Only these bytes: 0-99 (both included), 100- (to the end), -100 (the last 100).
    #[arg(long, value_name = "FIRST-LAST", allow_hyphen_values = true)]
    range: Option<ByteRange>,

    /// Also one that is being recorded now: print it as it grows.
    #[arg(long, conflicts_with = "range")]
    follow: bool,
}

impl Replay {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let output = context.output;
        let fields = Fields::new().bytes("key", self.key.bytes());
        let mut reader = match self.open(&streams(context)).await? {
            Found::Body(reader) => reader,
            Found::Nothing => {
                let message = format!("no stream stands under `{}`", self.key.shown());
                output.summary(&message, fields.put("found", false));
                return Ok(Outcome::Missing);
            }
            Found::NotInRange { total } => {
                let message = format!("`{}` has {total} bytes, none in range", self.key.shown());
                let fields = fields.put("found", true).put("total", total);
                output.summary(&message, fields.put("satisfiable", false));
                return Ok(Outcome::Missing);
            }
        };
        let mut length: u64 = 0;
        while let Some(piece) = reader.try_next().await? {
            output.bytes(&piece)?;
            length += piece.len() as u64;
        }
        if output.is_json() {
            output.summary("", fields.put("found", true).put("length", length));
        }
        Ok(Outcome::Done)
    }

    async fn open(&self, streams: &Streams<AnyHead>) -> Result<Found, Failure> {
        let key = self.key.bytes();
        let Some(range) = self.range else {
            let reader =
                if self.follow { streams.follow(key).await? } else { streams.open(key).await? };
            return Ok(reader.map_or(Found::Nothing, Found::Body));
        };
        // The length must be known to cut the range. It may be replaced between the two looks: the
        // second one then tells another length, and is not trusted.
        for _ in 0..5 {
            let Some(total) = streams.open(key).await?.and_then(|reader| reader.total()) else {
                return Ok(Found::Nothing);
            };
            let Some(range) = range.of(total) else {
                return Ok(Found::NotInRange { total });
            };
            match streams.open_range(key, range).await? {
                Some(reader) if reader.total() == Some(total) => return Ok(Found::Body(reader)),
                Some(_) | None => {}
            }
        }
        Err(Failure::new("the stream was replaced again and again").hint("try again"))
    }
}

enum Found {
    Body(Reader<AnyHead>),
    Nothing,
    NotInRange { total: u64 },
}
