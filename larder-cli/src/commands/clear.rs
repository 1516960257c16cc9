use clap::Args;

use crate::{
    context::Context,
    failure::{Failure, Outcome},
    output::Fields,
};

/// Remove all entries of the namespace and of those inside it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  larder --namespace shop/carts clear")]
pub(crate) struct Clear {}

impl Clear {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        context.space.clear().await?;
        let namespace = context.space.namespace().as_str();
        let fields = Fields::new().put("cleared", namespace);
        context.output.outcome(&format!("cleared `{namespace}`"), fields)?;
        Ok(Outcome::Done)
    }
}
