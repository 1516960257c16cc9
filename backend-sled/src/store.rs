//! One sled database and its four trees: reading, writing and removing single entries.
//!
//! Nothing here excludes anyone. Writers of a key hold its stripe (see [`crate::inner`]); readers hold
//! nothing, which is why the order of the steps matters:
//!
//! - written: index, parts, record, then what the old entry leaves behind. The record is one sled
//!   operation, so a reader (and a process that was killed) finds the old entry or the new one, whole.
//! - removed: record, then the rest.

use bytes::Bytes;
use sled::Tree;
use std::path::{Path, PathBuf};

use crate::{
    expiry, order,
    record::{self, Generation, INLINE_BYTES, NEVER, PART_BYTES, Record},
};

/// An open database.
pub(crate) struct Store {
    pub(crate) db: sled::Db,
    /// key → record
    pub(crate) records: Tree,
    /// generation, index → part
    pub(crate) parts: Tree,
    /// second of expiry, key → nothing
    pub(crate) expiry: Tree,
    /// second of writing, key → nothing
    pub(crate) order: Tree,
    pub(crate) directory: PathBuf,
}

/// What a look into the records found.
pub(crate) enum Look {
    Nothing,
    Damaged(sled::IVec),
    Found(Record),
}

/// What a write changed in the counters, and what it leaves to be cleared away.
#[derive(Default)]
pub(crate) struct Effect {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    /// Parts that nothing refers to any more.
    pub(crate) retired: Option<Generation>,
}

impl Store {
    pub(crate) fn open(directory: &Path, cache_bytes: u64, flush_ms: u64) -> sled::Result<Self> {
        let db = sled::Config::new()
            .path(directory)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(flush_ms))
            .open()?;
        Ok(Self {
            records: db.open_tree("records")?,
            parts: db.open_tree("parts")?,
            expiry: db.open_tree("expiry")?,
            order: db.open_tree("order")?,
            directory: directory.to_owned(),
            db,
        })
    }

    /// The record under a key, whether alive or not.
    pub(crate) fn look(&self, key: &[u8]) -> sled::Result<Look> {
        Ok(match self.records.get(key)? {
            None => Look::Nothing,
            Some(raw) => match Record::decode(key, raw.clone()) {
                Some(record) => Look::Found(record),
                None => Look::Damaged(raw),
            },
        })
    }

    /// The value of a record. `None` if a part is missing or damaged.
    pub(crate) fn value(&self, record: &Record) -> sled::Result<Option<Bytes>> {
        let Some(generation) = record.generation else {
            return Ok(Some(Bytes::copy_from_slice(record.head())));
        };
        let mut value = Vec::with_capacity(record.length);
        for index in 0..record.parts() {
            let key = record::part_key(&generation, index);
            let Some(raw) = self.parts.get(key)? else { return Ok(None) };
            let Some(data) = record::part_data(&key, &raw) else { return Ok(None) };
            value.extend_from_slice(data);
        }
        Ok((value.len() == record.length).then(|| value.into()))
    }

    /// Writes an entry over `old`, which stands there (alive or not).
    pub(crate) fn put(
        &self,
        key: &[u8],
        value: &[u8],
        written_s: u32,
        expires_ms: u64,
        old: Option<&Record>,
    ) -> sled::Result<Effect> {
        let generation = (value.len() > INLINE_BYTES).then(|| record::generation(written_s));
        let raw = match &generation {
            None => Record::inline(key, written_s, expires_ms, value),
            Some(generation) => {
                for (index, data) in value.chunks(PART_BYTES).enumerate() {
                    let key = record::part_key(generation, index);
                    self.parts.insert(key, record::part(&key, data))?;
                }
                Record::parted(key, written_s, expires_ms, value, generation)
            }
        };
        self.index(key, written_s, expires_ms, old)?;
        self.records.insert(key, raw)?;
        let mut effect = self.forget(key, old, Some((written_s, expires_ms)));
        effect.entries += 1;
        effect.bytes += record::weight(key, value.len()) as i64;
        Ok(effect)
    }

    /// Takes an entry over from another database, in the place of `before`, which stands here.
    /// Returns the parts that nothing refers to any more.
    pub(crate) fn adopt(
        &self,
        from: &Self,
        key: &[u8],
        record: &Record,
        before: Option<&Record>,
    ) -> sled::Result<Option<Generation>> {
        let raw = record.raw();
        if before.is_some_and(|before| before.raw() == raw) {
            return Ok(None);
        }
        let same_parts = before.is_some_and(|before| before.generation == record.generation);
        if let Some(generation) = record.generation
            && !same_parts
        {
            for index in 0..record.parts() {
                let key = record::part_key(&generation, index);
                // One that is missing makes the entry a miss here as it does there.
                if let Some(part) = from.parts.get(key)? {
                    self.parts.insert(key, part)?;
                }
            }
        }
        self.index(key, record.written_s, record.expires_ms, before)?;
        self.records.insert(key, raw)?;
        let new = (record.written_s, record.expires_ms);
        let retired = self.forget(key, before, Some(new)).retired;
        Ok(retired.filter(|_| !same_parts))
    }

    /// Gives a standing entry another lifetime.
    pub(crate) fn extend(&self, key: &[u8], record: &Record, expires_ms: u64) -> sled::Result<()> {
        self.index(key, record.written_s, expires_ms, Some(record))?;
        self.records.insert(key, record.with_expiry(key, expires_ms))?;
        if let Err(error) = self.unindex(key, record, Some((record.written_s, expires_ms))) {
            tracing::debug!(%error, "sled: an index entry was left behind");
        }
        Ok(())
    }

    /// Removes an entry that stands there (alive or not).
    pub(crate) fn remove(&self, key: &[u8], old: &Record) -> sled::Result<Effect> {
        self.records.remove(key)?;
        Ok(self.forget(key, Some(old), None))
    }

    /// Removes a record that cannot be read, unless it was replaced meanwhile.
    pub(crate) fn remove_damaged(&self, key: &[u8], raw: &sled::IVec) -> sled::Result<bool> {
        Ok(self.records.compare_and_swap(key, Some(raw), None::<&[u8]>)?.is_ok())
    }

    /// Removes the parts of a generation.
    pub(crate) fn remove_parts(&self, generation: &Generation) -> sled::Result<()> {
        for part in self.parts.scan_prefix(generation).keys() {
            self.parts.remove(part?)?;
        }
        Ok(())
    }

    /// Writes the index of an entry that is about to be written, where the old one does not serve.
    fn index(
        &self,
        key: &[u8],
        written_s: u32,
        expires_ms: u64,
        old: Option<&Record>,
    ) -> sled::Result<()> {
        if old.is_none_or(|old| old.written_s != written_s) {
            self.order.insert(order::at(written_s, key), &[])?;
        }
        if expires_ms != NEVER
            && old.is_none_or(|old| {
                old.expires_ms == NEVER
                    || expiry::second(old.expires_ms) != expiry::second(expires_ms)
            })
        {
            self.expiry.insert(expiry::at(expires_ms, key), &[])?;
        }
        Ok(())
    }

    /// What becomes of the counters, and the index, when an old entry is gone.
    fn forget(&self, key: &[u8], old: Option<&Record>, new: Option<(u32, u64)>) -> Effect {
        let Some(old) = old else { return Effect::default() };
        // The write stands already. A place left behind is dropped when its turn comes.
        if let Err(error) = self.unindex(key, old, new) {
            tracing::debug!(%error, "sled: an index entry was left behind");
        }
        Effect { entries: -1, bytes: -(old.weight(key) as i64), retired: old.generation }
    }

    /// Removes what the index holds of an old entry and the new one does not use.
    fn unindex(&self, key: &[u8], old: &Record, new: Option<(u32, u64)>) -> sled::Result<()> {
        if new.is_none_or(|(written_s, _)| written_s != old.written_s) {
            self.order.remove(order::at(old.written_s, key))?;
        }
        if old.expires_ms != NEVER
            && new.is_none_or(|(_, expires_ms)| {
                expires_ms == NEVER || expiry::second(expires_ms) != expiry::second(old.expires_ms)
            })
        {
            self.expiry.remove(expiry::at(old.expires_ms, key))?;
        }
        Ok(())
    }
}
