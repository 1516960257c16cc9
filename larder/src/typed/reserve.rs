use std::{fmt, pin::Pin, sync::Arc};

use cache_api::{Condition, Key, Result};

use super::{Ticket, Typed};
use crate::{
    codec::{Codec, MessagePack},
    envelope::Mark,
    handle::count,
    lease::{self, Taken},
    load::{Footing, Ground, Site},
    lookup::{Found, Standing},
    to_key::ToKey,
};

/// How often a key that others change under our hands is looked at. After that, somebody is at work there.
const ROUNDS: u32 = 4;

/// A look-up that reserves the key for whoever finds nothing there, by [`Typed::reserve`]. Nothing happens
/// until it is awaited.
#[must_use = "nothing is reserved until it is awaited"]
pub struct Reserve<T, C> {
    typed: Typed<T, C>,
    key: Result<Key>,
}

/// What came of a [reservation](Typed::reserve).
pub enum Reserved<T, C = MessagePack> {
    /// The value: there is nothing to do.
    Found(T),
    /// The source has nothing, as somebody [found out](Typed::get_or_find) a moment ago.
    Absent,
    /// The key is yours to fill.
    Ticket(Ticket<T, C>),
    /// Someone else is at work on it. What to do is up to you: look again in a moment, or read the source
    /// and do without the cache.
    Busy,
}

impl<T: 'static, C: Codec<T>> Typed<T, C> {
    /// Looks a value up, and if there is none reserves its key for you to fill: for code that cannot put
    /// its load into a closure, as [`get_or_load`](Self::get_or_load) asks for.
    ///
    /// A plain [`set`](Self::set) after one's own read of the source is not safe from invalidations: it
    /// was read, then the source changed and the old value was invalidated, and then the old value is set,
    /// to be served for all its time. A ticket is taken *before* the source is read, and what it
    /// [sets](Ticket::set) is refused if the key was deleted, cleared, or one of its tags invalidated in
    /// between.
    ///
    /// ```
    /// use larder::{Reserved, prelude::*};
    /// use std::time::Duration;
    ///
    /// # async fn ask_the_database(_: u32) -> String { "Ada".into() }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = larder::open("memory:").await?;
    /// let users = larder.namespace("users")?.typed::<String>();
    /// let user = match users.reserve(42).tag("team:7").await? {
    ///     Reserved::Found(user) => user,
    ///     Reserved::Ticket(ticket) => {
    ///         let user = ask_the_database(42).await;
    ///         ticket.set(&user).ttl(Duration::from_secs(600)).await?;
    ///         user
    ///     }
    ///     Reserved::Busy | Reserved::Absent => ask_the_database(42).await,
    /// };
    /// # assert_eq!(Some(user), users.get(42).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// One round trip for a value, two for a ticket, and for each tag that is not there yet one more.
    ///
    /// What holds the key is a lease in the place of the entry, as during a load: those who
    /// [load](Self::get_or_load) the same key wait for it, on all servers. It is renewed until the ticket
    /// is used or dropped, for [`hard_timeout`](Self::hard_timeout) at most. Two cases are different: an
    /// answer past its time that may still be served stays where it is, and one in the fleet gets the
    /// ticket to replace it within the [back-off](Self::backoff), used or not; and while there is a mark
    /// that nobody should queue for the key, everybody gets a ticket, and the first one that is used holds.
    ///
    /// A future that is dropped leaves no lease behind.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn reserve(&self, key: impl ToKey) -> Reserve<T, C> {
        Reserve { typed: self.clone(), key: self.space().key(key) }
    }
}

impl<T: 'static, C: Codec<T>> Reserve<T, C> {
    /// What the ticket sets will have this tag, besides those of the handle.
    ///
    /// It is named here because it must be known as it was *before* the source is read. It costs no round
    /// trip of its own.
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.typed = self.typed.tag(name);
        self
    }

    async fn look(self) -> Result<Reserved<T, C>> {
        let Self { typed, key } = self;
        let options = Arc::clone(&typed.inner.options);
        let site = Site { space: typed.space().clone(), key: key?, options };
        let reserved = look(&typed, &site).await;
        let reserved = typed.counted(reserved)?;
        let is_answer = matches!(reserved, Reserved::Found(_) | Reserved::Absent);
        let counters = typed.counters();
        count(if is_answer { &counters.hits } else { &counters.misses });
        Ok(reserved)
    }
}

async fn look<T: 'static, C: Codec<T>>(typed: &Typed<T, C>, site: &Site) -> Result<Reserved<T, C>> {
    let (store, namespace) = (site.space.store().as_ref(), site.space.namespace());
    for _ in 0..ROUNDS {
        let Found { standing, mut tags } = typed.find(&site.key).await?;
        let ground = match standing {
            Standing::Working(_) => return Ok(Reserved::Busy),
            Standing::Fresh(entry) => {
                let against = entry.stamp.condition();
                match typed.decode(entry) {
                    Some(Some(value)) => return Ok(Reserved::Found(value)),
                    Some(None) => return Ok(Reserved::Absent),
                    // It does not decode, and is in nobody's way.
                    None => Ground::Open(against),
                }
            }
            Standing::Stale(entry) => Ground::Refresh(entry.stamp, entry.lifetime.load_cost()),
            Standing::Passing(stamp) => Ground::Over(stamp),
            Standing::Open(against) => Ground::Open(against),
        };
        let tags = tags.marks(store, namespace, site.options.tags.get()?).await?;
        let footing = match ground {
            Ground::Open(against) => match place(site, against, &tags).await? {
                Some(footing) => footing,
                None => continue,
            },
            Ground::Refresh(stamp, cost) => {
                if !site.elect(stamp, cost).await {
                    return Ok(Reserved::Busy);
                }
                Footing::Over(stamp)
            }
            Ground::Over(stamp) => Footing::Over(stamp),
            Ground::None => Footing::None,
        };
        let ticket = Ticket::new(typed.clone(), Box::new(site.clone()), footing, tags);
        return Ok(Reserved::Ticket(ticket));
    }
    Ok(Reserved::Busy)
}

/// Puts a lease there. `None`: somebody was faster.
async fn place(site: &Site, against: Condition, tags: &[Mark]) -> Result<Option<Footing>> {
    let place = site.space.place(site.key.clone());
    match lease::take(place, against, site.terms(), tags).await {
        Taken::Held(held) => {
            let (inner, key) = (Arc::clone(&site.space.larder().inner), site.key.clone());
            held.at_end(move || inner.wake.changed(&key));
            Ok(Some(Footing::Lease(held)))
        }
        Taken::Refused => Ok(None),
        Taken::Failed(error) => Err(error),
    }
}

impl<T: 'static, C: Codec<T>> IntoFuture for Reserve<T, C> {
    type Output = Result<Reserved<T, C>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Reserved<T, C>>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.look())
    }
}

impl<T, C> fmt::Debug for Reserve<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Without the value.
impl<T, C> fmt::Debug for Reserved<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(_) => f.write_str("Found(..)"),
            Self::Absent => f.write_str("Absent"),
            Self::Ticket(ticket) => f.debug_tuple("Ticket").field(ticket).finish(),
            Self::Busy => f.write_str("Busy"),
        }
    }
}
