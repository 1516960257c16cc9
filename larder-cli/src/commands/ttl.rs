use clap::Args;
use larder::Remaining;

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    lifetime,
    output::{Fields, millis},
};

/// Print how long an entry has left.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  larder ttl greeting          prints `9m 58s`, or `never`

With --json, `ttl_ms` is in milliseconds, and null for `never`.")]
pub(crate) struct Ttl {
    /// Its name, any bytes.
    key: Key,
}

impl Ttl {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let left = context.raw().ttl(self.key.bytes()).await?;
        let found = left != Remaining::Missing;
        let fields = Fields::new().bytes("key", self.key.bytes()).put("found", found);
        match left {
            Remaining::Missing => {
                let message = format!("nothing stands under `{}`", self.key.shown());
                context.output.outcome(&message, fields)?;
            }
            Remaining::Never => {
                context.output.result("never", fields.put("ttl_ms", serde_json::Value::Null))?;
            }
            Remaining::For(left) => {
                let fields = fields.put("ttl_ms", millis(left));
                context.output.result(&lifetime::shown(left), fields)?;
            }
        }
        Ok(Outcome::done_if(found))
    }
}
