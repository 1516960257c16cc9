//! What happens once a second, whether anyone looks or not.

use std::time::{Duration, Instant};

use larder::{
    Space,
    cache_api::{Condition, Key, Prefix, SetOptions},
};
use tokio::{
    sync::watch::Receiver,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{Watch, fleet::PLACES, record::Record, work::lock};
use crate::{metrics::Metrics, server::Phase};

const SECOND: Duration = Duration::from_secs(1);

/// How long a record stands that is not written again.
const LIFE: Duration = Duration::from_secs(4);

/// How long the store may take for one call.
const REACH: Duration = Duration::from_secs(1);

/// What is known of the store.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Health {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// It answered, and took so long.
    Answers(Duration),
    /// The same, but it takes nothing: it is full, perhaps.
    Full(Duration),
    /// It has not answered since then.
    Silent(Instant),
}

impl Watch {
    /// Goes on until it is dropped.
    pub(crate) async fn beat(&self, metrics: &Metrics, space: &Space, phase: Receiver<Phase>) {
        let counting = async {
            let mut seconds = seconds();
            loop {
                seconds.tick().await;
                self.fade(metrics);
            }
        };
        // Apart from the counting, which a slow store must not hold up.
        let telling = async {
            let Some(places) = places(space) else { return };
            let mut seconds = seconds();
            loop {
                seconds.tick().await;
                let draining = *phase.borrow() != Phase::Serving;
                self.tell(metrics, space, &places, draining).await;
            }
        };
        tokio::join!(counting, telling);
    }

    /// Reads what all servers say, and says what there is to say of this one.
    async fn tell(&self, metrics: &Metrics, space: &Space, places: &[Key], draining: bool) {
        let store = space.larder().store();
        let asked = Instant::now();
        let found = timeout(REACH, store.get_many(places)).await;
        let Ok(Ok(found)) = found else { return self.silent() };
        let took = asked.elapsed();
        let read = |value: Option<larder::Bytes>| value.as_deref().and_then(Record::read);
        let records: Vec<_> = found.into_iter().map(read).collect();
        let free = lock(&self.fleet).found(&records, asked);
        let Some((place, condition)) = free else {
            *lock(&self.health) = Health::Answers(took);
            return;
        };
        let own = self.record(metrics, draining).write();
        let options = SetOptions::new(LIFE).when(condition);
        match timeout(REACH, store.set(&places[place], own.into(), options)).await {
            Ok(Ok(outcome)) => {
                *lock(&self.health) = Health::Answers(took);
                if !outcome.is_stored() {
                    lock(&self.fleet).refused();
                }
            }
            Ok(Err(error)) if !error.is_unavailable() => {
                *lock(&self.health) = Health::Full(took);
            }
            _ => self.silent(),
        }
    }

    fn silent(&self) {
        let mut health = lock(&self.health);
        if !matches!(*health, Health::Silent(_)) {
            *health = Health::Silent(Instant::now());
        }
    }

    /// Says that this server is no more.
    pub(crate) async fn farewell(&self, space: &Space) {
        let Some(places) = places(space) else { return };
        let Ok(own) = Prefix::new(&Record::prefix(&self.id)) else { return };
        let place = lock(&self.fleet).place();
        let gone = space.larder().store().delete_if(&places[place], Condition::StartsWith(own));
        // Where it fails the record dies of age.
        let _ = timeout(REACH, gone).await;
    }
}

/// Where servers write, if the name of the space leaves room for it.
fn places(space: &Space) -> Option<Vec<Key>> {
    let servers = space.namespace().reserved("server").ok()?;
    (0..PLACES).map(|place| servers.key(place.to_string()).ok()).collect()
}

fn seconds() -> tokio::time::Interval {
    let mut seconds = interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seconds
}
