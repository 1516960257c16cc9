//! The slow origin: it computes a report for a while, then streams it in pieces with pauses. It also knows
//! a price or two, after the same while.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::Response,
    routing,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, header};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::report::{self, Format, PIECES};

/// How long the origin computes before its first byte.
pub(crate) const THINKING: Duration = Duration::from_millis(150);
/// How long it pauses between pieces.
pub(crate) const PAUSE: Duration = Duration::from_millis(40);
/// The first call to a report whose name begins so dies half way.
pub(crate) const FRAGILE: &str = "fragile";

/// A running origin, and what it has been asked for.
#[derive(Debug)]
pub(crate) struct Origin {
    address: SocketAddr,
    asked: Arc<Asked>,
    task: JoinHandle<io::Result<()>>,
}

/// How often each thing was asked for, how many reports were sent to their end, and the prices.
#[derive(Debug, Default)]
struct Asked {
    calls: Mutex<HashMap<String, u64>>,
    finished: watch::Sender<u64>,
    prices: Mutex<HashMap<String, u64>>,
}

impl Origin {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Asked::default());
        let router = Router::new()
            .route("/{name}", routing::get(answer))
            .route("/prices/{name}", routing::get(price))
            .with_state(Arc::clone(&asked));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, asked, task })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is the price.
    pub(crate) fn set_price(&self, name: &str, price: u64) {
        let mut prices = self.asked.prices.lock().unwrap_or_else(PoisonError::into_inner);
        prices.insert(name.to_owned(), price);
    }

    /// How often this report was asked for, or this price: `prices/tea`.
    pub(crate) fn calls(&self, name: &str) -> u64 {
        self.asked
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied()
            .unwrap_or(0)
    }

    /// Tells how many reports were sent to their end.
    pub(crate) fn finished(&self) -> watch::Receiver<u64> {
        self.asked.finished.subscribe()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Asked {
    /// Counts a call; the first one is number 1.
    fn count(&self, name: &str) -> u64 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// The price as it is now.
    fn price(&self, name: &str) -> u64 {
        let prices = self.prices.lock().unwrap_or_else(PoisonError::into_inner);
        prices.get(name).copied().unwrap_or(100)
    }
}

async fn answer(
    State(asked): State<Arc<Asked>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let call = asked.count(&name);
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::accepted(accept);
    let dies = call == 1 && name.starts_with(FRAGILE);
    tokio::time::sleep(THINKING).await;
    let mut response = if dies {
        let half = body(&name, format, PIECES / 2);
        let death = stream::once(async { Err(io::Error::other("the origin died")) });
        Response::new(Body::from_stream(half.map(Ok::<_, io::Error>).chain(death)))
    } else {
        let end = stream::poll_fn(move |_| {
            asked.finished.send_modify(|finished| *finished += 1);
            std::task::Poll::Ready(None)
        });
        let whole = body(&name, format, PIECES).chain(end);
        Response::new(Body::from_stream(whole.map(Ok::<_, Infallible>)))
    };
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(format.media_type()));
    fields.insert(header::VARY, http::HeaderValue::from_static("accept"));
    response
}

/// What the price is when it is asked for.
async fn price(State(asked): State<Arc<Asked>>, Path(name): Path<String>) -> String {
    asked.count(&format!("prices/{name}"));
    let price = asked.price(&name);
    tokio::time::sleep(THINKING).await;
    price.to_string()
}

/// The first pieces of a report, each after its pause.
fn body(name: &str, format: Format, pieces: usize) -> impl Stream<Item = Bytes> + use<> {
    stream::iter(report::pieces(name, format).take(pieces).collect::<Vec<_>>()).then(
        |piece| async move {
            tokio::time::sleep(PAUSE).await;
            piece
        },
    )
}
