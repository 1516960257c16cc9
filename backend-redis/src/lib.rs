//! larder's shared store: a [`Cache`](cache_api::Cache) on Redis.
//!
//! ```no_run
//! use backend_redis::RedisCache;
//! use cache_api::{Cache, Namespace, SetOptions};
//! use std::time::Duration;
//!
//! # async fn example() -> cache_api::Result<()> {
//! let cache = RedisCache::connect("redis://127.0.0.1").await?;
//! let key = Namespace::new("users")?.key("42")?;
//! let options = SetOptions::new(Duration::from_secs(60));
//! assert!(cache.set(&key, "Ada".into(), options).await?.is_stored());
//! // In a shell: `redis-cli GET users:42` shows `Ada`.
//! # Ok(())
//! # }
//! ```
//!
//! One node of Redis 6.2 or later, or of Valkey, over TCP (`redis://user:password@host:port/database`) or a
//! unix socket (`unix:/path?db=0&user=name&pass=password`). Keys and values stand there as they are: other
//! clients, in other languages, read and write them too.
//!
//! # What holds under which fault
//!
//! Each operation takes one round trip unless its documentation says otherwise, and ends within
//! [its deadline](RedisBuilder::deadline).
//!
//! | fault | what a caller sees |
//! |---|---|
//! | the server is gone | [`Unavailable`](cache_api::Error::Unavailable) at once; served again within a second after it is back |
//! | it is frozen, or the link swallows everything | [`Timeout`](cache_api::Error::Timeout) at the deadline; after three in a row, or when as much time again has passed in silence, the connection is replaced and calls fail at once |
//! | `LOADING`, `BUSY`, `TRYAGAIN`, `CLUSTERDOWN`, `MASTERDOWN` | asked again within the deadline, then `Unavailable`; such an answer says that nothing was applied |
//! | `OOM`, `MISCONF`, `NOREPLICAS`, `READONLY` | [`WriteRefused`](cache_api::Error::WriteRefused); reads go on. After `READONLY` the connection is made anew, at most once a second |
//! | `NOAUTH`, `WRONGPASS`, `NOPERM` | [`PermissionDenied`](cache_api::Error::PermissionDenied) |
//! | too many clients | `Unavailable` |
//!
//! No request is ever repeated after it was sent and not answered. An error of a write says whether it
//! [may have been applied](cache_api::Error::may_have_applied); for a conditional one, read the key then.
//!
//! **What may land late.** A write that was abandoned (dropped, timed out) may still be applied. It lies on the
//! connection that all writes of its key take, so it is applied before any later one there. When that
//! connection was replaced, the new one first has the server end the old one (`CLIENT KILL ID`) and serves
//! nothing before. A user who may not do that is warned: then an unconditional `set` that ended in an error
//! may be applied after a later write. Conditional writes are safe in any case.
//!
//! # Permissions
//!
//! ```text
//! ACL SETUSER larder on >password ~users* resetchannels -@all +hello +select +ping +get +mget +set +getdel
//!     +getrange +exists +unlink +pttl +pexpire +persist +incrby +multi +exec +evalsha +eval +scan
//!     +client|kill +client|tracking
//! ```
//!
//! Without `client|tracking` there is no [`watch`](cache_api::Cache::watch), without `scan` no
//! [`scan`](cache_api::Cache::scan) and no [`clear`](cache_api::Cache::clear). Nothing ever uses `KEYS`,
//! `FLUSHDB` or `FLUSHALL`.
//!
//! # Performance
//!
//! Callers write into one buffer; one task sends what has gathered there and hands out the answers. At
//! many concurrent callers that is where a client's time goes. A lone caller's request is sent at once.

mod address;
mod builder;
mod cache;
mod commands;
mod connection;
mod exec;
mod keys;
mod reply;
mod tracking;
mod write;

pub use builder::RedisBuilder;
pub use cache::RedisCache;
