//! The control: the layout that comes to mind first. The head under the key, each piece of the body under
//! the key and its index, and a mark at the end that says that all is there.
//!
//! It says nothing of which writing a piece belongs to, and nothing of how many there are.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions, Ttl};
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http1 as client,
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::AbortHandle,
};

use crate::Result;

/// How long each of the keys lives.
const TTL: Duration = Duration::from_secs(2);
/// What of a head is kept.
const KEPT: [&str; 4] = ["etag", "x-generation", "x-size", "cache-control"];

type Body = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
type Piece = Result<Frame<Bytes>>;

#[derive(Debug)]
struct Naive {
    store: RedisCache,
    keys: Namespace,
    origin: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head(BTreeMap<String, String>);

pub(super) async fn start(origin: &str, cache: &str) -> Result<(SocketAddr, AbortHandle)> {
    let store = RedisCache::connect(cache).await?;
    let origin = origin.trim_start_matches("http://").to_owned();
    let naive = Arc::new(Naive { store, keys: Namespace::new("naive")?, origin });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let naive = Arc::clone(&naive);
            let answer = service_fn(move |request| Arc::clone(&naive).answer(request));
            tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok((address, serving.abort_handle()))
}

impl Naive {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        if request.method() != "GET" {
            let _ = self.store.delete(&self.key(&path)?).await;
            return self.pass(request).await;
        }
        let (give, pieces) = mpsc::channel(1);
        let head = match self.stored(&path).await {
            Some(head) => {
                tokio::spawn(async move { self.replay(&path, &give).await });
                head
            }
            None => {
                let fetched = self.fetch("GET", &path).await?;
                let head = Head::of(&fetched);
                let _ = self.set(&path, serde_json::to_vec(&head)?).await;
                tokio::spawn(async move { self.record(&path, fetched, &give).await });
                head
            }
        };
        let mut response = Response::builder();
        for (name, value) in &head.0 {
            response = response.header(name, value);
        }
        let pieces = stream::unfold(pieces, |mut pieces| async {
            pieces.recv().await.map(|piece: Piece| (piece, pieces))
        });
        Ok(response.body(BodyExt::boxed(StreamBody::new(pieces)))?)
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let fetched = self.fetch(request.method().as_str(), request.uri().path()).await?;
        Ok(fetched.map(|body| body.map_err(Into::into).boxed()))
    }

    async fn fetch(&self, method: &str, path: &str) -> Result<Response<Incoming>> {
        let stream = TcpStream::connect(&self.origin).await?;
        let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", &self.origin);
        Ok(sender.send_request(request.body(Empty::<Bytes>::new())?).await?)
    }

    async fn stored(&self, path: &str) -> Option<Head> {
        self.get(&format!("{path}:done")).await.ok()??;
        serde_json::from_slice(&self.get(path).await.ok()??).ok()
    }

    /// Until a piece is not there: that is the end.
    async fn replay(&self, path: &str, give: &mpsc::Sender<Piece>) {
        for index in 0.. {
            let piece = match self.get(&format!("{path}:chunk:{index}")).await {
                Ok(Some(piece)) => Ok(Frame::data(piece)),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let failed = piece.is_err();
            if give.send(piece).await.is_err() || failed {
                return;
            }
        }
    }

    async fn record(&self, path: &str, fetched: Response<Incoming>, give: &mpsc::Sender<Piece>) {
        let mut body = fetched.into_body();
        let mut index = 0;
        while let Some(frame) = body.frame().await {
            let failed = frame.is_err();
            if let Ok(Some(data)) = frame.as_ref().map(Frame::data_ref) {
                let _ = self.set(&format!("{path}:chunk:{index}"), data.to_vec()).await;
                index += 1;
            }
            if give.send(frame.map_err(Into::into)).await.is_err() || failed {
                return;
            }
        }
        let _ = self.set(&format!("{path}:done"), b"1".to_vec()).await;
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        Ok(self.store.get(&self.key(name)?).await?)
    }

    async fn set(&self, name: &str, value: Vec<u8>) -> Result<()> {
        let options = SetOptions::new(Ttl::After(TTL));
        let _ = self.store.set(&self.key(name)?, value.into(), options).await?;
        Ok(())
    }

    fn key(&self, name: &str) -> Result<Key> {
        Ok(self.keys.key(name)?)
    }
}

impl Head {
    fn of(response: &Response<Incoming>) -> Self {
        let value = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?)));
        Self(kept.collect())
    }
}
