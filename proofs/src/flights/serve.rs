//! A server of the fleet: a crowd for each key that its parent names.

use std::{sync::Arc, time::Duration};

use backend_redis::RedisCache;
use serde::{Deserialize, Serialize};

use super::{
    reader::{Protocol, Reader},
    round::{Crowd, Seen},
};
use crate::{
    Result,
    fleet::Parent,
    source::Source,
    time::{BareTimer, Moment, now},
};

/// What one server of the fleet does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(super) protocol: Protocol,
    pub(super) cache: String,
    pub(super) source: String,
    pub(super) tasks: usize,
    /// How long to wait for what somebody else loads.
    pub(super) wait: Duration,
    /// Whether who waits hears of the store's changes, or else looks.
    pub(super) hears: bool,
    /// How long the first load of a key takes, in all of the fleet.
    pub(super) first: Duration,
    /// And each other one.
    pub(super) other: Duration,
}

/// What a server saw of a key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) seen: Seen,
    /// By how much a bare timer was late meanwhile.
    pub(super) late: Duration,
}

/// Plays a server. It is told a key, says that its tasks stand ready, is told a moment, and says what came
/// of it, until its parent ends it.
pub(crate) async fn serve(order: Order) -> Result<()> {
    let mut parent = Parent::new();
    let timer = BareTimer::start();
    let source = Source::open(&order.source).await?;
    let store = Arc::new(RedisCache::builder(&order.cache)?.open().await?);
    let reader = Arc::new(Reader::new(order.protocol, store, order.wait, order.hears)?);
    loop {
        let key: u64 = parent.hear().await?.parse()?;
        reader.settle().await?;
        let (source, first, other) = (source.clone(), order.first, order.other);
        let load = move || async move {
            let is_first = source.count(key).await? == 1;
            tokio::time::sleep(if is_first { first } else { other }).await;
            Ok(())
        };
        let crowd = Crowd::gather(&reader, key, order.tasks, load);
        parent.say(&"ready")?;
        let at: Moment = parent.hear().await?.parse()?;
        let seen = crowd.release(at).await?;
        parent.say(&Round { seen, late: timer.lateness().between(at, now()) })?;
    }
}
