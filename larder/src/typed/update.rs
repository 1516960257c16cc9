use std::{fmt, pin::Pin, time::Duration};

use cache_api::{Condition, Key, Remaining, Result, SetOutcome, Ttl};

use super::{
    Typed,
    set::{no_lifetime, unsettled},
};
use crate::{
    codec::Codec,
    envelope::{Lifetime, Mark},
    handle::count,
    lease::{self, Place, Taken, Terms},
    lookup::{Found, Standing},
    pause::Pauses,
    tags::{TagName, TagNames},
    to_key::ToKey,
};

/// How often it is tried. Each time somebody else got further.
const ROUNDS: u32 = 40;

/// How long it pauses between two of them: at first, and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What is put in the place of a value that is removed, for the moment until it is removed itself.
const REMOVAL: Terms = Terms {
    heartbeat: Duration::from_millis(500),
    renew_for: Duration::ZERO,
    patience: Duration::from_secs(1),
};

/// A change of a value that depends on what it is, by [`Typed::update`]. Nothing happens until it is
/// awaited.
#[must_use = "nothing is changed until it is awaited"]
pub struct Update<T, C, F> {
    typed: Typed<T, C>,
    key: Result<Key>,
    change: F,
    ttl: Option<Ttl>,
    keeps_ttl: bool,
}

impl<T: 'static, C: Codec<T>> Typed<T, C> {
    /// Changes a value by what it is: the closure is given the value that stands there, or `None`, and
    /// says what shall stand there, or `None` for nothing. Resolves to that.
    ///
    /// No change by others is lost: the new value replaces exactly what was read. If something else
    /// stands there by then, the closure is asked again with that, so it may run several times, and should
    /// do nothing but compute. This is for changes; to *fill* a key from a source use
    /// [`get_or_load`](Self::get_or_load) or [`reserve`](Self::reserve), and for plain counters there is
    /// [`Raw::increment`](crate::Raw::increment), which never has to try again.
    ///
    /// ```
    /// # use larder::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = larder::open("memory:").await?;
    /// let carts = larder.namespace("carts")?.typed::<Vec<String>>();
    /// let add = |item: &'static str| {
    ///     carts.update(42, move |cart| {
    ///         let mut cart = cart.unwrap_or_default();
    ///         cart.push(item.to_owned());
    ///         Some(cart)
    ///     })
    /// };
    /// add("tea").ttl(Duration::from_secs(3600)).await?;
    /// let cart = add("milk").ttl(Duration::from_secs(3600)).await?;
    /// assert_eq!(cart, Some(vec!["tea".to_owned(), "milk".to_owned()]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Two round trips when nobody interferes, one more to remove a value or to [keep its
    /// lifetime](Update::keep_ttl). Otherwise two more for each time that somebody was faster, after a
    /// pause by chance that grows up to a fifth of a second; about forty times, then it is given up. A key
    /// that many change at once had better be several keys, or be guarded by a [lock](crate::lock).
    ///
    /// The new value has the tags of the old one, as they were then, and those of the handle. A value past
    /// its time is `None`, whether or not it might be served stale. Whoever is at work on the key is
    /// displaced: what is being loaded or recorded meanwhile is not stored.
    ///
    /// A future that is dropped may have applied its change, whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). After one that [may have been
    /// applied](cache_api::Error::may_have_applied) nobody knows whether the change was made;
    /// [`Error::Backend`](cache_api::Error::Backend) that says so when others were faster each time:
    /// then it was not.
    pub fn update<F>(&self, key: impl ToKey, change: F) -> Update<T, C, F>
    where
        F: FnMut(Option<T>) -> Option<T> + Send + 'static,
    {
        let (typed, key, ttl) = (self.clone(), self.space().key(key), self.inner.options.ttl);
        Update { typed, key, change, ttl, keeps_ttl: false }
    }
}

impl<T: 'static, C: Codec<T>, F> Update<T, C, F> {
    /// The new value lives this long: a `Duration` or a [`Ttl`]. Zero leaves no entry.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// It lives until it is deleted or evicted.
    pub fn forever(self) -> Self {
        self.ttl(Ttl::Never)
    }

    /// It lives as long as the old one would have, by the store's clock: one round trip more. Where there
    /// is no old one [`ttl`](Self::ttl) says how long, or the default of the handle.
    pub fn keep_ttl(mut self) -> Self {
        self.keeps_ttl = true;
        self
    }

    /// It has this tag, besides those of the handle and of the old value.
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.typed = self.typed.tag(name);
        self
    }
}

/// A value that stands there.
struct Old<T> {
    value: T,
    tags: Vec<Mark>,
    lifetime: Lifetime,
}

impl<T, C, F> Update<T, C, F>
where
    T: Send + 'static,
    C: Codec<T>,
    F: FnMut(Option<T>) -> Option<T> + Send + 'static,
{
    async fn make(mut self) -> Result<Option<T>> {
        let typed = self.typed.clone();
        let place = typed.space().place(self.key.clone()?);
        if self.ttl.is_none() && !self.keeps_ttl {
            return Err(no_lifetime());
        }
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        for _ in 0..ROUNDS {
            let made = self.try_once(&place).await;
            if let Some(value) = typed.counted(made)? {
                typed.larder().inner.wake.changed(&place.key);
                return Ok(value);
            }
            count(&typed.counters().refused);
            place.clock.sleep(pauses.next()).await;
        }
        Err(unsettled(&place, "update"))
    }

    /// `None`: others were faster.
    async fn try_once(&mut self, place: &Place) -> Result<Option<Option<T>>> {
        let typed = self.typed.clone();
        let Found { standing, tags: mut view } = typed.find(&place.key).await?;
        let (against, old) = seen(&typed, standing);
        count(if old.is_some() { &typed.counters().hits } else { &typed.counters().misses });
        let mut tags = TagNames::default();
        let mut kept = None;
        if let Some(Old { tags: marks, lifetime, .. }) = &old {
            marks.iter().for_each(|mark| tags.insert(TagName::from_bytes(mark.name.clone())));
            if self.keeps_ttl {
                // After the look: it is that of what was seen, or the write will be refused.
                match place.store.ttl(&place.key).await? {
                    Remaining::Missing => return Ok(None),
                    left => kept = Some(remaining(lifetime, left, typed.larder().now_ms())),
                }
            }
        }
        typed.inner.options.tags.get()?.iter().for_each(|name| tags.insert(name.clone()));

        let Some(value) = (self.change)(old.map(|old| old.value)) else {
            return Ok(remove(place, against).await?.then_some(None));
        };
        let lifetime = kept.map_or_else(|| typed.lifetime(self.ttl), Ok)?;
        let draft = typed.draft(&value)?;
        let (store, namespace) = (place.store.as_ref(), typed.space().namespace());
        let marks = view.marks(store, namespace, tags.get()?).await?;
        let record = draft.seal(&place.key, lifetime, &marks);
        match typed.write_when(place, &record, lifetime.ttl(), against).await? {
            SetOutcome::Stored => {
                count(&typed.counters().stored);
                Ok(Some(Some(value)))
            }
            SetOutcome::Refused { .. } => Ok(None),
        }
    }
}

/// The value, if one stands there, and the condition that exactly what was found still does.
fn seen<T: 'static, C: Codec<T>>(
    typed: &Typed<T, C>,
    standing: Standing,
) -> (Condition, Option<Old<T>>) {
    match standing {
        Standing::Fresh(entry) => {
            let (against, lifetime) = (entry.stamp.condition(), entry.lifetime);
            let tags = entry.tags.clone();
            let value = typed.decode(entry).flatten();
            (against, value.map(|value| Old { value, tags, lifetime }))
        }
        Standing::Stale(entry) => (entry.stamp.condition(), None),
        Standing::Working(stamp) | Standing::Passing(stamp) => (stamp.condition(), None),
        Standing::Open(against) => (against, None),
    }
}

/// A lifetime that ends when an old one would have, of which the store says this.
fn remaining(old: &Lifetime, left: Remaining, now_ms: u64) -> Lifetime {
    let stale_for = Duration::from_millis(old.stale_for_ms);
    match left {
        Remaining::For(left) => {
            let fresh_for = left.saturating_sub(stale_for);
            Lifetime::new(now_ms, fresh_for.into(), stale_for.min(left))
        }
        Remaining::Never | Remaining::Missing => {
            let fresh_for = old.fresh_left(now_ms).map_or(Ttl::Never, Ttl::After);
            Lifetime::new(now_ms, fresh_for, stale_for)
        }
    }
}

/// Removes exactly what was seen. `false`: it does not stand there any more.
///
/// A removal whose answer is lost cannot be told from one by others. So a mark of our own is put in its
/// place first: that it was is found out like any other write.
async fn remove(place: &Place, against: Condition) -> Result<bool> {
    if against == Condition::Absent {
        return Ok(true);
    }
    match lease::take(place.clone(), against, REMOVAL, &[]).await {
        Taken::Held(held) => {
            held.release().await;
            Ok(true)
        }
        Taken::Refused => Ok(false),
        Taken::Failed(error) => Err(error),
    }
}

impl<T, C, F> IntoFuture for Update<T, C, F>
where
    T: Send + 'static,
    C: Codec<T>,
    F: FnMut(Option<T>) -> Option<T> + Send + 'static,
{
    type Output = Result<Option<T>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Option<T>>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

impl<T, C, F> fmt::Debug for Update<T, C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("key", &self.key)
            .field("ttl", &self.ttl)
            .field("keeps_ttl", &self.keeps_ttl)
            .finish_non_exhaustive()
    }
}
