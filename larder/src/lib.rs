//! A cache for fleets of servers: typed values and streams over memory, Redis or sled.
//!
//! ```
//! use larder::prelude::*;
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize, Debug, PartialEq)]
//! struct User { name: String }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), larder::Error> {
//! let larder = larder::open("memory:?max=64MiB").await?; // or redis://cache.internal
//! let users = larder.namespace("users")?.typed::<User>();
//!
//! let ada = User { name: "Ada".into() };
//! users.set(42, &ada).ttl(Duration::from_secs(3600)).await?;
//! assert_eq!(users.get(42).await?, Some(ada));
//! # Ok(())
//! # }
//! ```
//!
//! # What stands where
//!
//! | | |
//! |---|---|
//! | [`open`](fn@open), [`Larder`] | a cache: by URL, or [over a store](Larder::new) of one's own making |
//! | [`Space`] | the entries under a name; [`ToKey`] says what can name one of them |
//! | [`Space::typed`] → [`Typed`] | values of a type: [encoded](codec), compressed, checked |
//! | [`Typed::get_or_load`], [`get_or_load_many`](Typed::get_or_load_many), [`read_through`](Typed::read_through) | what is not there is loaded, once in the fleet |
//! | [`Space::invalidate`], [`invalidate_tag`](Space::invalidate_tag), [`invalidate_all`](Space::invalidate_all) | what is not served any more, nor stored if it is being loaded |
//! | [`Typed::near`] → [`Near`] | the same values, shared and kept in the memory of this process |
//! | [`Space::raw`] → [`Raw`] | bytes as they are, for other programs and for counters |
//! | [`Typed::update`], [`Typed::reserve`] | a change by what the value is; a ticket to fill a key outside a closure |
//! | [`Space::streams`] → [`Streams`](stream::Streams) | bodies of any length, recorded while they are read, on any server |
//! | [`Space::lock`] → [`Guard`](lock::Guard) | one of all servers does the work: [an advisory lock](lock) |
//! | [`Space::rate_limit`] → [`RateLimit`](rate::RateLimit) | so many in so much time, for all servers together: [a rate limit](rate) |
//! | [`Larder::stats`] | what has happened |
//! | [`explain`] | what stands at a key and why it is or is not served; all entries, counted |
//! | [`tiered`] | copies of bytes in a nearer store: memory over sled over Redis |
//! | [`layer`] | around a store: deadlines, repetition, a circuit breaker, metrics, spans, a prefix |
//! | [`envelope`] | the bytes that stand in the store |
//!
//! # A stream
//!
//! The first caller in the fleet asks the source; everyone else, on any server that shares the store,
//! follows what it records, and later callers read what was committed.
//!
//! ```
//! use futures_util::stream;
//! use larder::prelude::*;
//! use std::{convert::Infallible, time::Duration};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let larder = larder::open("memory:").await?;
//! let reports = larder.namespace("reports")?.streams::<String>();
//! let report = reports
//!     .get_or_record("2024.csv", || async {
//!         let rows = ["a,b\n", "1,2\n"].map(|row| Ok::<_, Infallible>(Bytes::from(row)));
//!         Ok::<_, Infallible>(("text/csv".to_owned(), stream::iter(rows)))
//!     })
//!     .ttl(Duration::from_secs(600))
//!     .await?;
//! assert_eq!(report.head(), "text/csv");
//! assert_eq!(report.collect().await?, "a,b\n1,2\n");
//! # Ok(())
//! # }
//! ```
//!
//! # Stores
//!
//! Each is behind a feature of its name, all on by default.
//!
//! | feature | URL | who sees the entries | after a restart |
//! |---|---|---|---|
//! | `memory` | `memory:?max=64MiB` | this process | gone |
//! | `sled` | `sled:./cache?max=1GiB` | this process | still there |
//! | `redis` | `redis://host:6379`, `unix:/run/redis.sock` | everyone | still there |
//!
//! `tiered:?near=64MiB&memory=32MiB&disk=./copies&store=redis://host` keeps copies before any of them, see
//! [`open`](fn@open).
//!
//! A store of one's own implements [`Cache`] and goes into [`Larder::new`]. What goes around any of them
//! is in [`layer`]; numbers for the `metrics` facade are behind the feature `metrics`.
//!
//! # Guarantees
//!
//! While the store is healthy and has answered:
//!
//! - **What an invalidation ended is not served to whoever asks after it returned `Applied`**: not from
//!   the store, on any server, and not from the near tier or the [tiers](tiered) of the process that
//!   invalidated. On other servers such a copy is dropped as soon as the change is told, within
//!   milliseconds as a rule, and in no case, whatever is paused or delayed, is it served more than three
//!   seconds longer.
//! - A load that began before an invalidation is given to those who asked for it before, and not stored.
//! - One load per key in the whole fleet.
//!
//! Always, whatever the store does:
//!
//! - Never a value of another key, another type, another schema; never a part of a stream as a whole one.
//! - Nothing past its time and its stale time. (Beyond that by the five seconds by which clocks may be
//!   apart, if the clock of the store itself is set back.)
//! - One load per key and process at a time, unless somebody's patience is over.
//! - No error because of the store where there is a loader.
//!
//! Never: linearizability, invalidations that survive a failover to a replica that had not heard of them,
//! locks fit for correctness. A plain [`set`](Typed::set) is not a load: what the application read by
//! itself may be older than an invalidation in between ([`reserve`](Typed::reserve) is for that).
//!
//! # Errors, and what is none
//!
//! A miss is no error, and neither is anything that stands in a store: what is truncated, changed,
//! hostile, of another type or of a future version is a miss, counted in [`Stats`]. What remains are
//! the caller's mistakes and a store that does not answer, each within its deadline; after an error of
//! a write, [`Error::may_have_applied`] says whether it may stand.

pub mod codec;
pub mod envelope;
pub mod explain;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod invalidate;
pub mod layer;
mod lease;
mod load;
pub mod lock;
mod lookup;
mod near;
mod open;
mod pause;
pub mod prelude;
pub mod rate;
mod raw;
pub mod stream;
mod switches;
mod tags;
#[cfg(test)]
mod testing;
pub mod tiered;
mod to_key;
mod typed;
mod wake;

/// For [`Cache`], when a store of one's own is written without a dependency on `async-trait`.
pub use async_trait::async_trait;
#[cfg(feature = "memory")]
pub use backend_memory::MemoryCache;
#[cfg(feature = "redis")]
pub use backend_redis::RedisCache;
#[cfg(feature = "sled")]
pub use backend_sled::SledCache;
pub use bytes::Bytes;
/// The contract of stores, whole.
pub use cache_api;
pub use cache_api::{
    Cache, Capabilities, Change, Clock, Condition, Error, Key, Namespace, Prefix, Remaining,
    Result, SetItem, SetOptions, SetOutcome, SystemClock, TestClock, Ttl,
};
pub use handle::{Damaged, Larder, LarderBuilder, Loads, NearStats, Space, Stats};
pub use invalidate::{Invalidate, Invalidation};
pub use load::{
    Answer, FindThrough, GetOrLoad, GetOrLoadMany, IntoLoaded, LoadContext, LoadError, LoadForm,
    LoadWith, Loaded, Origin, ReadThrough, WithAnswer,
};
pub use near::{Near, NearGet, NearGetOrLoad, NearLoad, ReadToken};
pub use open::{Opening, open};
pub use raw::{Raw, RawSet};
#[cfg(feature = "broken-for-tests")]
pub use switches::Rule;
pub use tags::BeforeTags;
pub use tiered::Tiered;
pub use to_key::{KeyWriter, ToKey};
pub use typed::{
    Reserve, Reserved, Set, SetMany, SetWithToken, Ticket, TicketSet, Typed, Update, Value,
};
