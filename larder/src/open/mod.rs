//! From a URL to a cache.
//!
//! | URL | store | options |
//! |---|---|---|
//! | `memory:` | of this process, forgotten at its end | `max`, `max_value` |
//! | `sled:./cache` | of this process, in a directory | `max`, `max_value` |
//! | `redis://host:6379/0` | shared | `deadline`, `connections`, `max_value` |
//! | `unix:/run/redis.sock` | shared | those, and `db`, `user`, `pass` |
//! | `tiered:?store=redis://…` | as that store, with copies before it | `near`, `memory`, `disk`, `disk_max`, and last `store` |

mod options;
mod scheme;
mod stores;
mod tiers;

use std::{fmt, pin::Pin};

use cache_api::{Error, Result};
use options::Options;
use scheme::{Scheme, Store};
use tiers::Tiers;

use crate::{
    handle::{Larder, LarderBuilder},
    layer::Layer,
};

/// Opens the cache that a URL names.
///
/// - `memory:?max=64MiB`: in this process, at most so many bytes (default 256 MiB).
/// - `sled:./cache?max=1GiB`: in that directory, at most so many bytes of disk (default 1 GiB). What a
///   dead process had left half done, leases and recordings, is dropped.
/// - `redis://user:password@host:6379/0?deadline=200ms`: any database of a Redis server. The deadline
///   is for each operation, all waiting included (default 500 ms).
/// - `unix:/run/redis.sock?db=0&pass=…`: the same through a socket.
///
/// `max_value=16MiB` bounds a single value, in each of them.
///
/// `tiered:` keeps copies of what is read from a store, and `store=` is the URL of that store, whatever
/// stands in it, and so comes last:
///
/// - `tiered:?near=64MiB&store=redis://…`: decoded values, for those who read through a
///   [`Near`](crate::Near) handle. The same as [`near`](Opening::near).
/// - `tiered:?memory=32MiB&store=redis://…`: bytes, for everyone; see [`tiered`](crate::tiered).
/// - `tiered:?disk=./copies&disk_max=1GiB&store=redis://…`: bytes on disk, in a directory of this process's
///   own, which begins empty each time (default 1 GiB).
///
/// All three may be given: what is not found decoded is looked for in memory, then on disk.
///
/// # Errors
///
/// [`Error::Open`], which names the mistake in the URL and what can stand there instead, or says what
/// kept the store from opening. It never holds a password. A Redis that is down is no error: the
/// cache opens, and works once the server does.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// let larder = larder::open("memory:?max=64MiB").await?;
/// assert_eq!(larder.store().name(), "memory");
///
/// let error = larder::open("memory:?max=lots").await.unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "memory: cannot open: `max=lots` is no size; sizes are like 64MiB, 1GiB or 500000",
/// );
/// # Ok(())
/// # }
/// ```
pub fn open(url: impl Into<String>) -> Opening {
    Opening { url: url.into(), shared: false, near: None, layers: Vec::new() }
}

/// A cache to be opened, by [`open`]. Nothing happens until it is awaited.
#[must_use = "nothing is opened until it is awaited"]
pub struct Opening {
    url: String,
    shared: bool,
    near: Option<u64>,
    layers: Vec<Box<dyn Layer>>,
}

impl Opening {
    /// Refuses a store that other servers do not see.
    ///
    /// For a service with several copies, where a `memory:` left in some configuration would be found
    /// out by its users.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = larder::open("memory:").shared().await.unwrap_err();
    /// assert!(error.to_string().contains("redis://"));
    /// # }
    /// ```
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Copies of values are kept in the memory of this process, decoded, of so many bytes in all, for those
    /// who read them through a [`Near`](crate::Near) handle. See
    /// [`LarderBuilder::near`]. What the URL says of it counts no more.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// let larder = larder::open("redis://127.0.0.1").near(64 << 20).shared().await?;
    /// # drop(larder);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn near(mut self, max_bytes: u64) -> Self {
        self.near = Some(max_bytes);
        self
    }

    /// Puts a layer around the store, and around the tiers before it if there are any. The last one added is
    /// the outermost. See [`layer`](crate::layer).
    ///
    /// ```
    /// use larder::layer::{Breaker, Retry, Timeout};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// let breaker = Breaker::new();
    /// let larder = larder::open("memory:")
    ///     .layer(Timeout::new(Duration::from_millis(100)))
    ///     .layer(Retry::new())
    ///     .layer(breaker.clone())
    ///     .await?;
    /// # drop(larder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    async fn open(self) -> Result<Larder> {
        let (scheme, rest) = scheme::find(&self.url)?;
        let (tiers, scheme, rest) = if scheme.store == Store::Tiered {
            let (tiers, store) = tiers::split(scheme, rest)?;
            let (scheme, rest) = scheme::find(store)?;
            (tiers, scheme, rest)
        } else {
            (Tiers::default(), scheme, rest)
        };
        if self.shared && !scheme.shared {
            return Err(refused(
                scheme.name,
                format!(
                    "this store is of one process, and a shared one was asked for: {}",
                    scheme::examples(|scheme| scheme.shared)
                ),
            ));
        }
        if !scheme.enabled {
            return Err(not_built_in(scheme));
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let options = Options::parse(scheme, query)?;
        let max_value = options.length("max_value")?.unwrap_or(LarderBuilder::DEFAULT_MAX_VALUE);
        let store = tiers.before(stores::open(scheme, place, &options).await?).await?;
        let store = self.layers.iter().fold(store, |store, layer| layer.layer(store));
        let near = self.near.or(tiers.near).unwrap_or(0);
        Ok(Larder::builder(store).max_value(max_value).near(near).build())
    }
}

impl IntoFuture for Opening {
    type Output = Result<Larder>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Larder>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("shared", &self.shared)
            .field("near", &self.near)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

fn refused(backend: &'static str, reason: String) -> Error {
    Error::Open { backend, reason: reason.into(), source: None }
}

fn not_built_in(scheme: &Scheme) -> Error {
    let choices = scheme::examples(|scheme| scheme.enabled);
    let feature = scheme.feature;
    refused(
        scheme.name,
        format!("larder was built without its feature `{feature}`; it has {choices}"),
    )
}

#[cfg(test)]
mod tests;
