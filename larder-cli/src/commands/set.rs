use std::{ffi::OsString, io};

use bytes::Bytes;
use clap::Args;
use tokio::io::AsyncReadExt;

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    lifetime::{self, Lifetime},
    output::Fields,
};

/// Store a value, byte for byte.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder set greeting hello --ttl 10m
  larder set logo - --ttl never < logo.png")]
pub(crate) struct Set {
    /// Its name, any bytes.
    key: Key,

    /// The value, or `-` for what stands on stdin.
    #[arg(allow_negative_numbers = true)]
    value: OsString,

    /// How long it lives: 90s, 10m, 1h30m, 7days, never.
    #[arg(long, default_value = lifetime::DEFAULT)]
    ttl: Lifetime,

    /// Only where nothing stands; else exit 1.
    #[arg(long, conflicts_with = "if_present")]
    if_absent: bool,

    /// Only over what stands there; else exit 1.
    #[arg(long)]
    if_present: bool,
}

impl Set {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let value = match self.value.as_encoded_bytes() {
            b"-" => stdin(context).await?,
            value => Bytes::copy_from_slice(value),
        };
        let size = value.len();
        let set = context.raw().set(self.key.bytes(), value).ttl(self.ttl.0);
        let stored = match (self.if_absent, self.if_present) {
            (true, _) => set.if_absent().await?,
            (_, true) => set.if_present().await?,
            _ => set.await?,
        };
        let why_not =
            if self.if_absent { "something stands there" } else { "nothing stands there" };
        let message = if stored {
            format!("stored {size} bytes under `{}`", self.key.shown())
        } else {
            format!("`{}` is unchanged: {why_not}", self.key.shown())
        };
        let fields = Fields::new().bytes("key", self.key.bytes()).put("stored", stored);
        context.output.outcome(&message, fields)?;
        Ok(Outcome::done_if(stored))
    }
}

/// All of stdin, but no more of it than the store would take.
async fn stdin(context: &Context) -> Result<Bytes, Failure> {
    let most = context.space.larder().store().capabilities().max_value;
    let mut value = Vec::new();
    let read: io::Result<usize> =
        tokio::io::stdin().take(most as u64 + 1).read_to_end(&mut value).await;
    read.map_err(Failure::doing("cannot read stdin"))?;
    if value.len() > most {
        let message = format!("the value on stdin is over the limit of {most} bytes");
        return Err(Failure::new(message).hint("keep it as a stream: `larder record KEY < file`"));
    }
    Ok(value.into())
}
