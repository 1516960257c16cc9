use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, ChunkSizes, Condition, Error, Key, Namespace, Remaining, Result, Scan,
    SetItem, SetOptions, SetOutcome, Ttl, Watch,
};
use redis::Value;

use crate::{
    RedisBuilder, commands,
    exec::Store,
    reply::{self, BACKEND, Operation},
};

const GET: Operation = Operation::read("get");
const GET_MANY: Operation = Operation::read("get_many");
const TAKE: Operation = Operation::write("take");
const TTL: Operation = Operation::read("ttl");
const INCREMENT: Operation = Operation::write("increment");
const DELETE_MANY: Operation = Operation::write("delete_many");

/// A [`Cache`] on one Redis server (6.2 or later, or Valkey), shared by all who use that server.
///
/// Cheap to clone: clones share the connections. See the [`crate`] documentation for what holds under which fault.
#[derive(Clone)]
pub struct RedisCache {
    pub(crate) store: Arc<Store>,
}

impl RedisCache {
    /// Opens the server of this URL with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisBuilder::open`]; also for a URL that is none, naming what is supported.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url)?.open().await
    }

    /// Settings for the server of this URL.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] for a URL that is none of ours, naming what is supported. It repeats nothing of
    /// the URL, in which a password may stand.
    pub fn builder(url: &str) -> Result<RedisBuilder> {
        RedisBuilder::new(url)
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("address", &self.store.links.dialer.address).finish()
    }
}

#[async_trait]
impl Cache for RedisCache {
    fn name(&self) -> &'static str {
        BACKEND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.store.max_value)
            .shared()
            .persistent()
            .chunks(ChunkSizes::new(64 << 10, 256 << 10))
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        reply::bytes(GET, self.store.ask(GET, key, &commands::get(key)).await?)
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.store.set(key, &value, options).await
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.store.delete_if(key, &condition).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        reply::bytes(TAKE, self.store.ask(TAKE, key, &commands::take(key)).await?)
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        let answer = self.store.ask(TTL, key, &commands::ttl(key)).await?;
        Ok(match reply::integer(TTL, answer)? {
            -2 => Remaining::Missing,
            -1 => Remaining::Never,
            millis => Remaining::For(Duration::from_millis(millis.unsigned_abs())),
        })
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.store.expire(key, ttl, &condition).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        let sum = match ttl.millis() {
            Some(0) => {
                return Err(Error::InvalidArgument {
                    operation: "increment",
                    reason: "a counter with a lifetime of zero would never count".into(),
                });
            }
            Some(millis) => {
                let commands = commands::increment_with_ttl(key, by, millis);
                let mut answers = self.store.transact(INCREMENT, key, &commands).await?;
                answers.pop().ok_or_else(|| reply::unexpected(INCREMENT))?
            }
            None => self.store.ask(INCREMENT, key, &commands::increment(key, by)).await?,
        };
        match sum {
            Value::ServerError(error) if error.code() == "ERR" => match error.details() {
                Some(text) if text.starts_with("value is not an integer") => {
                    Err(Error::NotANumber { backend: BACKEND })
                }
                Some(text) if text.contains("would overflow") => {
                    Err(Error::Overflow { backend: BACKEND })
                }
                _ => Err(reply::refused(INCREMENT, &error)),
            },
            sum => reply::integer(INCREMENT, sum),
        }
    }

    /// Several round trips, each small, so that the server serves others in between: one for each
    /// thousand keys of the database. When it fails, a part may be gone.
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.store.clear(namespace).await
    }

    async fn delete(&self, key: &Key) -> Result<bool> {
        self.store.delete_if(key, &Condition::Always).await
    }

    /// One round trip.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let links = &self.store.links;
        // A read may take any connection: what is large goes where nothing small waits behind it.
        let small = keys.len() <= SMALL_MGET && keys.iter().all(|key| !links.is_bulk(key));
        let link = if small { links.of(first) } else { links.bulk() };
        let parts: Vec<_> = keys.chunks(commands::KEYS_AT_ONCE).map(commands::get_many).collect();
        let mut values = Vec::with_capacity(keys.len());
        for answer in self.store.ask_many(GET_MANY, link, &parts).await? {
            match answer {
                Value::Array(part) => {
                    for value in part {
                        values.push(reply::bytes(GET_MANY, value)?);
                    }
                }
                Value::ServerError(error) => return Err(reply::refused(GET_MANY, &error)),
                _ => return Err(reply::unexpected(GET_MANY)),
            }
        }
        if values.len() != keys.len() {
            return Err(reply::unexpected(GET_MANY));
        }
        Ok(values)
    }

    /// One round trip for each connection that the keys lie on.
    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.store.set_many(&items).await
    }

    /// One round trip for each connection that the keys lie on.
    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        self.store.unlink(DELETE_MANY, keys).await
    }

    fn scan(&self) -> Option<&dyn Scan> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}

const SMALL_MGET: usize = 128;
