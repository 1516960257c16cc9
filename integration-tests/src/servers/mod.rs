//! Servers that a test starts for itself on loopback, and the faults it can inflict on them.
//!
//! ```no_run
//! # async fn example() -> Result<(), integration_tests::servers::ServerError> {
//! use integration_tests::servers::{Proxy, RedisServer};
//!
//! let server = RedisServer::builder().config("maxmemory 8mb").start().await?;
//! let proxy = Proxy::start(server.address()).await?;
//! let url = server.url_via(proxy.address()); // what the store under test is given
//! assert!(url.starts_with("redis://127.0.0.1:"));
//! server.cli(&["SET", "users:42", "Ada"]).await?;
//! server.stop()?; // frozen: it answers no more
//! server.cont()?;
//! proxy.black_hole();
//! # Ok(())
//! # }
//! ```

mod builder;
mod error;
mod frames;
mod monitor;
mod proxy;
mod redis;
mod resp;

pub use builder::RedisBuilder;
pub use error::ServerError;
pub use monitor::Monitor;
pub use proxy::Proxy;
pub use redis::RedisServer;
pub use resp::Reply;
