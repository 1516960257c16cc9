//! larder's store in memory: [`MemoryCache`], on [moka](https://docs.rs/moka).
//!
//! Bounded by bytes, of one process, forgotten at its end. Every operation is exact: conditions,
//! counters and lifetimes keep the contract of [`cache_api::Cache`] under any race.
//!
//! ```
//! use backend_memory::MemoryCache;
//! use cache_api::{Cache, Namespace, SetOptions};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_api::Result<()> {
//! let cache = MemoryCache::builder().max_bytes(64 << 20).build();
//! let key = Namespace::new("users")?.key("42")?;
//! let outcome = cache.set(&key, "Ada".into(), SetOptions::new(Duration::from_secs(60))).await?;
//! assert!(outcome.is_stored());
//! assert_eq!(cache.get(&key).await?.as_deref(), Some(b"Ada".as_slice()));
//! # Ok(())
//! # }
//! ```
//!
//! # What stands where, and why
//!
//! | | |
//! |---|---|
//! | `store` | moka's map and one lock per key stripe around every write. moka's own `and_compute_with` excludes its own kind only, not `insert` |
//! | `entry` | what stands in the map: keys inline up to 47 bytes (a cache miss less per read), values with their deadline |
//! | `expiry` | lifetimes are judged here, on our [`Clock`](cache_api::Clock), at every read; a sweep gives the memory back. moka's own expiry costs each read more than the dyn call does, and knows no other clock |
//! | `changes` | what `watch` reports |
//! | `scan` | the keys of a namespace |

mod builder;
mod cache;
mod changes;
mod entry;
mod expiry;
mod scan;
mod store;
mod stripes;
#[cfg(test)]
mod tests;

pub use builder::{EvictionPolicy, MemoryCacheBuilder};
pub use cache::MemoryCache;

/// How many entries a long call looks at before it lets other tasks run.
const YIELD_EVERY: usize = 256;

/// Lets other tasks run if it is time, to be asked before each entry of a long call.
async fn breathe(looked_at: usize) {
    if looked_at % YIELD_EVERY == YIELD_EVERY - 1 {
        tokio::task::yield_now().await;
    }
}
