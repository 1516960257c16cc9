use clap::Args;
use larder::envelope::Kind;

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    output::Fields,
};

/// Print a value, byte for byte.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  larder get greeting > greeting.txt

On a terminal a line end is added.")]
pub(crate) struct Get {
    /// Its name, any bytes.
    key: Key,
}

impl Get {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let value = context.raw().get(self.key.bytes()).await?;
        let output = context.output;
        if value.as_ref().is_some_and(|record| Kind::Manifest.begins(record)) {
            output.note(&format!(
                "`{0}` is a stream: what follows is larder's own record of it, and `larder replay` \
                 prints its bytes",
                self.key.shown()
            ));
        }
        let fields = Fields::new().bytes("key", self.key.bytes()).put("found", value.is_some());
        match value {
            Some(value) if output.is_json() => output.result("", fields.bytes("value", &value))?,
            Some(value) => output.value(&value)?,
            None => {
                output.outcome(&format!("nothing stands under `{}`", self.key.shown()), fields)?;
                return Ok(Outcome::Missing);
            }
        }
        Ok(Outcome::Done)
    }
}
