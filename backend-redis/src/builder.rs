use std::{sync::Arc, sync::atomic::AtomicBool, time::Duration};

use cache_api::Result;

use crate::{
    RedisCache,
    address::Address,
    connection::{Dialer, Links},
    exec::Store,
    reply::cannot_open,
};

const LARGEST_VALUE: usize = 512 << 20;

/// How a [`RedisCache`] is opened. From [`RedisCache::builder`].
///
/// ```no_run
/// use backend_redis::RedisCache;
/// use std::time::Duration;
///
/// # async fn example() -> cache_api::Result<()> {
/// let cache = RedisCache::builder("redis://app:secret@cache.internal:6379/2")?
///     .deadline(Duration::from_millis(200))
///     .max_value(16 << 20)
///     .open()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is opened"]
pub struct RedisBuilder {
    address: Address,
    deadline: Duration,
    connections: usize,
    max_in_flight: usize,
    max_value: usize,
    name: String,
}

impl RedisBuilder {
    pub(crate) fn new(url: &str) -> Result<Self> {
        Ok(Self {
            address: Address::parse(url)?,
            deadline: Duration::from_millis(500),
            connections: 1,
            max_in_flight: 8192,
            max_value: 64 << 20,
            name: "larder".into(),
        })
    }

    /// How long an operation may take in all: waiting for its turn, for a connection, for the answer.
    /// Default: 500 ms.
    ///
    /// Each 32 KiB that an operation moves add a millisecond: 32 MiB have a second more. `clear` and
    /// `scan` take many steps, and the deadline is that of each. It is kept to about 10 ms.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Over how many connections the keys are spread, besides the one for pieces of long bodies.
    /// Default: 1, which was measured to be as fast as several.
    ///
    /// A key stays on its connection. More of them help when single values are so large that others
    /// wait behind them.
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How many requests of one connection may be without an answer. More wait for their turn, within
    /// their deadline. Default: 8192.
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// The longest value that `set` takes, in bytes. Default: 64 MiB; at most 512 MiB, the server's own
    /// limit.
    pub const fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// What `CLIENT LIST` shows on the server. Default: `larder`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Opens the cache. Its tasks run on the current tokio runtime and end with the cache.
    ///
    /// A server that is down, loading or out of reach is no error: the first attempt is awaited for a
    /// deadline at most, then the cache is there and its calls fail fast with
    /// [`Unavailable`](cache_api::Error::Unavailable) until the server is. A service thus starts without
    /// its cache.
    ///
    /// # Errors
    ///
    /// [`Error::Open`](cache_api::Error::Open) for what waiting cannot mend: a setting out of bounds, a
    /// wrong user or password, a database that the server does not have, a server before Redis 6.2.
    pub async fn open(self) -> Result<RedisCache> {
        if self.deadline.is_zero() {
            return Err(cannot_open("a deadline of zero; 500 ms is the default"));
        }
        if !(1..=64).contains(&self.connections) {
            return Err(cannot_open("1 to 64 connections are possible; 1 is the default"));
        }
        if self.max_in_flight == 0 {
            return Err(cannot_open("no request could be in flight; 8192 is the default"));
        }
        if self.max_value > LARGEST_VALUE {
            return Err(cannot_open("max_value is over 512 MiB, the limit of Redis"));
        }
        if self.name.is_empty() || !self.name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(cannot_open("a name has visible ASCII characters and no spaces"));
        }
        let dialer = Dialer::new(self.address, self.name, self.deadline);
        let links = Links::open(dialer, self.connections, self.max_in_flight).await?;
        Ok(RedisCache {
            store: Arc::new(Store {
                links,
                deadline: self.deadline,
                max_value: self.max_value,
                takes_set_nx_get: AtomicBool::new(true),
            }),
        })
    }
}
