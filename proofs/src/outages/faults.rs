//! What happens to the store while requests come.

use std::time::Duration;

use integration_tests::servers::{Proxy, RedisServer};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use crate::{
    Result,
    time::{Moment, now},
};

/// Before the first and after the last of them.
const CALM: Duration = Duration::from_millis(1500);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is killed, and comes back empty after this time.
    Down(Duration),
    /// It is frozen for so long.
    Frozen(Duration),
    /// It is killed and comes back, so many times.
    Restarts(u32),
    /// It is frozen and goes on, so many times, and never for long.
    Hiccups(u32),
    /// Its connections are cut, so many times.
    Cuts(u32),
}

/// From when until when the store did not answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outage {
    pub(super) from: Moment,
    pub(super) until: Moment,
}

/// Lets it happen.
pub(super) async fn strike(
    fault: Fault,
    seed: u64,
    redis: &mut RedisServer,
    proxy: &Proxy,
) -> Result<Vec<Outage>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut some = |least, most| Duration::from_millis(rng.random_range(least..=most));
    let mut outages = Vec::new();
    sleep(CALM).await;
    match fault {
        Fault::Down(time) => outages.push(down(redis, time).await?),
        Fault::Frozen(time) => outages.push(frozen(redis, time).await?),
        Fault::Restarts(times) => {
            for _ in 0..times {
                outages.push(down(redis, some(0, 400)).await?);
                sleep(some(1100, 1300)).await;
            }
        }
        Fault::Hiccups(times) => {
            for _ in 0..times {
                outages.push(frozen(redis, some(20, 800)).await?);
                sleep(some(20, 800)).await;
            }
        }
        Fault::Cuts(times) => {
            for _ in 0..times {
                let from = now();
                proxy.cut();
                outages.push(Outage { from, until: now() });
                sleep(some(20, 300)).await;
            }
        }
    }
    sleep(CALM).await;
    Ok(outages)
}

async fn down(redis: &mut RedisServer, time: Duration) -> Result<Outage> {
    let from = now();
    redis.kill()?;
    sleep(time).await;
    redis.restart().await?;
    Ok(Outage { from, until: now() })
}

async fn frozen(redis: &RedisServer, time: Duration) -> Result<Outage> {
    let from = now();
    redis.stop()?;
    sleep(time).await;
    redis.cont()?;
    Ok(Outage { from, until: now() })
}
