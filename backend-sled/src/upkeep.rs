//! The work between the calls: expired entries, retired parts, the bound, and coming back after a full
//! disk. One task; it holds the cache weakly and ends with it.

use std::{
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    time::{Duration, Instant},
};

use cache_api::{Clock, Result};
use futures_util::future;
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    expiry,
    fault::Fault,
    inner::{Inner, lock},
    open,
    store::Look,
};

/// How many entries are looked at before others may replace the database.
const BATCH: usize = 256;

/// The shortest time between two rounds.
const REST: Duration = Duration::from_millis(100);

/// Runs until the cache is dropped, which wakes it.
pub(crate) async fn run(
    cache: Weak<Inner>,
    wake: Arc<Notify>,
    clock: Arc<dyn Clock>,
    every: Duration,
) {
    loop {
        future::select(clock.sleep(every), pin!(wake.notified())).await;
        let Some(inner) = cache.upgrade() else { return };
        if tokio::task::spawn_blocking(move || inner.round()).await.is_err() {
            return;
        }
        // Wake-ups come with every write over the bound: a round serves many.
        tokio::time::sleep(REST).await;
    }
}

impl Inner {
    /// One round of upkeep. Blocks.
    pub(crate) fn round(&self) {
        if self.refusing.load(Relaxed) {
            self.revive();
            return;
        }
        for work in [Self::remove_retired, Self::sweep, Self::bound] {
            if let Err(error) = work(self) {
                tracing::debug!(%error, "sled: upkeep failed");
            }
        }
    }

    fn remove_retired(&self) -> Result<()> {
        let retired = std::mem::take(&mut *lock(&self.retired));
        for generation in retired {
            // What is left is removed at the next open.
            self.read("retire", |store| store.remove_parts(&generation))?;
        }
        Ok(())
    }

    /// Removes what expired.
    fn sweep(&self) -> Result<()> {
        loop {
            let until = (self.now().ms / 1_000 + 1).to_be_bytes();
            let places = self.read("sweep", |store| {
                store.expiry.range(..until).keys().take(BATCH).collect::<sled::Result<Vec<_>>>()
            })?;
            for place in &places {
                self.sweep_one(place)?;
            }
            if places.len() < BATCH {
                return Ok(());
            }
        }
    }

    fn sweep_one(&self, place: &[u8]) -> Result<()> {
        let Some((second, key)) = expiry::parse(place) else {
            return self.read("sweep", |store| store.expiry.remove(place).map(|_| ()));
        };
        self.read("sweep", |store| {
            let _stripe = self.stripe(xxh3_64(key));
            match store.look(key)? {
                Look::Found(record) if expiry::second(record.expires_ms) == second => {
                    // Otherwise the clock was set back: it lives again.
                    if !record.is_alive(self.now().ms) {
                        let effect = store.remove(key, &record)?;
                        self.account(key, &effect);
                    }
                    Ok(())
                }
                _ => store.expiry.remove(place).map(|_| ()),
            }
        })
    }

    fn bound(&self) -> Result<()> {
        let limit = self.max_entries_bytes;
        if self.weight() > limit {
            // A little below, so that the next write does not wake us again.
            self.evict(limit - limit / 32, usize::MAX)?;
        }
        let disk = self.read("size", |store| store.db.size_on_disk())?;
        if disk > self.max_disk_bytes {
            // sled needs more than twice what it holds just now: hold less.
            let fitting = u128::from(limit) * u128::from(self.max_disk_bytes) / u128::from(disk);
            self.evict((fitting as u64).max(limit / 4), usize::MAX)?;
        }
        let begin = Instant::now();
        let mut rested = lock(&self.next_compaction);
        if rested.is_some_and(|next| begin < next) || !self.wants_compaction(disk) {
            return Ok(());
        }
        let compacted = self.compact();
        // A fifth of the time at most: copying is work for the disk, and may not have helped.
        *rested = Some(Instant::now() + 4 * begin.elapsed());
        drop(rested);
        compacted?;
        let after = self.read("size", |store| store.db.size_on_disk())?;
        tracing::info!(before = disk, after, took = ?begin.elapsed(), "sled: compacted");
        Ok(())
    }

    /// Whether the files are far larger than what they hold.
    fn wants_compaction(&self, disk: u64) -> bool {
        const SMALL: u64 = 64 << 20;
        let held = self.weight();
        let wasteful = disk > SMALL && disk > 4 * held;
        let over = disk > self.max_disk_bytes && disk > 2 * held;
        // Empty, sled has about a mebibyte.
        (wasteful || over) && disk > 4 << 20
    }

    /// After a write that the disk refused: opens the database again once there is room.
    ///
    /// sled refuses every write after the first that failed. Reads go on until there is room.
    fn revive(&self) {
        if self.home.probe().is_err() {
            return;
        }
        let _no_compaction = lock(&self.compaction);
        let Ok((directory, _)) = self.home.current() else { return };
        let old = {
            let mut place = self.exclusive();
            self.losses.fetch_add(1, SeqCst);
            self.replace(&mut place, None, false)
        };
        crate::inner::abandon(old);
        let epoch = self.epoch();
        let opened = match open::open_database(&directory, self.tuning) {
            Ok(store) => Ok(store),
            Err(Fault::Damaged(why)) => {
                self.entries.store(0, Relaxed);
                self.bytes.store(0, Relaxed);
                open::replace(&self.home, &directory, self.tuning, &why).map(|(store, _)| store)
            }
            Err(Fault::Refused(error)) => Err(error),
        };
        match opened {
            Ok(store) => {
                let mut place = self.exclusive();
                if self.epoch() == epoch {
                    self.replace(&mut place, Some(store), false);
                }
                self.refusing.store(false, SeqCst);
                tracing::info!("sled: the disk takes writes again");
            }
            Err(error) => tracing::warn!(%error, "sled: the database could not be reopened"),
        }
    }
}
