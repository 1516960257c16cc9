//! Compaction by rewrite: sled never gives back the space of its file, so the entries are copied into a
//! new database which then counts instead.
//!
//! Readers and writers go on meanwhile. What is written during the copy is remembered and copied
//! again, the last of it with everyone else kept out for a moment. The commit is the replacement of
//! `CURRENT`; a process killed before it leaves the old database counting, after it the new one, and
//! the next open removes the other.

use std::{
    collections::HashSet,
    fs, io,
    ops::Bound,
    sync::atomic::Ordering::{Relaxed, SeqCst},
};

use cache_api::{Error, Result};

use crate::{
    fault::{self, Fault},
    inner::{Inner, lock},
    open,
    store::{Look, Store},
};

const OPERATION: &str = "compact";

/// How many entries are copied before others may write.
const BATCH: usize = 64;

/// How few entries are copied with everyone kept out.
const FEW: usize = 32;

/// How often what was written meanwhile is copied again before everyone is kept out.
const ROUNDS: usize = 20;

impl Inner {
    /// Rewrites the database. Blocks.
    pub(crate) fn compact(&self) -> Result<()> {
        let _one_at_a_time = lock(&self.compaction);
        if self.refusing.load(Relaxed) {
            return Err(fault::refused(OPERATION, None));
        }
        let directory = self.home.next().map_err(|error| fault::refused(OPERATION, Some(error)))?;
        let mut spare = Some(open::open_database(&directory, self.tuning).map_err(refused)?);
        {
            // Whoever writes from here on sees the flag; whoever wrote before has finished.
            let _all_out = self.exclusive();
            *lock(&self.dirty) = Some(HashSet::new());
            self.compacting.store(true, SeqCst);
        }
        let result = self.rewrite(&mut spare);
        self.compacting.store(false, SeqCst);
        *lock(&self.dirty) = None;
        if let Some(unused) = spare {
            let directory = unused.directory.clone();
            let closed = fault::guarded(|| {
                drop(unused);
                Ok(())
            });
            if let Err(error) = fs::remove_dir_all(&directory) {
                // The next open removes it.
                tracing::debug!(%error, ?closed, "sled: a database was left behind");
            }
        }
        result
    }

    /// Copies everything and makes the copy count. The one that does not is left in `spare`.
    fn rewrite(&self, spare: &mut Option<Store>) -> Result<()> {
        let Some(fresh) = spare.as_ref() else { return Ok(()) };
        let epoch = self.epoch();
        self.copy_all(fresh, epoch)?;
        for _ in 0..ROUNDS {
            let keys = self.take_dirty();
            let few = keys.len() <= FEW;
            for key in &keys {
                self.read(OPERATION, |store| copy(store, fresh, key))?;
            }
            if few {
                break;
            }
        }
        // Most of it is on disk before everyone is kept out.
        fault::guarded(|| fresh.db.flush()).map_err(refused)?;

        let mut place = self.exclusive();
        let Some(store) = place.as_ref().filter(|_| self.epoch() == epoch) else {
            return Err(fault::unavailable(OPERATION, "the database was replaced meanwhile"));
        };
        for key in self.take_dirty() {
            fault::guarded(|| copy(store, fresh, &key)).map_err(refused)?;
        }
        fault::guarded(|| fresh.db.flush()).map_err(refused)?;
        self.home
            .commit(&fresh.directory)
            .map_err(|error| fault::refused(OPERATION, Some(error)))?;
        // The same entries: nobody who watches has missed anything.
        *spare = self.replace(&mut place, spare.take(), true);
        Ok(())
    }

    fn copy_all(&self, fresh: &Store, epoch: u64) -> Result<()> {
        let mut after = Bound::Unbounded;
        loop {
            let keys = self.read(OPERATION, |store| {
                let range = (after.clone(), Bound::<sled::IVec>::Unbounded);
                let keys = store.records.range(range).keys().take(BATCH);
                let keys = keys.collect::<sled::Result<Vec<_>>>()?;
                for key in &keys {
                    copy(store, fresh, key)?;
                }
                Ok(keys)
            })?;
            if self.epoch() != epoch {
                return Err(fault::unavailable(OPERATION, "the database was replaced meanwhile"));
            }
            match keys.into_iter().last() {
                Some(last) => after = Bound::Excluded(last),
                None => return Ok(()),
            }
        }
    }

    fn take_dirty(&self) -> HashSet<Box<[u8]>> {
        lock(&self.dirty).as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// Makes one entry of the copy what it is in the original. What cannot be read is left out.
///
/// A copy that raced a writer may be wrong: the writer has marked the key dirty.
fn copy(from: &Store, to: &Store, key: &[u8]) -> sled::Result<()> {
    let before = match to.look(key)? {
        Look::Found(record) => Some(record),
        Look::Nothing | Look::Damaged(_) => None,
    };
    let retired = match from.look(key)? {
        Look::Found(record) => to.adopt(from, key, &record, before.as_ref())?,
        Look::Nothing | Look::Damaged(_) => match &before {
            Some(before) => to.remove(key, before)?.retired,
            None => None,
        },
    };
    retired.map_or(Ok(()), |generation| to.remove_parts(&generation))
}

fn refused(fault: Fault) -> Error {
    let error = match fault {
        Fault::Refused(error) => error,
        Fault::Damaged(why) => io::Error::other(why),
    };
    fault::refused(OPERATION, Some(error))
}
