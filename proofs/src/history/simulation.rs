//! A fleet in one thread on a clock that does not wait: minutes pass in moments, and what is drawn from a
//! seed happens again.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use backend_memory::MemoryCache;
use cache_api::{Cache, Clock, Sleep};
use tokio::runtime::Builder;

use super::play::{Outcome, Plan};
use crate::Result;

/// Plays a plan over one memory store.
pub(super) fn play(plan: &Plan) -> Result<Outcome> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(Simulated::new());
        let store = MemoryCache::builder().clock(Arc::clone(&clock));
        let store = if plan.evicts { store.max_bytes(16 << 10) } else { store };
        let store: Arc<dyn Cache> = Arc::new(store.build());
        super::play::play(plan, clock, vec![store; plan.servers], || Duration::ZERO).await
    })
}

/// The time of a runtime that is paused: when everybody waits, it moves on.
#[derive(Debug)]
struct Simulated {
    begin: tokio::time::Instant,
    wall: SystemTime,
}

impl Simulated {
    fn new() -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
        Self { begin: tokio::time::Instant::now(), wall }
    }
}

impl Clock for Simulated {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn system_time(&self) -> SystemTime {
        self.wall + self.begin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
