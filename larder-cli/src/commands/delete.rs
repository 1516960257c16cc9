use clap::Args;
use larder::Remaining;

use super::{key::Key, stream::streams};
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    output::Fields,
};

/// Remove values, counters and streams; exit 1 if one was not there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  larder delete greeting logo")]
pub(crate) struct Delete {
    /// Their names.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<Key>,
}

impl Delete {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let (raw, streams) = (context.raw(), streams(context));
        let mut deleted: u64 = 0;
        for key in &self.keys {
            if raw.ttl(key.bytes()).await? != Remaining::Missing {
                // Whatever it is; of a stream, the pieces under keys of their own too.
                streams.delete(key.bytes()).await?;
                deleted += 1;
            }
        }
        let asked = self.keys.len() as u64;
        let fields = Fields::new().put("deleted", deleted).put("asked", asked);
        context.output.outcome(&format!("deleted {deleted} of {asked}"), fields)?;
        Ok(Outcome::done_if(deleted == asked))
    }
}
