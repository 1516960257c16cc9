use std::{error, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_api::{Cache, TestClock};

/// Whatever went wrong while a fixture did its work.
pub type BoxError = Box<dyn error::Error + Send + Sync>;

/// How the kit opens a store, and what the store claims to do.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// Opens the store, as an application would.
    ///
    /// Called once for each behaviour, and again while that one is open if the store is
    /// [shared](Declared::shared): both must see the same entries. The namespaces the kit uses are its
    /// own, so that the store may hold other entries.
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError>;

    /// What the store claims to do. The kit checks it, and leaves out what is not claimed.
    fn declared(&self) -> Declared;

    /// The clock by which the store judges lifetimes, if a test can advance it.
    ///
    /// `None`: time is real, and the kit sleeps.
    fn clock(&self) -> Option<TestClock> {
        None
    }

    /// Closes a [persistent](Declared::persistent) store and opens it again.
    async fn reopen(&self, store: Arc<dyn Cache>) -> Result<Arc<dyn Cache>, BoxError> {
        drop(store);
        self.open().await
    }

    /// Access to the store from outside, past `cache-api`, if there is one.
    fn raw(&self) -> Option<&dyn Raw> {
        None
    }

    /// How long the kit waits for what should come at once: a report of a change, a second opening.
    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// How long one behaviour may take in all.
    fn bound(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// The store as other programs see it: to plant what is not ours, and to see that it stays.
#[async_trait]
pub trait Raw: Send + Sync {
    /// Writes a value under any bytes.
    async fn write(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError>;

    /// Reads what stands under these bytes.
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError>;

    /// Plants something under these bytes that is no value (a list), if the store knows such things.
    /// `false`: it does not.
    async fn write_other_type(&self, _key: &[u8]) -> Result<bool, BoxError> {
        Ok(false)
    }

    /// Whether anything stands under these bytes.
    async fn exists(&self, key: &[u8]) -> Result<bool, BoxError> {
        Ok(self.read(key).await?.is_some())
    }
}

/// What a store claims to do.
///
/// ```
/// use integration_tests::kit::Declared;
///
/// let redis = Declared::new(512 << 20).shared().scan().watch();
/// assert!(redis.shared && !redis.persistent);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declared {
    /// Several processes see the same entries.
    pub shared: bool,
    /// Entries outlive the process.
    pub persistent: bool,
    /// It lists its keys.
    pub scan: bool,
    /// It reports changes.
    pub watch: bool,
    /// The longest value it takes, in bytes.
    pub max_value: usize,
}

impl Declared {
    /// A store that does what all do, with values up to this many bytes.
    #[must_use]
    pub const fn new(max_value: usize) -> Self {
        Self { shared: false, persistent: false, scan: false, watch: false, max_value }
    }

    /// What the store says of itself: for a program that is given any store. A test of a store says it
    /// independently, so that a capability which is lost by mistake is found.
    #[must_use]
    pub fn by(store: &dyn Cache) -> Self {
        let facts = store.capabilities();
        Self {
            shared: facts.shared,
            persistent: facts.persistent,
            scan: store.scan().is_some(),
            watch: store.watch().is_some(),
            max_value: facts.max_value,
        }
    }

    /// Several processes see the same entries.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Entries outlive the process.
    #[must_use]
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// It lists its keys.
    #[must_use]
    pub const fn scan(mut self) -> Self {
        self.scan = true;
        self
    }

    /// It reports changes.
    #[must_use]
    pub const fn watch(mut self) -> Self {
        self.watch = true;
        self
    }
}

/// A fixture in real time, of a function that opens the store.
pub const fn from_fn<F, Fut>(declared: Declared, open: F) -> FromFn<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Arc<dyn Cache>, BoxError>> + Send,
{
    FromFn { declared, open }
}

/// What [`from_fn`] makes.
pub struct FromFn<F> {
    declared: Declared,
    open: F,
}

#[async_trait]
impl<F, Fut> Fixture for FromFn<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Arc<dyn Cache>, BoxError>> + Send,
{
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        (self.open)().await
    }

    fn declared(&self) -> Declared {
        self.declared
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").field("declared", &self.declared).finish_non_exhaustive()
    }
}

/// A fixture whose store is wrapped: a layer must keep every rule that its store keeps.
///
/// ```
/// # use cache_api::Cache;
/// # use integration_tests::kit::{Fixture, Wrapped};
/// # use std::sync::Arc;
/// fn boxed(inner: impl Fixture) -> impl Fixture {
///     Wrapped::new(inner, |store| {
///         let boxed: Box<dyn Cache> = Box::new(store);
///         Arc::new(boxed)
///     })
/// }
/// ```
pub struct Wrapped<F> {
    inner: F,
    wrap: fn(Arc<dyn Cache>) -> Arc<dyn Cache>,
}

impl<F: Fixture> Wrapped<F> {
    /// The stores of this fixture, each wrapped.
    pub const fn new(inner: F, wrap: fn(Arc<dyn Cache>) -> Arc<dyn Cache>) -> Self {
        Self { inner, wrap }
    }
}

#[async_trait]
impl<F: Fixture> Fixture for Wrapped<F> {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        Ok((self.wrap)(self.inner.open().await?))
    }

    fn declared(&self) -> Declared {
        self.inner.declared()
    }

    fn clock(&self) -> Option<TestClock> {
        self.inner.clock()
    }

    async fn reopen(&self, store: Arc<dyn Cache>) -> Result<Arc<dyn Cache>, BoxError> {
        Ok((self.wrap)(self.inner.reopen(store).await?))
    }

    fn raw(&self) -> Option<&dyn Raw> {
        self.inner.raw()
    }

    fn patience(&self) -> Duration {
        self.inner.patience()
    }

    fn bound(&self) -> Duration {
        self.inner.bound()
    }
}

impl<F> fmt::Debug for Wrapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").finish_non_exhaustive()
    }
}
