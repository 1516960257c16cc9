//! A server: `larder serve` without its command line, or the control.

use std::net::SocketAddr;

use larder::Larder;
use larder_http::CacheLayer;
use larder_proxy::{Config, LogFormat};
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use super::naive;
use crate::{Result, fleet::Parent};

/// How answers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Layout {
    Larder,
    /// The same, with copies in the memory of each process.
    Tiered,
    /// The control: `key:chunk:n`.
    Naive,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(super) layout: Layout,
    pub(super) origin: String,
    /// The address of a store, as `larder::open` takes it.
    pub(super) cache: String,
}

/// Plays a server: says where it listens, and serves until its parent ends it.
pub(crate) async fn serve(order: Order) -> Result<()> {
    let mut parent = Parent::new();
    let (address, _serving) = order.start().await?;
    parent.say(&address)?;
    parent.hear().await?;
    Ok(())
}

impl Order {
    /// Starts one in this process.
    pub(super) async fn start(&self) -> Result<(SocketAddr, AbortHandle)> {
        if self.layout == Layout::Naive {
            return naive::start(&self.origin, &self.cache).await;
        }
        let cache = match self.layout {
            Layout::Tiered => format!("tiered:?memory=16MiB&store={}", self.cache),
            _ => self.cache.clone(),
        };
        let larder: Larder = larder::open(cache).await?;
        let mut config = Config::new(self.origin.parse()?);
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.access_log = LogFormat::Off;
        config.cache_status = true;
        let (layer, space) = (CacheLayer::new(larder.clone()), larder.namespace("http")?);
        let server = larder_proxy::Server::bind(config, layer, space).await?;
        let address = server.address();
        let serving = tokio::spawn(server.run(std::future::pending()));
        Ok((address, serving.abort_handle()))
    }
}
