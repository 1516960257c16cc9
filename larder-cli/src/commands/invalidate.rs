use clap::{ArgGroup, Args};
use larder::{Invalidate as Invalidating, Invalidation};

use super::key::Key;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    output::Fields,
};

/// Invalidate keys, tags or the whole namespace.
///
/// What was stored or begun before it is served by no program any more, and what is being loaded
/// meanwhile is not kept. Exits 0 if the store has taken it (`applied`), whether anything stood there or
/// not. Else 2: `failed`, or `queued`, which a program that lives on makes later; this one ends, and the
/// queue with it, so run it again.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["keys", "tag", "all"]),
    after_help = "\
Examples:
  larder invalidate greeting logo
  larder --namespace shop invalidate --tag prices --soft
  larder --namespace shop invalidate --all"
)]
pub(crate) struct Invalidate {
    /// Names of entries.
    #[arg(value_name = "KEY")]
    keys: Vec<Key>,

    /// All entries with this tag; may be said several times.
    #[arg(long, value_name = "TAG")]
    tag: Vec<Key>,

    /// All entries of the namespace and of those inside it: they are removed.
    #[arg(long)]
    all: bool,

    /// Let those who take stale answers have it once more while it is refreshed.
    #[arg(long)]
    soft: bool,

    /// With --all, where all programs use the namespace with generations: begin a new one and remove
    /// nothing.
    #[arg(long, conflicts_with_all = ["keys", "tag"])]
    generations: bool,
}

impl Invalidate {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        if self.all && self.soft && !self.generations {
            return Err(Failure::new("what is removed is not there to be served stale")
                .hint("if all programs use the namespace with generations: add --generations"));
        }
        let (invalidating, what) = self.prepare(context);
        let invalidating = if self.soft { invalidating.soft() } else { invalidating };
        let (word, failure) = match invalidating.await {
            Invalidation::Applied => ("applied", None),
            Invalidation::Queued(error) => {
                let lost = "queued, and lost as this program ends";
                let failure = Failure::from(error).about(lost);
                ("queued", Some(failure.hint("nothing is sure: run it again")))
            }
            Invalidation::Failed(error) => ("failed", Some(Failure::from(error).about("failed"))),
        };
        let fields = Fields::new().put("outcome", word).put("soft", self.soft);
        let fields = if self.all {
            fields.put("namespace", context.space.namespace().as_str())
        } else {
            fields.put("keys", self.keys.len()).put("tags", self.tag.len())
        };
        match failure {
            None => context.output.outcome(&format!("applied: {what}"), fields)?,
            Some(failure) => {
                if context.output.is_json() {
                    context.output.outcome("", fields)?;
                }
                return Err(failure);
            }
        }
        Ok(Outcome::Done)
    }

    fn prepare(&self, context: &Context) -> (Invalidating, String) {
        let space = &context.space;
        if self.all {
            let name = space.namespace().as_str();
            return if self.generations {
                let space = space.clone().with_generations();
                (space.invalidate_all(), format!("`{name}` has a new generation"))
            } else {
                (space.invalidate_all(), format!("`{name}` is empty"))
            };
        }
        let of = |names: &[Key], one: &str| match names {
            [name] => format!("{one} `{}`", name.shown()),
            names => format!("{} {one}s", names.len()),
        };
        let bytes = |names: &'_ [Key]| names.iter().map(|name| name.bytes().to_vec()).collect();
        let (keys, tags): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (bytes(&self.keys), bytes(&self.tag));
        match tags.is_empty() {
            true => (space.invalidate_many(keys), of(&self.keys, "key")),
            false => (space.invalidate_tags(tags), of(&self.tag, "tag")),
        }
    }
}
