use std::time::Duration;

use cache_api::{Condition, Error, SetOptions, Ttl};
use tokio::sync::oneshot;

use super::{
    Place, Validity, Written,
    given_up::{Noted, remove},
    validity::Standing,
    write, write_in_doubt,
};
use crate::{
    envelope::{Kind, Mark, Stamp, write_work},
    switches::Rule,
};

/// How a lease is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// It lives for two of these, and is renewed after two thirds of one.
    pub(crate) heartbeat: Duration,
    /// After this long it is renewed no more: a source that hangs must not block its key for ever.
    pub(crate) renew_for: Duration,
    /// How long a lost answer of the store is enquired after.
    pub(crate) patience: Duration,
}

impl Terms {
    /// The lifetime of the record at the key.
    pub(crate) fn ttl(&self) -> Ttl {
        Ttl::After(self.lifetime())
    }

    fn lifetime(&self) -> Duration {
        self.heartbeat * 2
    }

    /// How often it is renewed.
    pub(crate) fn renewal(&self) -> Duration {
        self.heartbeat * 2 / 3
    }
}

/// What came of reaching for a lease.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is ours.
    Held(Held),
    /// Something else stands there now.
    Refused,
    /// The store did not answer, or not so that one could know.
    Failed(Error),
}

/// A lease of ours, renewed in the background. Dropping it removes it, in the background too.
#[derive(Debug)]
pub(crate) struct Held {
    stamp: Stamp,
    validity: Validity,
    keeper: Option<oneshot::Sender<Order>>,
}

#[derive(Debug)]
enum Order {
    /// Leave it where it is: something is about to replace it.
    HandOver,
    /// Remove it, then say so.
    Release(oneshot::Sender<()>),
}

/// Places a lease against what was seen at the key.
///
/// One round trip. The write is made by a task of its own, which removes what it wrote if nobody waits
/// for it any more: a caller that is cancelled leaves no lease behind.
///
/// `tags` are those of the entry to come, as they are before the source is asked: whoever finds the
/// lease after one of them was invalidated knows that it is dead.
pub(crate) async fn take(place: Place, against: Condition, terms: Terms, tags: &[Mark]) -> Taken {
    reach(place, against, terms, tags, false).await
}

/// The same, for someone who can do without: [`Taken::Failed`] as soon as the store lets a request go
/// unanswered. It is enquired after all the same, and removed if it was placed.
pub(crate) async fn take_at_once(
    place: Place,
    against: Condition,
    terms: Terms,
    tags: &[Mark],
) -> Taken {
    reach(place, against, terms, tags, true).await
}

async fn reach(
    place: Place,
    against: Condition,
    terms: Terms,
    tags: &[Mark],
    at_once: bool,
) -> Taken {
    let stamp = Stamp::new(Kind::Lease);
    let record = write_work(stamp, tags);
    let (say, hear) = oneshot::channel();
    tokio::spawn(async move {
        let mut say = Some(say);
        let mut tell = |taken| {
            if let Some(say) = say.take() {
                // Nobody to take it: a lease comes back, and dropping it is the order to remove it.
                let _ = say.send(taken);
            }
        };
        let sent = place.clock.now();
        let mut given_up = None;
        let doubted = |error: &Error| {
            if at_once && given_up.is_none() {
                given_up = Some(place.given_up.note(stamp));
                tell(Taken::Failed(error.clone()));
            }
        };
        let written =
            write_in_doubt(&place, &record, terms.ttl(), against, terms.patience, doubted).await;
        match written {
            Written::Applied => {
                let (keeper, orders) = oneshot::channel();
                let (standing, validity) = Standing::since(sent, terms.lifetime(), &place.clock);
                tell(Taken::Held(Held { stamp, validity, keeper: Some(keeper) }));
                keep(&place, stamp, terms, standing, orders, given_up).await;
            }
            Written::Refused { .. } => tell(Taken::Refused),
            Written::Failed(error) => tell(Taken::Failed(error)),
            Written::Unknown(error) => {
                tell(Taken::Failed(error));
                given_up.unwrap_or_else(|| place.given_up.note(stamp)).withdraw(&place);
            }
        }
    });
    hear.await.unwrap_or_else(|_| {
        Taken::Failed(Error::Unavailable {
            backend: "larder",
            operation: "lease",
            reason: "the runtime is shutting down".into(),
            may_have_applied: true,
            source: None,
        })
    })
}

impl Held {
    /// Exactly this lease, as the condition of the write that replaces it.
    pub(crate) const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// How long it is sure to stand.
    pub(crate) const fn validity(&self) -> &Validity {
        &self.validity
    }

    /// Does something when it was removed or handed over, whoever does that.
    pub(crate) fn at_end(&self, then: impl FnOnce() + Send + 'static) {
        let validity = self.validity.clone();
        tokio::spawn(async move {
            validity.kept().await;
            then();
        });
    }

    /// Stops renewing it and leaves it where it is, for something that replaces it now.
    pub(crate) fn hand_over(mut self) -> Stamp {
        self.order(Order::HandOver);
        self.stamp
    }

    /// Removes it, and returns when it is removed (or the store did not answer).
    pub(crate) async fn release(mut self) {
        let (done, wait) = oneshot::channel();
        self.order(Order::Release(done));
        let _ = wait.await;
    }

    /// Puts a mark in its place that lets everyone pass for a while: what the source has is not to be kept,
    /// or it failed, and nobody should queue for it.
    pub(crate) async fn pass(self, place: &Place, how_long: Duration, patience: Duration) {
        let record = write_work(Stamp::new(Kind::Pass), &[]);
        let against = self.stamp.condition();
        match write(place, &record, Ttl::After(how_long), against, patience).await {
            Written::Applied => drop(self.hand_over()),
            // What is left of the lease is removed by dropping it.
            Written::Refused { .. } | Written::Failed(_) | Written::Unknown(_) => drop(self),
        }
    }

    fn order(&mut self, order: Order) {
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.send(order);
        }
    }
}

/// Renews a lease until told otherwise, or until it is lost.
async fn keep(
    place: &Place,
    stamp: Stamp,
    terms: Terms,
    standing: Standing,
    mut orders: oneshot::Receiver<Order>,
    given_up: Option<Noted>,
) {
    let until = place.clock.now() + terms.renew_for;
    let mut renewing = true;
    let order = loop {
        tokio::select! {
            order = &mut orders => break order,
            () = place.clock.sleep(terms.renewal()), if renewing => {
                // What is renewed no more is left to die of age. The order is still waited for.
                renewing = place.clock.now() < until
                    && renew(place, stamp, terms, &standing).await;
            }
        }
    };
    let done = match order {
        Ok(Order::HandOver) => return,
        Ok(Order::Release(done)) => Some(done),
        Err(_) => None,
    };
    standing.lost();
    let given_up = given_up.unwrap_or_else(|| place.given_up.note(stamp));
    let is_removed = remove(place, stamp).await;
    // Whoever waits for it is told, whatever came of it.
    drop((standing, done));
    if !is_removed {
        given_up.withdraw(place);
    }
}

/// Gives it its lifetime anew. `false`: it is lost.
async fn renew(place: &Place, stamp: Stamp, terms: Terms, standing: &Standing) -> bool {
    let Place { store, clock, key, switches, .. } = place;
    let mine = match switches.keep(Rule::RenewalIsConditional) {
        true => stamp.condition(),
        false => Condition::Always,
    };
    let sent = clock.now();
    match store.expire(key, terms.ttl(), mine).await {
        Ok(true) => standing.renewed(sent),
        Ok(false) if !switches.keep(Rule::LostLeaseStaysLost) => {
            let again = SetOptions::new(terms.ttl()).when(Condition::Absent);
            let _ = store.set(key, write_work(stamp, &[]), again).await;
        }
        // It was removed, and is never placed again.
        Ok(false) => {
            standing.lost();
            return false;
        }
        // May be followed by a success as long as the lease lives, and costs nothing after that.
        Err(_) => {}
    }
    true
}
