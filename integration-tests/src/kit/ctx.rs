use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cache_api::{
    Cache, Condition, Key, Namespace, Prefix, Remaining, Result, SetOptions, SetOutcome, Ttl,
};
use tokio::time::{Instant, sleep};

use super::{Checked, Failure, Fixture, Raw, check::check};

/// What is added to a wait in real time: clocks of two processes are not read at one instant.
const MARGIN: Duration = Duration::from_millis(30);

/// A lifetime that nothing outlives by accident.
pub(super) const LONG: Duration = Duration::from_secs(1000);
/// A lifetime that a test waits for.
pub(super) const SHORT: Duration = Duration::from_millis(60);

/// A store, and a namespace that nothing else uses.
pub struct Ctx {
    fixture: Arc<dyn Fixture>,
    /// `None` while it is being opened again.
    store: Mutex<Option<Arc<dyn Cache>>>,
    root: Namespace,
    namespace: Namespace,
}

impl Ctx {
    /// Opens a store for one behaviour.
    ///
    /// # Errors
    ///
    /// The fixture's, if it cannot open one.
    pub async fn new(fixture: Arc<dyn Fixture>) -> Checked<Self> {
        let store = Mutex::new(Some(open(&*fixture).await?));
        let root = Namespace::new(&format!("kit-{:016x}", rand::random::<u64>()))?;
        let namespace = root.child("room")?;
        Ok(Self { fixture, store, root, namespace })
    }

    /// The store under test.
    ///
    /// # Panics
    ///
    /// If it could not be opened again, and the behaviour goes on all the same.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Cache> {
        self.handle().expect("a behaviour ends when the store does not open again")
    }

    fn handle(&self) -> Option<Arc<dyn Cache>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the store and opens it again.
    pub(super) async fn reopen(&self) -> Checked {
        let closed = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
        let store = match closed {
            Some(store) => self.fixture.reopen(store).await,
            None => self.fixture.open().await,
        };
        let store = match store {
            Ok(store) => store,
            Err(_) => open(&*self.fixture).await?,
        };
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
        Ok(())
    }

    /// How it was opened.
    #[must_use]
    pub fn fixture(&self) -> &dyn Fixture {
        &*self.fixture
    }

    /// The namespace of this behaviour.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A neighbour of that namespace, with a name of the behaviour's choice.
    pub(super) fn neighbour(&self, name: &str) -> Checked<Namespace> {
        Ok(self.root.child(name)?)
    }

    /// What both lie in.
    pub(super) const fn root(&self) -> &Namespace {
        &self.root
    }

    pub(super) fn key(&self, user: impl AsRef<[u8]>) -> Checked<Key> {
        Ok(self.namespace.key(user)?)
    }

    /// Many keys, none of which stands.
    pub(super) fn keys(&self, stem: &str, count: usize) -> Checked<Vec<Key>> {
        (0..count).map(|number| self.key(format!("{stem}{number}"))).collect()
    }

    /// A second client of a shared store.
    pub(super) async fn second(&self) -> Checked<Arc<dyn Cache>> {
        open(&*self.fixture).await
    }

    /// The store as other programs see it.
    pub(super) fn raw(&self) -> Checked<&dyn Raw> {
        self.fixture.raw().ok_or_else(|| Failure::new("the fixture has no raw access"))
    }

    /// Lets time pass: a little more than asked in real time, exactly as much on a test's clock.
    pub(super) async fn pass(&self, time: Duration) {
        match self.fixture.clock() {
            Some(clock) => clock.advance(time),
            None => sleep(time + MARGIN).await,
        }
    }

    pub(super) async fn put(&self, key: &Key, value: &[u8], ttl: impl Into<Ttl>) -> Checked {
        let value = Bytes::copy_from_slice(value);
        let outcome = self.store().set(key, value, SetOptions::new(ttl)).await?;
        check!(outcome.is_stored(), "a set without condition was refused");
        Ok(())
    }

    /// Puts an entry there that has expired, and that nothing may see any more.
    pub(super) async fn put_expired(&self, key: &Key, value: &[u8]) -> Checked {
        self.put(key, value, SHORT).await?;
        self.pass(SHORT).await;
        Ok(())
    }

    pub(super) async fn set_when(
        &self,
        key: &Key,
        value: &[u8],
        condition: Condition,
    ) -> Checked<SetOutcome> {
        let options = SetOptions::new(LONG).when(condition);
        Ok(self.store().set(key, Bytes::copy_from_slice(value), options).await?)
    }

    /// Fails unless exactly this stands there.
    pub(super) async fn stands(&self, key: &Key, value: &[u8], when: &str) -> Checked {
        let found = self.store().get(key).await?;
        check!(
            found.as_deref() == Some(value),
            "{when}: found {}, wanted {}",
            super::check::brief(&found),
            super::check::brief(&Bytes::copy_from_slice(value))
        );
        Ok(())
    }

    /// Fails unless nothing stands there.
    pub(super) async fn missing(&self, key: &Key, when: &str) -> Checked {
        let found = self.store().get(key).await?;
        check!(found.is_none(), "{when}: found {}, wanted nothing", super::check::brief(&found));
        Ok(())
    }

    /// Fails unless an entry stands there with a lifetime of this much, less what the test took.
    pub(super) async fn lives_for(&self, key: &Key, lifetime: Duration, when: &str) -> Checked {
        let found = self.store().ttl(key).await?;
        // A test's clock stands still; real time passes while the test works.
        let slack = self.fixture.clock().map_or(self.fixture.bound(), |_| Duration::ZERO);
        let fits = |left| left <= lifetime && left + slack >= lifetime && left > Duration::ZERO;
        check!(
            matches!(found, Remaining::For(left) if fits(left)),
            "{when}: the lifetime left is {found:?}, wanted about {lifetime:?}"
        );
        Ok(())
    }

    pub(super) async fn lives_for_ever(&self, key: &Key, when: &str) -> Checked {
        let found = self.store().ttl(key).await?;
        check!(found == Remaining::Never, "{when}: the lifetime left is {found:?}, wanted Never");
        Ok(())
    }

    pub(super) async fn clean_up(&self) {
        if let Some(store) = self.handle() {
            // What could not be removed lies in a namespace that no one uses again.
            let _ = store.clear(&self.root).await;
        }
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Opens a store. A file that the last one held may take a moment to be free.
pub(super) async fn open(fixture: &dyn Fixture) -> Checked<Arc<dyn Cache>> {
    let deadline = Instant::now() + fixture.patience();
    loop {
        match fixture.open().await {
            Ok(store) => return Ok(store),
            Err(error) if Instant::now() > deadline => {
                return Err(Failure::new(format!("the fixture cannot open a store: {error}")));
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A condition that holds for values which begin so.
pub(super) fn starts_with(prefix: impl AsRef<[u8]>) -> Result<Condition> {
    Ok(Condition::StartsWith(Prefix::new(prefix.as_ref())?))
}
