//! `tiered:`: what is kept before a store, and the store.

use std::sync::Arc;

use cache_api::{Cache, Result};

use super::{options::Options, refused, scheme::Scheme};

/// What is kept before a store.
#[derive(Debug, Default)]
pub(super) struct Tiers<'a> {
    /// Decoded values, in so many bytes.
    pub(super) near: Option<u64>,
    /// Bytes, in so many bytes of memory.
    memory: Option<u64>,
    /// Bytes, in a directory.
    disk: Option<Disk<'a>>,
}

#[derive(Debug)]
struct Disk<'a> {
    directory: &'a str,
    max_bytes: Option<u64>,
}

/// What a URL says of the tiers, and the URL of the store behind them, which is all that follows `store=`.
pub(super) fn split<'a>(scheme: &'static Scheme, rest: &'a str) -> Result<(Tiers<'a>, &'a str)> {
    let wrong = |reason: &str| Err(refused(scheme.name, format!("{reason}; {}", scheme.example)));
    let Some((place, query)) = rest.split_once('?') else {
        return wrong("what is kept, and before which store? Write it like");
    };
    if !place.is_empty() {
        return wrong("there is no place to name; write");
    }
    let (own, store) = at_store(query);
    let tiers = Tiers::parse(&Options::parse(scheme, own)?)?;
    let Some(store) = store.filter(|store| !store.is_empty()) else {
        return wrong("which `store` is behind the tiers? It comes last, as in");
    };
    let is_in_store = |name: &str| store.contains(&format!("&{name}="));
    if let Some(name) = scheme.options.iter().find(|name| is_in_store(name)) {
        return wrong(&format!(
            "`store` comes last: all that follows is its own, and `{name}` stands behind it"
        ));
    }
    if store.starts_with("tiered:") {
        return wrong("one `tiered:` holds all tiers: `near`, `memory` and `disk` go together");
    }
    if tiers.near.is_none() && tiers.memory.is_none() && tiers.disk.is_none() {
        return wrong("where are copies kept? In `near`, `memory` or `disk`");
    }
    Ok((tiers, store))
}

/// What stands before `store=`, and what behind it.
fn at_store(query: &str) -> (&str, Option<&str>) {
    let mut at = 0;
    loop {
        if let Some(store) = query[at..].strip_prefix("store=") {
            return (&query[..at], Some(store));
        }
        match query[at..].find('&') {
            Some(end) => at += end + 1,
            None => return (query, None),
        }
    }
}

impl<'a> Tiers<'a> {
    fn parse(options: &Options<'a>) -> Result<Self> {
        let max_bytes = options.size("disk_max")?;
        let disk = match options.get("disk").filter(|directory| !directory.is_empty()) {
            Some(directory) => Some(Disk { directory, max_bytes }),
            None if max_bytes.is_some() || options.get("disk").is_some() => {
                let reason = "which directory? Write disk=./copies or disk=/var/cache/service";
                return Err(refused("tiered", reason.into()));
            }
            None => None,
        };
        Ok(Self { near: options.size("near")?, memory: options.size("memory")?, disk })
    }

    /// The store with the copies of bytes before it: those in memory before those on disk.
    pub(super) async fn before(&self, store: Arc<dyn Cache>) -> Result<Arc<dyn Cache>> {
        let store = match &self.disk {
            Some(disk) => disk.before(store).await?,
            None => store,
        };
        match self.memory {
            Some(max_bytes) => in_memory(max_bytes, store),
            None => Ok(store),
        }
    }
}

#[cfg(feature = "memory")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it is an error")]
fn in_memory(max_bytes: u64, store: Arc<dyn Cache>) -> Result<Arc<dyn Cache>> {
    let front = backend_memory::MemoryCache::builder().max_bytes(max_bytes).build();
    Ok(Arc::new(crate::tiered::Tiered::new(front, store)))
}

#[cfg(not(feature = "memory"))]
fn in_memory(_: u64, _: Arc<dyn Cache>) -> Result<Arc<dyn Cache>> {
    Err(refused("tiered", "`memory` needs larder's feature `memory`".into()))
}

impl Disk<'_> {
    #[cfg(feature = "sled")]
    async fn before(&self, store: Arc<dyn Cache>) -> Result<Arc<dyn Cache>> {
        let mut front = backend_sled::SledCache::builder(self.directory);
        if let Some(bytes) = self.max_bytes {
            front = front.max_bytes(bytes);
        }
        Ok(Arc::new(crate::tiered::Tiered::new(front.open().await?, store)))
    }

    #[cfg(not(feature = "sled"))]
    async fn before(&self, _: Arc<dyn Cache>) -> Result<Arc<dyn Cache>> {
        let _ = (self.directory, self.max_bytes);
        Err(refused("tiered", "`disk` needs larder's feature `sled`".into()))
    }
}
