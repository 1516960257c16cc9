use std::{fmt, pin::Pin};

use cache_api::{Error, Result};

use super::{How, Target};
use crate::{
    handle::{Larder, Space, count},
    tags::TagName,
    to_key::ToKey,
};

/// What became of an invalidation.
#[derive(Debug, Clone)]
#[must_use = "an invalidation that was not applied does not hold on other servers"]
pub enum Invalidation {
    /// The store has it. Whoever reads from the store from now on, on any server, gets nothing that was
    /// loaded before it.
    Applied,
    /// The store could not be reached, for this reason. The invalidation is remembered and made as soon as
    /// it can be; until then this process does not trust what it concerns, and other servers may.
    Queued(Error),
    /// It was not made, and will not be.
    Failed(Error),
}

impl Invalidation {
    /// Whether the store has it.
    #[must_use]
    pub const fn is_applied(&self) -> bool {
        matches!(self, Self::Applied)
    }

    /// As a `Result`, for those to whom one that is queued is not enough.
    ///
    /// # Errors
    ///
    /// Why it is not applied.
    pub fn applied(self) -> Result<()> {
        match self {
            Self::Applied => Ok(()),
            Self::Queued(error) | Self::Failed(error) => Err(error),
        }
    }
}

/// An invalidation, by [`Space::invalidate`] and its neighbours. Nothing happens until it is awaited.
#[must_use = "nothing is invalidated until it is awaited"]
pub struct Invalidate {
    larder: Larder,
    targets: Result<Vec<Target>>,
    how: How,
}

impl Space {
    /// What stands at a key is not served any more, and what is being loaded for it is not stored.
    ///
    /// As [`delete`](crate::Typed::delete), for those who change the source: it says what became of it, and
    /// is made later if the store cannot be reached. One round trip.
    ///
    /// Change the source first and invalidate then, sources before what is made from them: an entry that
    /// is loaded between the two from what was invalidated is new at once.
    ///
    /// ```
    /// # use larder::{Invalidation, Larder};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let users = larder.namespace("users")?;
    /// match users.invalidate(42).await {
    ///     Invalidation::Applied => {}
    ///     Invalidation::Queued(why) => eprintln!("other servers may serve it for now: {why}"),
    ///     Invalidation::Failed(why) => return Err(why),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate(&self, key: impl ToKey) -> Invalidate {
        self.invalidation(self.key(key).map(|key| vec![Target::Key(key)]))
    }

    /// As [`invalidate`](Self::invalidate), of several keys. One round trip each, side by side.
    pub fn invalidate_many<K: ToKey>(&self, keys: impl IntoIterator<Item = K>) -> Invalidate {
        let targets = keys.into_iter().map(|key| Ok(Target::Key(self.key(key)?)));
        self.invalidation(targets.collect())
    }

    /// All entries of this space that have this tag are not served any more, and what is being loaded
    /// under it is not stored. Two round trips, however many entries there are.
    ///
    /// ```
    /// # use larder::Larder;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let users = larder.namespace("users")?.typed::<String>();
    /// users.set(42, &"Ada".into()).ttl(Duration::from_secs(60)).tag(("team", 7)).await?;
    /// users.invalidate_tag(("team", 7)).await.applied()?;
    /// assert_eq!(users.get(42).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tag(&self, name: impl ToKey) -> Invalidate {
        let target = |name| vec![Target::Tag(self.namespace().clone(), name)];
        self.invalidation(TagName::new(name).map(target))
    }

    /// As [`invalidate_tag`](Self::invalidate_tag), of several tags. Two round trips each, side by side.
    pub fn invalidate_tags<K: ToKey>(&self, names: impl IntoIterator<Item = K>) -> Invalidate {
        let targets = names
            .into_iter()
            .map(|name| Ok(Target::Tag(self.namespace().clone(), TagName::new(name)?)));
        self.invalidation(targets.collect())
    }

    /// No entry of this space is served any more, and nothing that is being loaded is stored.
    ///
    /// A [`clear`](Self::clear), which walks over the keys of the store and reaches the spaces inside this
    /// one. With [generations](Self::with_generations) a new one is begun instead: two round trips, for
    /// this space alone.
    pub fn invalidate_all(&self) -> Invalidate {
        let namespace = self.namespace().clone();
        self.invalidation(Ok(vec![if self.has_generations() {
            Target::Tag(namespace, TagName::GENERATION)
        } else {
            Target::Clear(namespace)
        }]))
    }

    fn invalidation(&self, targets: Result<Vec<Target>>) -> Invalidate {
        Invalidate { larder: self.larder().clone(), targets, how: How::Hard }
    }
}

impl Invalidate {
    /// What is invalidated may be served once more while it is refreshed, as if its time were past, by
    /// those who [take that](crate::Typed::stale_for). What may not be served stale is invalidated as
    /// usual.
    ///
    /// Of a key this costs three round trips. Of a whole space it needs
    /// [generations](Space::with_generations).
    pub fn soft(mut self) -> Self {
        self.how = How::Softly;
        if let Ok(targets) = &self.targets
            && targets.iter().any(|target| matches!(target, Target::Clear(_)))
        {
            self.targets = Err(Error::InvalidArgument {
                operation: "invalidate",
                reason:
                    "a space without generations can only be cleared, which is never soft; give \
                         it `with_generations`"
                        .into(),
            });
        }
        self
    }

    async fn make(self) -> Invalidation {
        let Self { larder, targets, how } = self;
        let targets = match targets {
            Ok(targets) => targets,
            Err(mistake) => return Invalidation::Failed(mistake),
        };
        let made = targets.iter().map(|target| target.apply(&larder, how));
        let made = futures_util::future::join_all(made).await;
        let mut result = Invalidation::Applied;
        for (target, made) in targets.into_iter().zip(made) {
            count(&larder.inner.counters.invalidations);
            let Err(error) = made else { continue };
            count(&larder.inner.counters.errors);
            let queued = is_passing(&error) && larder.queue(target, how);
            result = match result {
                Invalidation::Failed(first) => Invalidation::Failed(first),
                _ if queued => Invalidation::Queued(error),
                _ => Invalidation::Failed(error),
            };
        }
        result
    }
}

/// Whether trying again may help.
pub(super) fn is_passing(error: &Error) -> bool {
    error.is_unavailable()
        || error.may_have_applied()
        || matches!(error, Error::WriteRefused { .. })
}

impl IntoFuture for Invalidate {
    type Output = Invalidation;
    type IntoFuture = Pin<Box<dyn Future<Output = Invalidation> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

/// Without the names.
impl fmt::Debug for Invalidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidate")
            .field("targets", &self.targets.as_ref().map(Vec::len))
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}
