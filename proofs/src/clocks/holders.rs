//! Whoever waits for a load whose server died.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use backend_redis::RedisCache;
use futures_util::future::try_join_all;
use integration_tests::servers::RedisServer;
use larder::{Larder, Rule, Typed};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::timeout};

use super::{HOUR, clock::Shifted, server_clock::set_back};
use crate::{
    Result,
    fleet::{self, Parent, Server},
    time::{BareTimer, now},
};

/// What a lease of a dead holder stands for at most, and how often those who wait look there.
pub(super) const LEASE: Duration = Duration::from_millis(3200);
/// Nobody is waited for longer.
pub(super) const GIVEN_UP: Duration = Duration::from_secs(6);

/// Begins a load and never ends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    url: String,
}

/// Plays the server that dies.
pub(crate) async fn serve(order: Order) -> Result<()> {
    let mut parent = Parent::new();
    let values = values(&order.url, &Shifted::default(), Patience::For(GIVEN_UP)).await?;
    let (begun, mut begins) = mpsc::channel(1);
    let load = move || async move {
        let _ = begun.send(()).await;
        std::future::pending::<Result<u64>>().await
    };
    let load = tokio::spawn(values.get_or_load("k", load).into_future());
    begins.recv().await.ok_or("the load was not begun")?;
    parent.say(&"loading")?;
    parent.hear().await?;
    load.abort();
    Ok(())
}

/// What waiters saw.
#[derive(Debug)]
pub(super) struct Waited {
    /// The longest wait, of at most [`GIVEN_UP`].
    pub(super) longest: Duration,
    /// How late a bare timer was meanwhile.
    pub(super) late: Duration,
}

/// How waiters wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    For(Duration),
    /// The control: without the rule that ends a wait.
    Endless,
}

/// A server dies that holds a lease, and then servers whose clocks are an hour apart want its key. With
/// `back`, the store's clock is set back by an hour before they come.
pub(super) async fn play(program: &Path, patience: Patience, back: bool) -> Result<Waited> {
    let (redis, hour) = (RedisServer::start().await?, HOUR.as_millis() as i64);
    let order = fleet::Order::Clocks(Order { url: redis.url() });
    let mut holder = Server::start(program, &order)?;
    holder.hear::<String>().await?;
    let mut waiters = Vec::new();
    for shift in [-hour, 0, hour] {
        waiters.push(values(&redis.url(), &Shifted::by(shift), patience).await?);
    }
    drop(holder);
    if back && set_back(&redis, hour).await? == 0 {
        return Err("no lease stood there".into());
    }
    let timer = BareTimer::start();
    let begun = now();
    let waits = waiters.iter().map(async |values| {
        let load = || async { Ok::<_, Infallible>(1) };
        let waits = values.get_or_load("k", load).into_future();
        match timeout(GIVEN_UP, waits).await {
            Ok(answer) => answer.map(|_| Duration::from_nanos(now() - begun)),
            Err(_) => Ok(GIVEN_UP),
        }
    });
    let waits = try_join_all(waits).await.map_err(|error| error.to_string())?;
    let longest = waits.into_iter().max().unwrap_or_default();
    Ok(Waited { longest, late: timer.lateness().worst() })
}

async fn values(url: &str, clock: &Shifted, patience: Patience) -> Result<Typed<u64>> {
    let store = RedisCache::connect(url).await?;
    let builder = Larder::builder(store).clock(Arc::new(clock.clone()));
    let (builder, wait) = match patience {
        Patience::For(wait) => (builder, wait),
        Patience::Endless => (builder.without(Rule::WaitersDeadline), Duration::ZERO),
    };
    Ok(builder.build().namespace("held")?.typed().default_ttl(HOUR).wait(wait))
}
