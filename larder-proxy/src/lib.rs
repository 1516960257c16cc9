//! A caching reverse proxy: HTTP/1.1 and HTTP/2 on one side, an origin on the other, and a
//! [`CacheLayer`](larder_http::CacheLayer) between them.
//!
//! `larder serve` is this crate with a command line. A program of your own has it so:
//!
//! ```no_run
//! use larder_http::CacheLayer;
//! use larder_proxy::{Config, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let larder = larder::open("redis://127.0.0.1").await?;
//! let config = Config::new("http://127.0.0.1:8000".parse()?);
//! let layer = CacheLayer::new(larder.clone());
//! let server = Server::bind(config, layer, larder.namespace("http")?).await?;
//! println!("serving on {}", server.address());
//! server.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod client_io;
mod config;
mod connection;
mod error;
mod front;
mod headers;
mod live;
mod log;
mod metrics;
mod origin;
mod page;
mod server;
mod silence;
mod tls;
mod watch;

pub use config::{Config, ForwardedFrom, Limits, LogFormat, OriginUrl, Timeouts, Tls};
pub use error::StartError;
pub use server::Server;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
