use clap::Args;
use larder::{Remaining, Ttl};

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    lifetime::Lifetime,
    output::Fields,
};

/// Give an entry a new lifetime, counted from now.
///
/// A stream can be shortened so, not lengthened: its pieces keep the lifetime they were recorded with.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  larder expire greeting 1h30m")]
pub(crate) struct Expire {
    /// Its name, any bytes.
    key: Key,

    /// How long it lives from now on: 90s, 10m, 1h30m, 7days, never.
    #[arg(allow_hyphen_values = true)]
    ttl: Lifetime,
}

impl Expire {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        if context.is_stream(self.key.bytes()).await? && self.lengthens(context).await? {
            let message = format!(
                "`{}` is a stream, whose pieces keep their lifetime: it can only be shortened",
                self.key.shown()
            );
            let fields = Fields::new().bytes("key", self.key.bytes()).put("found", true);
            context.output.outcome(&message, fields.put("refused", true))?;
            return Ok(Outcome::Missing);
        }
        let found = context.raw().expire(self.key.bytes(), self.ttl.0).await?;
        let message = if found {
            format!("`{}` has its new lifetime", self.key.shown())
        } else {
            format!("nothing stands under `{}`", self.key.shown())
        };
        let fields = Fields::new().bytes("key", self.key.bytes()).put("found", found);
        context.output.outcome(&message, fields)?;
        Ok(Outcome::done_if(found))
    }

    async fn lengthens(&self, context: &Context) -> Result<bool, Failure> {
        Ok(match (context.raw().ttl(self.key.bytes()).await?, self.ttl.0) {
            (Remaining::For(left), Ttl::After(lifetime)) => lifetime > left,
            (Remaining::For(_), Ttl::Never) => true,
            (Remaining::Never | Remaining::Missing, _) => false,
        })
    }
}
