//! `larder explain`: what stands under a key, and why it is or is not served.

mod fields;
mod text;

use clap::Args;
use larder::explain::What;

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
};

/// Say what stands under a key, and why it is a miss, or stale.
///
/// Exits 1 if nothing stands there. Changes nothing and decodes no value: if a value is whole here and a
/// miss to a program, compare codec and schema with what the program reads. Of a stream the chunks are
/// looked for, not read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder explain greeting
  larder --namespace prices explain tea --generations --json

With --json, times are in milliseconds, and null where they do not end.")]
pub(crate) struct Explain {
    /// Its name, any bytes.
    key: Key,

    /// For a namespace whose programs use generations: without one it is a miss.
    #[arg(long)]
    generations: bool,
}

impl Explain {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let space = context.space.clone();
        let space = if self.generations { space.with_generations() } else { space };
        let explained = space.explain(self.key.bytes()).await?;
        let fields = fields::of(self.key.bytes(), &explained);
        context.output.result(&text::of(&explained), fields)?;
        Ok(Outcome::done_if(explained.what != What::Nothing))
    }
}
