use std::{fmt, pin::Pin};

use cache_api::{Result, Ttl};

use super::Typed;
use crate::{
    codec::{Codec, MessagePack},
    envelope::{Draft, Mark},
    handle::count,
    load::{Footing, Site},
    tags::{Verdict, View},
};

/// A key that is yours to fill, by [`Typed::reserve`]. Dropping it gives it back, in the background.
#[must_use = "a ticket that is dropped is given back"]
pub struct Ticket<T, C = MessagePack> {
    typed: Typed<T, C>,
    site: Box<Site>,
    footing: Footing,
    /// The tags as they were before the source is read.
    tags: Vec<Mark>,
}

impl<T, C> Ticket<T, C> {
    pub(super) const fn new(
        typed: Typed<T, C>,
        site: Box<Site>,
        footing: Footing,
        tags: Vec<Mark>,
    ) -> Self {
        Self { typed, site, footing, tags }
    }
}

impl<T: 'static, C: Codec<T>> Ticket<T, C> {
    /// Stores the value that was read under this ticket. It is encoded at once: the future does not
    /// borrow it.
    ///
    /// How long it lives must be said, as with [`Typed::set`]. Resolves to whether it was stored: `false`
    /// if since the reservation the key was deleted, cleared or written by others, one of its tags
    /// invalidated, or the lease lost. The value is as good as ever to whoever read it; the source may have
    /// changed meanwhile, so it is not to be kept.
    ///
    /// One round trip, one more if there are tags. A future that is dropped may have stored it, whole or
    /// not at all, and leaves no lease behind.
    ///
    /// # Errors
    ///
    /// As [`Typed::set`]. After one that [may have been
    /// applied](cache_api::Error::may_have_applied) the value may stand, if nothing was invalidated.
    pub fn set(self, value: &T) -> TicketSet<T, C> {
        let ttl = self.typed.inner.options.ttl;
        let draft = self.typed.draft(value);
        TicketSet { ticket: self, draft, ttl }
    }

    /// Gives it back, and returns when others can have it: nobody waits for it any more. One round trip.
    pub async fn release(self) {
        if let Footing::Lease(held) = self.footing {
            held.release().await;
        }
    }

    /// Whether the tags are still as they were. An invalidation that comes later than this look finds an
    /// entry made under the old ones, which is none to any reader.
    async fn still_holds(&self) -> Result<bool> {
        let mut now = View::default();
        let (store, namespace) = (self.site.space.store().as_ref(), self.site.space.namespace());
        now.read_more(store, namespace, &now.unknown(&self.tags)).await?;
        Ok(now.judge(&self.tags) == Verdict::Holds)
    }
}

impl<T, C> fmt::Debug for Ticket<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("key", &self.site.key).finish_non_exhaustive()
    }
}

/// A write under a ticket, by [`Ticket::set`]. Nothing happens until it is awaited.
#[must_use = "nothing is written until it is awaited"]
pub struct TicketSet<T, C> {
    ticket: Ticket<T, C>,
    draft: Result<Draft>,
    ttl: Option<Ttl>,
}

impl<T: 'static, C: Codec<T>> TicketSet<T, C> {
    /// Lives this long: a `Duration` or a [`Ttl`]. Zero leaves no entry.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Lives until it is deleted or evicted.
    pub fn forever(self) -> Self {
        self.ttl(Ttl::Never)
    }

    async fn write(self) -> Result<bool> {
        let Self { ticket, draft, ttl } = self;
        let (typed, draft) = (ticket.typed.clone(), draft?);
        let lifetime = typed.lifetime(ttl)?;
        let stored = if typed.counted(ticket.still_holds().await)? {
            let Ticket { site, footing, tags, .. } = ticket;
            let record = draft.seal(&site.key, lifetime, &tags);
            typed.counted(footing.commit(&site, &record, lifetime.ttl()).await)?
        } else {
            ticket.release().await;
            false
        };
        count(if stored { &typed.counters().stored } else { &typed.counters().refused });
        Ok(stored)
    }
}

impl<T: 'static, C: Codec<T>> IntoFuture for TicketSet<T, C> {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.write())
    }
}

/// Without the value.
impl<T, C> fmt::Debug for TicketSet<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketSet")
            .field("ticket", &self.ticket)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
