use clap::Args;

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    lifetime::{self, Lifetime},
    output::Fields,
};

/// Add to a counter, which begins at zero, and print the sum.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder increment visits
  larder increment stock -3 --ttl never")]
pub(crate) struct Increment {
    /// Its name, any bytes.
    key: Key,

    /// How much to add; may be negative.
    #[arg(default_value_t = 1, allow_negative_numbers = true)]
    by: i64,

    /// How long a counter lives that begins here; one that stands keeps its lifetime.
    #[arg(long, default_value = lifetime::DEFAULT)]
    ttl: Lifetime,
}

impl Increment {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let sum = context.raw().increment(self.key.bytes(), self.by, self.ttl.0).await?;
        let fields = Fields::new().bytes("key", self.key.bytes()).put("value", sum);
        context.output.result(&sum.to_string(), fields)?;
        Ok(Outcome::Done)
    }
}
