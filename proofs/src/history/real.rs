//! The same fleet with threads that race and time that passes.

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use backend_redis::RedisCache;
use cache_api::{Cache, Clock, SystemClock};
use integration_tests::servers::RedisServer;

use super::play::{Outcome, Plan, play};
use crate::{Result, time::BareTimer};

/// How long it takes for a change to be told.
const TOLD: Duration = Duration::from_millis(50);

/// Over one memory store.
pub(super) async fn on_memory(seed: u64, calls: usize) -> Result<Outcome> {
    let store: Arc<dyn Cache> = Arc::new(MemoryCache::new());
    let plan = Plan { evicts: false, ..busy(seed, calls) };
    play_for_real(&plan, vec![store; plan.servers]).await
}

/// Over a Redis, each server with connections of its own.
pub(super) async fn on_redis(seed: u64, calls: usize) -> Result<Outcome> {
    let redis = RedisServer::start().await?;
    let plan = Plan { evicts: false, telling: None, told_within: TOLD, ..busy(seed, calls) };
    let mut stores = Vec::new();
    for _ in 0..plan.servers {
        let store = RedisCache::builder(&redis.url())?.open().await?;
        stores.push(Arc::new(store) as Arc<dyn Cache>);
    }
    play_for_real(&plan, stores).await
}

/// More at the same time: nobody waits for less than a millisecond.
fn busy(seed: u64, calls: usize) -> Plan {
    let plan = Plan::draw(seed, calls);
    Plan { clients: 20, faults: plan.faults.max(0.002), ..plan }
}

async fn play_for_real(plan: &Plan, stores: Vec<Arc<dyn Cache>>) -> Result<Outcome> {
    let timer = BareTimer::start();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    play(plan, clock, stores, || timer.lateness().worst()).await
}
