//! The directory of a cache: who may use it, and which database in it counts.
//!
//! ```text
//! lock           held for as long as the cache is open
//! CURRENT        the name of the database that counts; replaced atomically
//! data-000001/   a database. Any but the current one is the remains of a compaction
//! quarantined-…/ a damaged database, set aside; the newest is kept
//! ```
//!
//! `CURRENT` is the one commit point: a process killed at any step leaves the old database or the new
//! one counting, and the next open removes the other.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

const CURRENT: &str = "CURRENT";
const DATA: &str = "data-";
const QUARANTINE: &str = "quarantined-";
const PROBE: &str = "probe";

/// How long to wait for a cache in this process, or a process, that is about to end.
const HANDOVER: Duration = Duration::from_secs(2);

/// Why a directory cannot be used.
#[derive(Debug)]
pub(crate) enum ClaimError {
    InUse,
    Io(io::Error),
}

/// A directory that is ours until this is dropped.
pub(crate) struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Creates the directory where it is missing, and locks it.
    pub(crate) fn claim(path: &Path) -> Result<Self, ClaimError> {
        fs::create_dir_all(path).map_err(ClaimError::Io)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(ClaimError::Io)?;
        let begin = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                Err(TryLockError::WouldBlock) if begin.elapsed() < HANDOVER => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(ClaimError::InUse),
                Err(TryLockError::Error(error)) => return Err(ClaimError::Io(error)),
            }
        }
    }

    /// The database that counts; a new name where there was none. The others are cleared away: the
    /// remains of a compaction are removed, what no `CURRENT` vouches for is set aside.
    ///
    /// Returns where something was set aside, too.
    pub(crate) fn current(&self) -> io::Result<(PathBuf, Option<PathBuf>)> {
        let named = match fs::read_to_string(self.path.join(CURRENT)) {
            Ok(name) if number(name.trim()).is_some() => Some(name.trim().to_owned()),
            Ok(_) => None,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let Some(named) = named else {
            let mut aside = None;
            for name in self.databases()? {
                aside = Some(self.set_aside(&self.path.join(name))?);
            }
            let fresh = self.next()?;
            self.commit(&fresh)?;
            return Ok((fresh, aside));
        };
        for name in self.databases()? {
            if name != named {
                fs::remove_dir_all(self.path.join(name))?;
            }
        }
        Ok((self.path.join(named), None))
    }

    /// A name for a new database, used by none.
    pub(crate) fn next(&self) -> io::Result<PathBuf> {
        let current = fs::read_to_string(self.path.join(CURRENT)).unwrap_or_default();
        let names = self.databases()?;
        let used = names.iter().map(String::as_str).chain([current.trim()]);
        let highest = used.filter_map(number).max().unwrap_or(0);
        Ok(self.path.join(format!("{DATA}{:06}", highest + 1)))
    }

    /// Makes this the database that counts.
    pub(crate) fn commit(&self, database: &Path) -> io::Result<()> {
        let name = database.file_name().unwrap_or_default();
        let draft = self.path.join("CURRENT.new");
        let mut file = File::create(&draft)?;
        file.write_all(name.as_encoded_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, self.path.join(CURRENT))?;
        // So that the new name outlives a power cut. Not every system lets a directory be opened.
        if let Ok(directory) = File::open(&self.path) {
            directory.sync_all()?;
        }
        Ok(())
    }

    /// Moves a damaged database out of the way, and removes the one moved before.
    pub(crate) fn set_aside(&self, database: &Path) -> io::Result<PathBuf> {
        let before = self.named(QUARANTINE)?;
        let seconds = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let name = database.file_name().unwrap_or_default().to_string_lossy();
        let mut aside = self.path.join(format!("{QUARANTINE}{seconds}-{name}"));
        let mut again = 1;
        while aside.exists() {
            aside = self.path.join(format!("{QUARANTINE}{seconds}-{name}-{again}"));
            again += 1;
        }
        fs::rename(database, &aside)?;
        for name in before {
            if let Err(error) = fs::remove_dir_all(self.path.join(&name)) {
                tracing::debug!(%error, name, "sled: an old quarantine was left");
            }
        }
        Ok(aside)
    }

    /// Whether there is room for a little more: sled reports a full disk late, and cannot be opened on
    /// one.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.path.join(PROBE);
        let written = File::create(&path).and_then(|mut file| {
            // Not synced: a full disk shows at the write, and every opening would wait for the disk.
            (0..16).try_for_each(|_| file.write_all(&[0x5a; 128 << 10]))
        });
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        written.and(removed)
    }

    fn databases(&self) -> io::Result<Vec<String>> {
        self.named(DATA)
    }

    fn named(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string()
                && name.starts_with(prefix)
            {
                names.push(name);
            }
        }
        Ok(names)
    }
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix(DATA)?.parse().ok()
}
