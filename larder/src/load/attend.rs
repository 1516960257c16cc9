//! Sharing a load with others: in this process by its flight, with other servers by what stands at the key.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cache_api::{Clock, Error};

use super::{
    Answer, LoadError,
    call::{Answered, Call, Next},
    context::Chain,
    flight::{Caller, Flight as _, Form, Join, Moment, Takeoff},
    fly::Departure,
    footing::{Ground, PATIENCE},
    hand::Hand,
    shared::{Load, Outcome},
};
use crate::{
    codec::Codec,
    envelope::{Expected, Mark, Stamp},
    handle::count,
    lookup::{self, Found, Standing},
    switches::Rule,
    tags::{Verdict, View},
};

/// How often a key that somebody else holds is looked at by the first who waits there: at first, and at
/// last. What is told in this process or pushed by the store is seen at once.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));
/// And by the others, who are told by the first.
const POLL_OF_OTHERS: Duration = Duration::from_secs(1);
/// Who has waited for as long as he would has so long for a last look: there may be an answer by now.
const LAST_LOOK: Duration = Duration::from_millis(20);

impl<T, C, H, E> Call<T, C, H, E>
where
    T: Send + 'static,
    C: Codec<T>,
    H: Hand<T, C>,
    E: Send + Sync + 'static,
{
    /// Shares a load or begins one.
    pub(super) async fn ask(
        &mut self,
        ground: Ground,
        token: Option<Stamp>,
        tags: View,
        deadline: Instant,
        chain: &Option<Arc<Chain>>,
    ) -> Next<H::Value, E> {
        match self.join(token, deadline, true) {
            Join::Share { flight, by_token } => self.share(&flight, by_token, &tags).await,
            Join::Wait(flight) => {
                tokio::select! {
                    () = flight.over() => {}
                    () = self.until(deadline) => {}
                }
                Next::Look
            }
            Join::Start(takeoff) => {
                let flight = self.launch(takeoff, ground, tags.clone(), chain.clone());
                self.share(&flight, false, &tags).await
            }
            Join::None => Next::Look,
        }
    }

    /// Shares the load that stands at the key under this mark, or waits for it if it is not ours.
    pub(super) async fn attend(
        &mut self,
        stamp: Stamp,
        tags: View,
        deadline: Instant,
        chain: &Option<Arc<Chain>>,
    ) -> Next<H::Value, E> {
        match self.join((!self.forced).then_some(stamp), deadline, false) {
            Join::Share { flight, by_token } => match self.share(&flight, by_token, &tags).await {
                // What it came to is not for us, and it still stands there: we displace it. A mark that is not
                // that of the load is somebody else's, who is at work.
                Next::Look if by_token && flight.is_over() => {
                    self.ask(Ground::Open(stamp.condition()), None, tags, deadline, chain).await
                }
                next => next,
            },
            Join::Wait(flight) => {
                tokio::select! {
                    () = flight.over() => {}
                    () = self.until(deadline) => {}
                }
                Next::Look
            }
            Join::Start(_) | Join::None => self.wait_elsewhere(stamp, deadline).await,
        }
    }

    /// Asks the source without the store: it does not answer, or somebody elsewhere takes too long.
    pub(super) async fn without_store(
        &mut self,
        deadline: Instant,
        chain: Option<Arc<Chain>>,
    ) -> Answered<H::Value, E> {
        loop {
            let flight = match self.join(None, deadline, true) {
                Join::Share { flight, .. } => flight,
                Join::Start(takeoff) => {
                    self.launch(takeoff, Ground::None, View::default(), chain.clone())
                }
                Join::Wait(flight) => {
                    tokio::select! {
                        () = flight.over() => {}
                        () = self.until(deadline) => {}
                    }
                    continue;
                }
                // Only for who begins none.
                Join::None => return Err(LoadError::TimedOut),
            };
            flight.hurry();
            if let Next::Answered(answered) = self.share(&flight, false, &View::default()).await {
                return answered;
            }
        }
    }

    /// Waits for a load, and takes what it came to.
    async fn share(
        &mut self,
        flight: &Load<T, E>,
        by_token: bool,
        tags: &View,
    ) -> Next<H::Value, E> {
        count(&self.typed.counters().waits);
        match flight.outcome_within(self.clock(), self.bound()).await {
            None => Next::Answered(Err(LoadError::TimedOut)),
            Some(Outcome::Again) => Next::Look,
            Some(Outcome::Failed(error)) => Next::Answered(Err(error.clone())),
            Some(Outcome::Loaded(product)) => {
                // Of a load that began before the call it is only known that its mark stood.
                if by_token && !self.holds(product.tags.as_deref(), tags).await {
                    return self.look_elsewhere();
                }
                match self.hand.product(&self.typed, product) {
                    Ok(None) if !self.takes_nothing => self.look_elsewhere(),
                    Ok(value) => Next::Answered(Ok(Answer { value, origin: product.origin })),
                    Err(error) => Next::Answered(Err(LoadError::Cache(error))),
                }
            }
        }
    }

    /// What a load came to is not for this call: no load that began before now is shared, whatever mark it
    /// has.
    fn look_elsewhere(&mut self) -> Next<H::Value, E> {
        self.begun = self.typed.larder().inner.flights.now();
        self.trusts_marks = false;
        Next::Look
    }

    /// Whether the tags of a load are as this call has read them.
    pub(super) async fn holds(&self, marks: Option<&[Mark]>, tags: &View) -> bool {
        let Some(marks) = marks else { return false };
        if !self.typed.larder().keeps(Rule::SharedTagsCompared) {
            return true;
        }
        // Its look-up could not know of tags that the loader named.
        if self.typed.larder().distrusts(&self.site.key, marks) {
            return false;
        }
        let mut tags = tags.clone();
        let (store, namespace) = (self.site.space.store().as_ref(), self.site.space.namespace());
        let read = tags.read_more(store, namespace, &tags.unknown(marks)).await;
        read.is_ok() && tags.judge(marks) == Verdict::Holds
    }

    /// Waits for something else to stand at the key than this mark of somebody elsewhere.
    async fn wait_elsewhere(&self, stamp: Stamp, deadline: Instant) -> Next<H::Value, E> {
        let inner = &self.typed.larder().inner;
        if let Some(feed) = inner.feed.as_ref().filter(|_| inner.shared) {
            // From now on the store tells when there is something to see.
            feed.want(&[self.site.space.namespace()]);
        }
        let waiter = inner.wake.watch(&self.site.key);
        count(&self.typed.counters().waits);
        let mut pause = if waiter.is_first { POLL.0 } else { POLL_OF_OTHERS };
        loop {
            let mut changed = std::pin::pin!(waiter.notify.notified());
            // Before looking, so that no change falls in between.
            changed.as_mut().enable();
            let Some(found) = self.find_by(deadline).await else { return Next::WithoutStore };
            match &found {
                Ok(Found { standing: Standing::Working(now), .. }) if *now == stamp => {}
                _ => {
                    self.typed.larder().inner.wake.changed(&self.site.key);
                    return Next::Found(found);
                }
            }
            let left = deadline.saturating_duration_since(self.clock().now());
            if left.is_zero() {
                return Next::WithoutStore;
            }
            tokio::select! {
                () = changed => {}
                () = self.clock().sleep(pause.min(left)) => {
                    if waiter.is_first {
                        pause = (pause * 2).min(POLL.1);
                    }
                }
            }
        }
    }

    fn join(&self, token: Option<Stamp>, deadline: Instant, begins: bool) -> Join<Load<T, E>> {
        let patient = self.clock().now() < deadline;
        let begun = match self.typed.larder().keeps(Rule::LookBeforeJoin) {
            true => self.begun,
            false => Moment::FIRST,
        };
        let token = token.filter(|_| self.trusts_marks);
        let caller = Caller { begun, token, patient, form: self.form() };
        let flights = &self.typed.larder().inner.flights;
        flights.join(&self.site.key, caller, begins.then(|| self.new_load()))
    }

    /// How long a load takes at most, the store included.
    fn bound(&self) -> Duration {
        self.site.options.hard_timeout + 3 * PATIENCE
    }

    pub(super) fn new_load(&self) -> Load<T, E> {
        Load::new(self.bound(), self.form())
    }

    pub(super) fn form(&self) -> Form {
        let Expected { codec, schema, .. } = self.typed.expected();
        Form { codec, schema }
    }

    /// Sends a load on its way.
    pub(super) fn launch(
        &self,
        takeoff: Takeoff<Load<T, E>>,
        ground: Ground,
        tags: View,
        chain: Option<Arc<Chain>>,
    ) -> Arc<Load<T, E>> {
        let flight = Arc::clone(takeoff.flight());
        Arc::clone(&self.source).send(
            Departure::new(takeoff, ground, self.site.clone()),
            tags,
            chain,
        );
        flight
    }

    pub(super) async fn find(&self) -> Result<Found, Error> {
        let names = self.site.options.tags.get()?;
        let found = lookup::find(&self.site.space, &self.site.key, names, self.typed.expected());
        self.typed.counted(found.await)
    }

    /// The same, for who does not wait for a store that has fallen silent.
    pub(super) async fn find_by(&self, deadline: Instant) -> Option<Result<Found, Error>> {
        tokio::select! {
            biased;
            found = self.find() => Some(found),
            () = self.until(deadline + LAST_LOOK) => None,
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.site.space.larder().clock().as_ref()
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.site.space.larder().now_ms()
    }

    async fn until(&self, deadline: Instant) {
        let clock = self.clock();
        clock.sleep(deadline.saturating_duration_since(clock.now())).await;
    }
}
