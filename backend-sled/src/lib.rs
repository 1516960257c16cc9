//! larder's store on disk: a [`SledCache`] keeps its entries through a restart, in one directory, for
//! one process.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_api::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! use backend_sled::SledCache;
//! use cache_api::{Cache, Namespace, SetOptions};
//! use std::time::Duration;
//!
//! let cache = SledCache::open(directory.path()).await?;
//! let key = Namespace::new("users")?.key("42")?;
//! let _ = cache.set(&key, "Ada".into(), SetOptions::new(Duration::from_secs(60))).await?;
//! assert_eq!(cache.get(&key).await?.as_deref(), Some(&b"Ada"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! It is built on sled 0.34, which calls itself beta. What follows from that is handled here: damage is
//! found by checksums and by catching sled's panics, and ends in an empty cache, never in a wrong
//! value; disk space that sled would not give back is won back by rewriting; long values are cut.

mod bound;
mod builder;
mod cache;
mod changes;
mod compact;
mod expiry;
mod fault;
mod flush;
mod home;
mod inner;
mod open;
mod operations;
mod order;
mod record;
mod scan;
mod store;
mod time;
mod upkeep;

pub use builder::SledCacheBuilder;
pub use cache::{SledCache, SledStats};
