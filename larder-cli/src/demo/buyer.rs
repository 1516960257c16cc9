//! Who asks the servers for prices, again and again on the same connections.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use tokio::time::timeout;

/// After this an answer is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a server gave no price.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuyerError {
    #[error("the server at {0} did not answer")]
    Silent(SocketAddr),
    #[error("the server at {0} answered {1}")]
    Refused(SocketAddr, StatusCode),
    #[error("that took too long")]
    Slow,
}

/// A price, as a server gave it.
#[derive(Debug, Deserialize)]
struct Told {
    price: u64,
    from: String,
}

/// An answer, and when it was asked for.
#[derive(Debug)]
pub(super) struct Quote {
    pub(super) price: u64,
    /// Where the server has it from: `near`, `store`, `loaded` or `uncached`.
    pub(super) from: String,
    pub(super) asked: Instant,
    pub(super) took: Duration,
}

impl Quote {
    /// From the server's own memory.
    pub(super) fn is_near(&self) -> bool {
        self.from == "near"
    }

    /// It was loaded without the store, which took too long.
    pub(super) fn is_uncached(&self) -> bool {
        self.from == "uncached"
    }
}

#[derive(Debug, Clone)]
pub(super) struct Buyer {
    client: Client<HttpConnector, Empty<Bytes>>,
    good: String,
}

impl Buyer {
    pub(super) fn of(good: String) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), good }
    }

    /// Asks for the price.
    pub(super) async fn ask(&self, server: SocketAddr) -> Result<Quote, BuyerError> {
        let asked = Instant::now();
        let path = format!("/prices/{}", self.good);
        let (status, body) = self.send(server, Method::GET, &path).await?;
        let told: Told = match serde_json::from_slice(&body) {
            Ok(told) if status.is_success() => told,
            _ => return Err(BuyerError::Refused(server, status)),
        };
        Ok(Quote { price: told.price, from: told.from, asked, took: asked.elapsed() })
    }

    /// Says that the price has changed, until the store has heard it. Gives the moment after that.
    pub(super) async fn invalidate(&self, server: SocketAddr) -> Result<Instant, BuyerError> {
        let path = format!("/prices/{}/invalidate", self.good);
        let applied = async {
            while !self.send(server, Method::POST, &path).await?.0.is_success() {}
            Ok(Instant::now())
        };
        timeout(PATIENCE, applied).await.unwrap_or(Err(BuyerError::Slow))
    }

    async fn send(
        &self,
        server: SocketAddr,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, Bytes), BuyerError> {
        let silent = BuyerError::Silent(server);
        let uri = format!("http://{server}{path}");
        let Ok(request) = Request::builder().method(method).uri(uri).body(Empty::new()) else {
            return Err(silent);
        };
        let answer = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status();
            Some((status, response.into_body().collect().await.ok()?.to_bytes()))
        };
        match timeout(PATIENCE, answer).await {
            Ok(answer) => answer.ok_or(silent),
            Err(_) => Err(BuyerError::Slow),
        }
    }
}
