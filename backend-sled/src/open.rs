//! Opening: lock the directory, open the database that counts, set it aside if it is damaged, and
//! rebuild what is kept in memory only.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cache_api::{Error, Result};

use crate::{
    fault::{self, Fault, cannot_open},
    home::{ClaimError, Home},
    order,
    record::Record,
    store::Store,
    time::Time,
};

/// How long a database of this process that was just closed may keep its file.
const CLOSING: Duration = Duration::from_secs(5);

/// What sled is told.
#[derive(Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) page_cache: u64,
    pub(crate) flush_ms: u64,
}

/// What stands in a database.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    pub(crate) damaged: u64,
}

pub(crate) struct Opened {
    pub(crate) home: Home,
    pub(crate) store: Store,
    pub(crate) census: Census,
    pub(crate) quarantined: Option<PathBuf>,
}

pub(crate) fn open(path: &Path, tuning: Tuning, dropped: &[Bytes], time: &Time) -> Result<Opened> {
    let home = Home::claim(path).map_err(|error| match error {
        ClaimError::InUse => cannot_open(
            format!(
                "`{}` is in use; one directory serves one cache in one process: give each its own, \
                 or share a redis",
                path.display()
            ),
            None,
        ),
        ClaimError::Io(error) => no_directory(path, error),
    })?;
    home.probe().map_err(|error| no_directory(path, error))?;
    let (directory, mut quarantined) = home.current().map_err(|error| no_directory(path, error))?;
    let (store, census) = match try_open(&directory, tuning, dropped, time) {
        Ok(opened) => opened,
        Err(Fault::Refused(error)) => return Err(no_directory(path, error)),
        Err(Fault::Damaged(why)) => {
            let (store, aside) = replace(&home, &directory, tuning, &why)
                .map_err(|error| no_directory(path, error))?;
            quarantined = Some(aside);
            (store, Census::default())
        }
    };
    Ok(Opened { home, store, census, quarantined })
}

/// Sets a damaged database aside and opens an empty one.
pub(crate) fn replace(
    home: &Home,
    directory: &Path,
    tuning: Tuning,
    why: &str,
) -> io::Result<(Store, PathBuf)> {
    let fresh = home.next()?;
    home.commit(&fresh)?;
    let aside = home.set_aside(directory)?;
    tracing::warn!(
        why,
        quarantine = %aside.display(),
        "sled: the database is damaged; it was set aside and the cache starts empty"
    );
    match open_database(&fresh, tuning) {
        Ok(store) => Ok((store, aside)),
        Err(Fault::Refused(error)) => Err(error),
        Err(Fault::Damaged(why)) => Err(io::Error::other(why)),
    }
}

/// Opens a database, waiting a moment for one of this process that is still closing.
pub(crate) fn open_database(directory: &Path, tuning: Tuning) -> Result<Store, Fault> {
    let begin = Instant::now();
    loop {
        match fault::guarded(|| Store::open(directory, tuning.page_cache, tuning.flush_ms)) {
            // The only way in which sled tells it.
            Err(Fault::Damaged(why)) if why.contains("could not acquire lock") => {
                if begin.elapsed() > CLOSING {
                    let error = io::Error::new(io::ErrorKind::ResourceBusy, why);
                    return Err(Fault::Refused(error));
                }
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn try_open(
    directory: &Path,
    tuning: Tuning,
    dropped: &[Bytes],
    time: &Time,
) -> Result<(Store, Census), Fault> {
    let store = open_database(directory, tuning)?;
    let census = fault::guarded(|| {
        time.not_before(last_write_ms(&store)?);
        take_census(&store, dropped, time.now_ms())
    })?;
    Ok((store, census))
}

/// When something was last written, to eight seconds.
fn last_write_ms(store: &Store) -> sled::Result<u64> {
    let last = store.order.last()?;
    let second = last.and_then(|(place, _)| order::parse(&place).map(|(second, _)| second));
    Ok(u64::from(second.unwrap_or(0)) * 1_000)
}

/// Reads every record: counts, removes what is damaged, expired or to be dropped, and parts that
/// belong to nothing.
fn take_census(store: &Store, dropped: &[Bytes], now_ms: u64) -> sled::Result<Census> {
    let mut census = Census::default();
    let mut generations = HashSet::new();
    let mut removed = false;
    for entry in &store.records {
        let (key, raw) = entry?;
        let Some(record) = Record::decode(&key, raw) else {
            census.damaged += 1;
            store.records.remove(&key)?;
            continue;
        };
        let head = record.head();
        if !record.is_alive(now_ms) || dropped.iter().any(|prefix| head.starts_with(prefix)) {
            store.remove(&key, &record)?;
            removed = true;
            continue;
        }
        census.entries += 1;
        census.bytes += record.weight(&key) as i64;
        generations.extend(record.generation);
    }
    // Only the first part of each generation is read.
    let mut from = Vec::new();
    while let Some(entry) = store.parts.range(from..).keys().next() {
        let key = entry?;
        let Some(generation) = key.first_chunk::<16>() else {
            store.parts.remove(&key)?;
            from = key.to_vec();
            continue;
        };
        if !generations.contains(generation) {
            store.remove_parts(generation)?;
        }
        from = [&generation[..], &[0xff; 5]].concat();
    }
    if removed {
        // What was dropped here must not come back either.
        store.db.flush()?;
    }
    Ok(census)
}

fn no_directory(path: &Path, error: io::Error) -> Error {
    let what = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "it is no directory",
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only",
        _ => "the system refused",
    };
    cannot_open(format!("`{}`: {what}", path.display()), Some(error))
}
