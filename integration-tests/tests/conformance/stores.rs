//! How the stores of the house are opened for the kit, and what each of them claims.

use std::sync::Arc;

use async_trait::async_trait;
use backend_memory::MemoryCache;
use backend_redis::RedisCache;
use backend_sled::SledCache;
use cache_api::{Cache, TestClock};
use integration_tests::{
    kit::{BoxError, Declared, Fixture, Raw},
    servers::{RedisServer, Reply},
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// What all three take unless told otherwise.
const MAX_VALUE: usize = 64 << 20;

/// A new store for each behaviour, large enough that nothing is evicted.
pub(crate) struct Memory(Option<TestClock>);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(Some(TestClock::new()))
    }

    /// Under the machine's clock, where moka reclaims what has expired.
    pub(crate) const fn in_real_time() -> Self {
        Self(None)
    }
}

#[async_trait]
impl Fixture for Memory {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        let builder = MemoryCache::builder();
        Ok(Arc::new(match &self.0 {
            Some(clock) => builder.clock(Arc::new(clock.clone())).build(),
            None => builder.build(),
        }))
    }

    fn declared(&self) -> Declared {
        Declared::new(MAX_VALUE).scan().watch()
    }

    fn clock(&self) -> Option<TestClock> {
        self.0.clone()
    }
}

/// A server for each behaviour, as many clients as it asks for.
pub(crate) struct Redis(OnceCell<RedisServer>);

impl Redis {
    pub(crate) const fn new() -> Self {
        Self(OnceCell::const_new())
    }

    async fn server(&self) -> Result<&RedisServer, BoxError> {
        Ok(self.0.get_or_try_init(RedisServer::start).await?)
    }
}

#[async_trait]
impl Fixture for Redis {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        Ok(Arc::new(RedisCache::connect(&self.server().await?.url()).await?))
    }

    fn declared(&self) -> Declared {
        Declared::new(MAX_VALUE).shared().persistent().scan().watch()
    }

    fn raw(&self) -> Option<&dyn Raw> {
        Some(self)
    }
}

#[async_trait]
impl Raw for Redis {
    async fn write(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        match self.server().await?.cli(&[b"SET", key, value]).await? {
            Reply::Status(_) => Ok(()),
            refused => Err(format!("{refused:?}").into()),
        }
    }

    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        match self.server().await?.cli(&[b"GET", key]).await? {
            Reply::Value(value) => Ok(value),
            refused => Err(format!("{refused:?}").into()),
        }
    }

    async fn write_other_type(&self, key: &[u8]) -> Result<bool, BoxError> {
        Ok(self.server().await?.cli(&[b"RPUSH", key, b"element"]).await? == Reply::Number(1))
    }

    async fn exists(&self, key: &[u8]) -> Result<bool, BoxError> {
        Ok(self.server().await?.cli(&[b"EXISTS", key]).await? == Reply::Number(1))
    }
}

/// A directory for each behaviour.
pub(crate) struct Sled {
    directory: TempDir,
    clock: TestClock,
}

impl Sled {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { directory, clock: TestClock::new() }
    }
}

#[async_trait]
impl Fixture for Sled {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        let builder = SledCache::builder(self.directory.path()).clock(Arc::new(self.clock.clone()));
        Ok(Arc::new(builder.open().await?))
    }

    fn declared(&self) -> Declared {
        Declared::new(MAX_VALUE).persistent().scan().watch()
    }

    fn clock(&self) -> Option<TestClock> {
        Some(self.clock.clone())
    }
}
