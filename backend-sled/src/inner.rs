//! What the handle, its blocking calls and its upkeep share: the database, the stripes, the counters.
//!
//! Locks, always in this order: the database (shared by all who use it, exclusive to replace it), the
//! stripe of a key (all writes of that key), the rest. A key's stripe makes judging a condition and
//! writing one step; one process owns the directory, so there is no other writer.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{
            AtomicBool, AtomicI64, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Instant,
};

use cache_api::{Change, Key, Result, Ttl};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    changes::Changes,
    fault::{self, Fault},
    flush::Flushes,
    home::Home,
    open::{self, Tuning},
    order::Touched,
    record::{Generation, NEVER, Record},
    store::{Effect, Look, Store},
    time::Time,
};

const STRIPES: usize = 256;

pub(crate) struct Inner {
    /// `None` while it is being opened again.
    store: RwLock<Option<Store>>,
    /// How often the database was replaced.
    epoch: AtomicU64,
    /// How often it was opened again without what had not been flushed.
    pub(crate) losses: AtomicU64,
    stripes: Box<[Mutex<()>]>,
    time: Time,
    pub(crate) max_value: usize,
    /// What the entries may weigh together.
    pub(crate) max_entries_bytes: u64,
    pub(crate) max_disk_bytes: u64,
    pub(crate) tuning: Tuning,
    pub(crate) home: Home,
    pub(crate) entries: AtomicI64,
    pub(crate) bytes: AtomicI64,
    pub(crate) damaged: AtomicU64,
    pub(crate) touched: Touched,
    /// Generations whose parts wait to be removed.
    pub(crate) retired: Mutex<Vec<Generation>>,
    /// Keys written while a compaction copies. `None`: none runs.
    pub(crate) dirty: Mutex<Option<HashSet<Box<[u8]>>>>,
    pub(crate) compacting: AtomicBool,
    pub(crate) compaction: Mutex<()>,
    /// Not before this does upkeep compact again.
    pub(crate) next_compaction: Mutex<Option<Instant>>,
    /// The disk took no write: sled refuses all further ones until it is opened again.
    pub(crate) refusing: AtomicBool,
    pub(crate) upkeep: Arc<Notify>,
    pub(crate) changes: Changes,
    pub(crate) flushes: Flushes,
    pub(crate) quarantined: OnceLock<PathBuf>,
}

/// What an attempt found instead of a result.
enum Obstacle {
    Fault(Fault, u64),
    /// The database is being opened again.
    Closed,
}

/// What stands under a key while its stripe is held.
pub(crate) struct Standing {
    /// The record, alive or not: what a write has to clear away.
    pub(crate) any: Option<Record>,
    alive: bool,
}

impl Standing {
    /// The entry, if there is one.
    pub(crate) fn live(&self) -> Option<&Record> {
        self.any.as_ref().filter(|_| self.alive)
    }
}

/// A point in time, as records hold it.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) ms: u64,
}

impl Now {
    /// In seconds, but only every eighth: an entry written again within that time keeps its place in
    /// the order of eviction.
    pub(crate) const fn second(self) -> u32 {
        let seconds = self.ms / 1_000;
        if seconds > u32::MAX as u64 { u32::MAX } else { seconds as u32 & !7 }
    }

    /// When an entry written now expires. `None`: at once.
    pub(crate) fn expiry(self, ttl: Ttl) -> Option<u64> {
        match ttl.millis() {
            None => Some(NEVER),
            Some(0) => None,
            Some(millis) => Some(self.ms.saturating_add(millis)),
        }
    }
}

impl Inner {
    pub(crate) fn new(
        opened: open::Opened,
        time: Time,
        max_bytes: u64,
        max_value: usize,
        tuning: Tuning,
    ) -> Self {
        let quarantined = OnceLock::new();
        if let Some(path) = opened.quarantined {
            // A fresh cell takes it.
            let _ = quarantined.set(path);
        }
        Self {
            store: RwLock::new(Some(opened.store)),
            epoch: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            time,
            max_value,
            // sled needs about twice what it holds.
            max_entries_bytes: max_bytes / 2,
            max_disk_bytes: max_bytes,
            tuning,
            home: opened.home,
            entries: AtomicI64::new(opened.census.entries),
            bytes: AtomicI64::new(opened.census.bytes),
            damaged: AtomicU64::new(opened.census.damaged),
            touched: Touched::new(),
            retired: Mutex::default(),
            dirty: Mutex::default(),
            compacting: AtomicBool::new(false),
            compaction: Mutex::default(),
            next_compaction: Mutex::default(),
            refusing: AtomicBool::new(false),
            upkeep: Arc::new(Notify::new()),
            changes: Changes::default(),
            flushes: Flushes::default(),
            quarantined,
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { ms: self.time.now_ms() }
    }

    /// Reads. Where the database turns out damaged it is set aside, and the answer is that of the
    /// empty one.
    pub(crate) fn read<T>(
        &self,
        operation: &'static str,
        f: impl Fn(&Store) -> sled::Result<T>,
    ) -> Result<T> {
        self.run(&f).map_err(|obstacle| match obstacle {
            Obstacle::Closed => fault::unavailable(operation, "the database is being reopened"),
            Obstacle::Fault(..) => fault::unavailable(operation, "the disk cannot be read"),
        })
    }

    /// What a lookup answers that failed: on a full disk sled cannot read the few pages which it would
    /// have to tidy up first, and an entry that cannot be read is a miss.
    pub(crate) fn or_miss<T>(&self, found: Result<T>, miss: T) -> Result<T> {
        match found {
            Err(_) if self.refusing.load(Relaxed) => Ok(miss),
            found => found,
        }
    }

    /// Removes an entry, alive or not, without a report: whoever calls reports the whole.
    pub(crate) fn delete_quietly(&self, key: &Key) -> Result<()> {
        self.change("clear", key, &|store, standing, _| match &standing.any {
            Some(record) => Ok(((), Some(store.remove(key.as_bytes(), record)?))),
            None => Ok(((), None)),
        })
        .map(|_| ())
    }

    /// Writes one key and reports the change.
    pub(crate) fn write<T>(
        &self,
        operation: &'static str,
        key: &Key,
        f: impl Fn(&Store, &Standing, Now) -> sled::Result<(T, Option<Effect>)>,
    ) -> Result<T> {
        let (done, changed) = self.change(operation, key, &f)?;
        if changed {
            self.changes.publish(|| Change::Entry(key.clone()));
            self.keep_within_bounds();
        }
        Ok(done)
    }

    /// Writes one key, its stripe held. `f` says what it changed, if it changed anything.
    fn change<T>(
        &self,
        operation: &'static str,
        key: &Key,
        f: &impl Fn(&Store, &Standing, Now) -> sled::Result<(T, Option<Effect>)>,
    ) -> Result<(T, bool)> {
        if self.refusing.load(Relaxed) {
            self.upkeep.notify_one();
            return Err(fault::refused(operation, None));
        }
        let bytes = key.as_bytes();
        let hash = xxh3_64(bytes);
        let attempt = |store: &Store| {
            let _stripe = self.stripe(hash);
            let now = self.now();
            let standing = self.standing(store, bytes, now)?;
            let (done, effect) = f(store, &standing, now)?;
            let changed = effect.is_some();
            if let Some(effect) = effect {
                self.account(bytes, &effect);
            }
            Ok((done, changed))
        };
        self.run(&attempt).map_err(|obstacle| match obstacle {
            Obstacle::Closed => fault::unavailable(operation, "the database is being reopened"),
            Obstacle::Fault(Fault::Refused(error), _) => fault::refused(operation, Some(error)),
            Obstacle::Fault(Fault::Damaged(why), _) => {
                fault::uncertain(operation, format!("the database is damaged: {why}"))
            }
        })
    }

    fn standing(&self, store: &Store, key: &[u8], now: Now) -> sled::Result<Standing> {
        let any = match store.look(key)? {
            Look::Nothing => None,
            Look::Found(record) => Some(record),
            Look::Damaged(raw) => {
                self.drop_damaged(store, key, &raw)?;
                None
            }
        };
        let alive = any.as_ref().is_some_and(|record| record.is_alive(now.ms));
        Ok(Standing { any, alive })
    }

    /// Counts and removes a record whose checksum is wrong.
    pub(crate) fn drop_damaged(
        &self,
        store: &Store,
        key: &[u8],
        raw: &sled::IVec,
    ) -> sled::Result<()> {
        if store.remove_damaged(key, raw)? {
            self.damaged.fetch_add(1, Relaxed);
            self.entries.fetch_sub(1, Relaxed);
            self.bytes.fetch_sub((raw.len() + 3 * key.len()) as i64, Relaxed);
            tracing::warn!("sled: a damaged entry was dropped");
        }
        Ok(())
    }

    /// Takes what a write changed into the books. The stripe of the key is held.
    pub(crate) fn account(&self, key: &[u8], effect: &Effect) {
        self.entries.fetch_add(effect.entries, Relaxed);
        self.bytes.fetch_add(effect.bytes, Relaxed);
        if let Some(generation) = effect.retired {
            lock(&self.retired).push(generation);
            self.upkeep.notify_one();
        }
        if self.compacting.load(Relaxed)
            && let Some(dirty) = &mut *lock(&self.dirty)
        {
            dirty.insert(key.into());
        }
    }

    pub(crate) fn stripe(&self, hash: u64) -> MutexGuard<'_, ()> {
        lock(&self.stripes[hash as usize % STRIPES])
    }

    /// The database, exclusively: nobody is inside an operation.
    pub(crate) fn exclusive(&self) -> std::sync::RwLockWriteGuard<'_, Option<Store>> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Relaxed)
    }

    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(SeqCst)
    }

    /// Puts another database in the place of the present one. Whoever watches starts anew if entries
    /// may have changed with it.
    pub(crate) fn replace(
        &self,
        place: &mut Option<Store>,
        store: Option<Store>,
        same_entries: bool,
    ) -> Option<Store> {
        self.epoch.fetch_add(1, Relaxed);
        let old = std::mem::replace(place, store);
        if !same_entries {
            self.changes.end_all();
        }
        old
    }

    fn run<T>(&self, f: &impl Fn(&Store) -> sled::Result<T>) -> Result<T, Obstacle> {
        let obstacle = match self.attempt(f) {
            Err(Obstacle::Fault(fault, epoch)) => {
                if self.is_refusing() {
                    self.refusing.store(true, Relaxed);
                    self.upkeep.notify_one();
                    let error = match fault {
                        Fault::Refused(error) => error,
                        // What was never written cannot be read back: no damage.
                        Fault::Damaged(why) => std::io::Error::other(why),
                    };
                    return Err(Obstacle::Fault(Fault::Refused(error), epoch));
                }
                match fault {
                    Fault::Damaged(why) if self.set_aside(&why, epoch) => return self.attempt(f),
                    fault => Obstacle::Fault(fault, epoch),
                }
            }
            done => return done,
        };
        Err(obstacle)
    }

    fn attempt<T>(&self, f: &impl Fn(&Store) -> sled::Result<T>) -> Result<T, Obstacle> {
        let guard = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let Some(store) = &*guard else { return Err(Obstacle::Closed) };
        fault::guarded(|| f(store)).map_err(|fault| Obstacle::Fault(fault, self.epoch()))
    }

    /// Whether sled met an error in the background. From then on it refuses every write.
    fn is_refusing(&self) -> bool {
        let guard = self.store.read().unwrap_or_else(PoisonError::into_inner);
        guard.as_ref().is_some_and(|store| {
            matches!(store.db.context.global_error().map_err(Fault::from), Err(Fault::Refused(_)))
        })
    }

    /// Sets the database of this epoch aside and begins an empty one. `false` if that failed too.
    fn set_aside(&self, why: &str, epoch: u64) -> bool {
        let mut place = self.exclusive();
        if self.epoch() != epoch {
            return place.is_some();
        }
        let Some(directory) = place.as_ref().map(|store| store.directory.clone()) else {
            return false;
        };
        match open::replace(&self.home, &directory, self.tuning, why) {
            Ok((fresh, aside)) => {
                let old = self.replace(&mut place, Some(fresh), false);
                self.entries.store(0, Relaxed);
                self.bytes.store(0, Relaxed);
                lock(&self.retired).clear();
                self.damaged.fetch_add(1, Relaxed);
                // The first one is remembered.
                let _ = self.quarantined.set(aside);
                drop(place);
                abandon(old);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "sled: a damaged database could not be replaced");
                false
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Its task finds the cache gone, and ends.
        self.upkeep.notify_one();
        let store = self.exclusive().take();
        let closed = fault::guarded(|| {
            drop(store);
            Ok(())
        });
        if let Err(fault) = closed {
            tracing::warn!(?fault, "sled: the database could not be closed");
        }
    }
}

/// Closes a database that may panic or hang at it.
pub(crate) fn abandon(store: Option<Store>) {
    let close = move || {
        let _ = fault::guarded(|| {
            drop(store);
            Ok(())
        });
    };
    if let Err(error) = std::thread::Builder::new().name("sled-abandoned".into()).spawn(close) {
        tracing::warn!(%error, "sled: a database was closed in place");
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
