/// A value, and where it came from.
///
/// ```
/// # use larder::{Larder, Origin};
/// # use std::{convert::Infallible, time::Duration};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let prices = larder.namespace("prices")?.typed::<u32>().default_ttl(Duration::from_secs(60));
/// let load = || async { Ok::<_, Infallible>(3) };
/// assert_eq!(prices.get_or_load("tea", load).answer().await?.origin, Origin::Loaded);
/// let answer = prices.get_or_load("tea", load).answer().await?;
/// assert_eq!((answer.value, answer.origin), (3, Origin::Store));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// It was loaded now, by this call or by one that it joined, and is kept.
    Loaded,
    /// From the memory of this process.
    Near,
    /// From the store.
    Store,
    /// From the store, past its time: it is being refreshed, or could not be.
    Stale,
    /// From the store, which says that the source has nothing.
    Negative,
    /// It was loaded now and is not kept: the store did not take it, an invalidation came in between, or
    /// the loader said so.
    Uncached,
}
