//! One call: take what is there, share a load, wait for somebody else's, or begin one.

use std::{sync::Arc, time::Duration};

use cache_api::Error;

use super::{
    Answer, LoadError, Origin,
    context::Chain,
    early,
    flight::{Caller, Join, Moment},
    footing::{Ground, Site},
    hand::Hand,
    shared::{Load, Outcome},
    source::Source,
};
use crate::{
    codec::Codec,
    envelope::{Entry, Stamp},
    handle::count,
    lookup::{Found, Standing},
    switches::Rule,
    tags::View,
    typed::Typed,
};

/// As long as no test lasts.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

/// A call, once its key is known.
pub(crate) struct Call<T: Send + 'static, C, H, E: Send + Sync + 'static> {
    pub(crate) typed: Typed<T, C>,
    pub(crate) site: Site,
    pub(crate) hand: H,
    /// When it began.
    pub(crate) begun: Moment,
    /// Whatever stands there, the source is asked.
    pub(crate) forced: bool,
    /// Whether it shares loads that began before it, whose marks it finds. Until one was not for it.
    pub(crate) trusts_marks: bool,
    /// Whether that there is none is an answer.
    pub(crate) takes_nothing: bool,
    /// What loads for it.
    pub(crate) source: Arc<dyn Source<T, E>>,
}

pub(crate) type Answered<V, E> = Result<Answer<Option<V>>, LoadError<E>>;

/// What to do next.
pub(super) enum Next<V, E> {
    Answered(Answered<V, E>),
    /// This was found meanwhile.
    Found(Result<Found, Error>),
    Look,
    WithoutStore,
}

/// Where to go from what was found.
enum Way<V> {
    Answer(Answer<Option<V>>),
    /// The source is to be asked, on this ground. What is at the key, if a load under it may be shared.
    Ask(Ground, Option<Stamp>),
    /// Somebody is at work under this mark.
    Await(Stamp),
}

impl<T, C, H, E> Call<T, C, H, E>
where
    T: Send + 'static,
    C: Codec<T>,
    H: Hand<T, C>,
    E: Send + Sync + 'static,
{
    /// Goes on from the first look-up, whose error was counted.
    ///
    /// What it has to begin it begins in its first step, before it waits for anything.
    pub(crate) async fn go(mut self, mut found: Result<Found, Error>) -> Answered<H::Value, E> {
        let chain = Chain::current();
        let flights = &self.typed.larder().inner.flights;
        if Chain::holds(chain.as_ref(), flights, &self.site.key) {
            return Err(LoadError::Recursive);
        }
        let wait = match self.typed.larder().keeps(Rule::WaitersDeadline) {
            true => self.site.options.wait,
            false => FOR_EVER,
        };
        let deadline = self.clock().now() + wait;
        loop {
            let Ok(Found { standing, tags }) = found else {
                return self.without_store(deadline, chain).await;
            };
            let answered = match self.way(standing, &tags, chain.as_ref()).await {
                Way::Answer(answer) => return Ok(answer),
                Way::Ask(ground, token) => self.ask(ground, token, tags, deadline, &chain).await,
                Way::Await(stamp) => self.attend(stamp, tags, deadline, &chain).await,
            };
            match answered {
                Next::Answered(answered) => return answered,
                Next::Found(again) => found = again,
                Next::Look => match self.find_by(deadline).await {
                    Some(again) => found = again,
                    None => return self.without_store(deadline, chain).await,
                },
                Next::WithoutStore => return self.without_store(deadline, chain).await,
            }
            if self.clock().now() >= deadline {
                // Others change the key each time it is looked at.
                return self.without_store(deadline, chain).await;
            }
        }
    }

    /// What to do about what stands at the key.
    async fn way(
        &self,
        standing: Standing,
        tags: &View,
        chain: Option<&Arc<Chain>>,
    ) -> Way<H::Value> {
        match standing {
            Standing::Fresh(entry) | Standing::Stale(entry) if self.forced => {
                Way::Ask(Ground::Over(entry.stamp), None)
            }
            Standing::Fresh(entry) => {
                let (stamp, lifetime) = (entry.stamp, entry.lifetime);
                let Some(answer) = self.serve(entry, Origin::Store) else {
                    return Way::Ask(Ground::Open(stamp.condition()), None);
                };
                if let Some(eagerness) = self.site.options.refresh_ahead
                    && early::is_due(
                        &lifetime,
                        eagerness,
                        self.now_ms(),
                        1.0 - rand::random::<f64>(),
                    )
                {
                    self.refresh(stamp, lifetime.load_cost(), tags.clone(), chain);
                }
                Way::Answer(answer)
            }
            Standing::Stale(entry) => {
                let (stamp, cost) = (entry.stamp, entry.lifetime.load_cost());
                let Some(stale) = self.serve(entry, Origin::Stale) else {
                    return Way::Ask(Ground::Open(stamp.condition()), None);
                };
                let refresh = self.refresh(stamp, cost, tags.clone(), chain);
                Way::Answer(self.refreshed(refresh, tags).await.unwrap_or(stale))
            }
            // Nobody is: it was left behind while the store did not answer.
            Standing::Working(stamp) if self.typed.larder().inner.given_up.has(stamp) => {
                Way::Ask(Ground::Open(stamp.condition()), None)
            }
            Standing::Working(stamp) => Way::Await(stamp),
            Standing::Passing(stamp) => {
                Way::Ask(Ground::Over(stamp), (!self.forced).then_some(stamp))
            }
            Standing::Open(against) => Way::Ask(Ground::Open(against), None),
        }
    }

    /// The answer that stands there. `None`: it is none to this call.
    fn serve(&self, entry: Entry, origin: Origin) -> Option<Answer<Option<H::Value>>> {
        if entry.payload.is_none() && !self.takes_nothing {
            return None;
        }
        let value = self.hand.entry(&self.typed, entry)?;
        let counters = self.typed.counters();
        count(&counters.hits);
        let origin = match (&value, origin) {
            (_, Origin::Stale) => {
                count(&counters.stale);
                Origin::Stale
            }
            (None, _) => Origin::Negative,
            (Some(_), origin) => origin,
        };
        Some(Answer { value, origin })
    }

    /// Refreshes an answer in the background, if nobody did or tried a moment ago.
    fn refresh(
        &self,
        stamp: Stamp,
        cost: Duration,
        tags: View,
        chain: Option<&Arc<Chain>>,
    ) -> Option<Arc<Load<T, E>>> {
        let inner = &self.typed.larder().inner;
        let rests = inner.rests.is_resting(&self.site.key, stamp, self.clock().now());
        let (begun, form) = (self.begun, self.form());
        let caller = Caller { begun, token: Some(stamp), patient: true, form };
        match inner.flights.join(&self.site.key, caller, (!rests).then(|| self.new_load())) {
            Join::Share { flight, .. } => Some(flight),
            Join::Start(takeoff) => {
                Some(self.launch(takeoff, Ground::Refresh(stamp, cost), tags, chain.cloned()))
            }
            Join::Wait(_) | Join::None => None,
        }
    }

    /// What a refresh came to within the soft timeout.
    async fn refreshed(
        &self,
        refresh: Option<Arc<Load<T, E>>>,
        tags: &View,
    ) -> Option<Answer<Option<H::Value>>> {
        let patience = self.site.options.soft_timeout;
        let refresh = refresh.filter(|_| !patience.is_zero())?;
        match refresh.outcome_within(self.clock(), patience).await? {
            Outcome::Loaded(product) if self.holds(product.tags.as_deref(), tags).await => {
                let value = self.hand.product(&self.typed, product).ok()?;
                // Of a call that takes that there is none, which this one does not.
                if value.is_none() && !self.takes_nothing {
                    return None;
                }
                Some(Answer { value, origin: product.origin })
            }
            _ => None,
        }
    }
}
