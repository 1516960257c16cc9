use clap::Args;
use futures_util::TryStreamExt;

use crate::{
    context::Context,
    failure::{Failure, Outcome},
    output::{Fields, escaped},
};

/// Print the keys of the namespace, one per line.
///
/// Unordered; a key that is written while this runs may be missing or stand there twice. What is not
/// printable is escaped, `\` as `\\`; --json is lossless.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  larder --namespace shop list | sort -u")]
pub(crate) struct List {
    /// Also those of the namespaces inside it and larder's own, each as the store holds it.
    #[arg(long)]
    all: bool,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let namespace = context.space.namespace();
        let mut keys = context.space.keys()?;
        while let Some(key) = keys.try_next().await? {
            let shown = match self.all {
                true => key.as_bytes(),
                false if key.is_in(namespace) => key.user(),
                false => continue,
            };
            context.output.result(&escaped(shown), Fields::new().bytes("key", shown))?;
        }
        Ok(Outcome::Done)
    }
}
