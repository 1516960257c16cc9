use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use cache_api::{Condition, Error, Key, Result, SetOptions, SetOutcome, Ttl};

use super::Typed;
use crate::{
    codec::Codec,
    envelope::{self, Draft, Entry, Kind, Lifetime, Mark, Stamp, displacing},
    handle::count,
    lease::{self, Place, Written},
    load::Options,
    lookup::Standing,
    near::ReadToken,
    tags::{TagNames, View},
    to_key::ToKey,
};

/// A write of a value, by [`Typed::set`]. Nothing happens until it is awaited.
///
/// ```
/// # use larder::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let jobs = larder.namespace("jobs")?.typed::<String>();
/// let mine = jobs.set("nightly", &"host-1".into()).ttl(Duration::from_secs(60)).if_absent();
/// let theirs = jobs.set("nightly", &"host-2".into()).ttl(Duration::from_secs(60)).if_absent();
/// assert!(mine.await?);
/// assert!(!theirs.await?);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is written until it is awaited"]
pub struct Set<T, C> {
    typed: Typed<T, C>,
    draft: Result<(Key, Draft)>,
    ttl: Option<Ttl>,
    tags: TagNames,
    when: When,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Absent,
    Present,
}

impl<T, C> Set<T, C> {
    pub(super) fn new(typed: Typed<T, C>, draft: Result<(Key, Draft)>) -> Self {
        let Options { ttl, ref tags, .. } = *typed.inner.options;
        let tags = tags.clone();
        Self { typed, draft, ttl, tags, when: When::Always }
    }

    /// Lives this long: a `Duration` or a [`Ttl`]. Zero leaves no entry.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Lives until it is deleted or evicted.
    pub fn forever(self) -> Self {
        self.ttl(Ttl::Never)
    }

    /// Is [invalidated](crate::Space::invalidate_tag) with all others that have this tag.
    ///
    /// Any tags cost one round trip more, to read what they are now; a new one another, to create it.
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.tags.add(name);
        self
    }

    /// Resolves to a [`ReadToken`] of the write, for readers on other servers; `None` if it was refused.
    pub fn token(self) -> SetWithToken<T, C> {
        SetWithToken(self)
    }

    /// Only where no value stands. Of several callers one stores.
    ///
    /// What stands there and is no value does not count and is replaced. Finding a value costs a
    /// second round trip if it is longer than what the store tells with its refusal.
    pub fn if_absent(mut self) -> Self {
        self.when = When::Absent;
        self
    }

    /// Only where a value stands.
    pub fn if_present(mut self) -> Self {
        self.when = When::Present;
        self
    }
}

impl<T: 'static, C: Codec<T>> Set<T, C> {
    async fn write(self) -> Result<Option<ReadToken>> {
        let Self { typed, draft, ttl, tags, when } = self;
        let (key, draft) = draft?;
        let lifetime = typed.lifetime(ttl)?;
        let tags = typed.counted(typed.marks(&tags).await)?;
        let record = draft.seal(&key, lifetime, &tags);
        let token = Stamp::parse(&record).map(|stamp| ReadToken::new(stamp.version));
        let ttl = lifetime.ttl();
        let stored = match when {
            When::Always => typed.write(&key, record, ttl).await,
            When::Present => typed.write_if_present(key.clone(), &record, ttl).await,
            When::Absent => typed.write_if_absent(key.clone(), &record, ttl).await,
        };
        let stored = typed.counted(stored)?;
        typed.larder().inner.wake.changed(&key);
        count(if stored { &typed.counters().stored } else { &typed.counters().refused });
        Ok(token.filter(|_| stored))
    }
}

/// What a write without a lifetime gets.
pub(super) fn no_lifetime() -> Error {
    Error::InvalidArgument {
        operation: "set",
        reason:
            "how long does the value live? Say `.ttl(..)` or `.forever()`, or give the handle a \
                 `default_ttl`"
                .into(),
    }
}

/// How often `if_absent` looks again when others change the key under it. Each round somebody else got
/// further.
const ROUNDS: u32 = 16;

/// How long a conditional write is enquired after when its answer is lost.
const PATIENCE: Duration = Duration::from_secs(1);

impl<T: 'static, C: Codec<T>> Typed<T, C> {
    /// The lifetime of what is written now.
    pub(super) fn lifetime(&self, ttl: Option<Ttl>) -> Result<Lifetime> {
        let options = &self.inner.options;
        let ttl = options.jittered(ttl.ok_or_else(no_lifetime)?);
        // A lifetime of nothing is none, whatever may be served after it.
        let stale_for = if ttl.is_zero() { Duration::ZERO } else { options.stale_for };
        Ok(Lifetime::new(self.larder().now_ms(), ttl, stale_for))
    }

    /// These tags, as they are now.
    pub(super) async fn marks(&self, tags: &TagNames) -> Result<Vec<Mark>> {
        let (space, names) = (&self.inner.space, tags.get()?);
        let store = space.store().as_ref();
        let mut view = View::read(store, space.namespace(), names).await?;
        view.marks(store, space.namespace(), names).await
    }

    async fn write(&self, key: &Key, record: Bytes, ttl: Ttl) -> Result<bool> {
        Ok(self.store().set(key, record, SetOptions::new(ttl)).await?.is_stored())
    }

    async fn write_if_present(&self, key: Key, record: &Bytes, ttl: Ttl) -> Result<bool> {
        let any_value = Condition::StartsWith(Kind::Value.prefix());
        let outcome = self.write_when(&self.inner.space.place(key), record, ttl, any_value).await?;
        Ok(outcome.is_stored())
    }

    async fn write_if_absent(&self, key: Key, record: &Bytes, ttl: Ttl) -> Result<bool> {
        self.larder().settle(&key, &[], &[]).await?;
        let place = self.inner.space.place(key);
        let mut condition = Condition::Absent;
        for _ in 0..ROUNDS {
            let outcome = self.write_when(&place, record, ttl, condition).await?;
            let SetOutcome::Refused { standing } = outcome else { return Ok(true) };
            let standing = match standing {
                // Of a value the store may have told its first bytes only. Is it whole?
                Some(begin) if Kind::Value.begins(&begin) => self.store().get(&place.key).await?,
                standing => standing,
            };
            let against = displacing(standing.as_ref());
            match self.judge(&place.key, standing).await? {
                Standing::Fresh(entry) if self.has_value(&entry) => return Ok(false),
                _ => condition = against,
            }
        }
        Err(unsettled(&place, "set"))
    }

    /// Gives a value a new lifetime, if one stands there.
    pub(super) async fn renew(&self, key: Key, ttl: Ttl) -> Result<bool> {
        let place = self.inner.space.place(key);
        let lifetime = self.lifetime(Some(ttl))?;
        for _ in 0..ROUNDS {
            self.larder().settle(&place.key, &[], &[]).await?;
            let found = self.store().get(&place.key).await?;
            let standing = self.judge(&place.key, found.clone()).await?;
            let (Some(record), Standing::Fresh(Entry { payload: Some(_), stamp, .. })) =
                (found, standing)
            else {
                return Ok(false);
            };
            let renewed = envelope::renew(&record, &place.key, lifetime);
            let against = stamp.condition();
            if self.write_when(&place, &renewed, lifetime.ttl(), against).await?.is_stored() {
                return Ok(true);
            }
        }
        Err(unsettled(&place, "expire"))
    }

    pub(super) async fn write_when(
        &self,
        place: &Place,
        record: &Bytes,
        ttl: Ttl,
        condition: Condition,
    ) -> Result<SetOutcome> {
        match lease::write(place, record, ttl, condition, PATIENCE).await {
            Written::Applied => Ok(SetOutcome::Stored),
            Written::Refused { standing } => Ok(SetOutcome::Refused { standing }),
            Written::Failed(error) | Written::Unknown(error) => Err(error),
        }
    }
}

pub(super) fn unsettled(place: &Place, operation: &'static str) -> Error {
    Error::Backend {
        backend: place.store.name(),
        operation,
        reason: "the key changed each time it was looked at".into(),
        may_have_applied: false,
        source: None,
    }
}

impl<T: 'static, C: Codec<T>> IntoFuture for Set<T, C> {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Ok(self.write().await?.is_some()) })
    }
}

/// A write that tells its token, by [`Set::token`]. Nothing happens until it is awaited.
#[must_use = "nothing is written until it is awaited"]
#[derive(Debug)]
pub struct SetWithToken<T, C>(Set<T, C>);

impl<T: 'static, C: Codec<T>> IntoFuture for SetWithToken<T, C> {
    type Output = Result<Option<ReadToken>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Option<ReadToken>>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.write())
    }
}

/// Without the value.
impl<T, C> fmt::Debug for Set<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set")
            .field("key", &self.draft.as_ref().map(|(key, _)| key))
            .field("ttl", &self.ttl)
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}
