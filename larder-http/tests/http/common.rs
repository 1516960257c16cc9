//! An origin that a test holds in its hands: bodies sent piece by piece, calls counted.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::Key;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use integration_tests::servers::RedisServer;
use larder::{Larder, TestClock};
use larder_http::{BoxError, CacheBody, CacheLayer, CacheService};
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceExt};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Where the index of `/r` stands, as [`layer`] stores it.
pub(crate) const ROOT: &[u8] = b"4:http,12:shop.example,2:/r,-,*";

/// Why a body of an origin ended early.
#[derive(Debug, thiserror::Error)]
#[error("the origin was cut")]
pub(crate) struct Cut;

pub(crate) type OriginBody = UnsyncBoxBody<Bytes, Cut>;
pub(crate) type Answer = Response<CacheBody<OriginBody>>;

/// A cache of its own, in memory.
pub(crate) fn memory() -> Larder {
    Larder::new(store())
}

/// The store alone, for two larders over it.
pub(crate) fn store() -> MemoryCache {
    MemoryCache::builder().build()
}

/// Two servers over one store.
pub(crate) fn two_over_memory() -> (Larder, Larder) {
    let store = Arc::new(store());
    (Larder::new(Arc::clone(&store)), Larder::new(store))
}

/// The same over Redis, which runs as long as what is returned first.
pub(crate) async fn two_over_redis() -> (RedisServer, Larder, Larder) {
    let redis = RedisServer::start().await.unwrap();
    let (a, b) =
        (larder::open(redis.url()).await.unwrap(), larder::open(redis.url()).await.unwrap());
    (redis, a, b)
}

pub(crate) fn layer(larder: &Larder) -> CacheLayer {
    CacheLayer::new(larder.clone()).ttl(HOUR).vary_on(["accept"]).cache_status(true)
}

/// A layer that does what the standard allows.
pub(crate) fn standard(larder: &Larder) -> CacheLayer {
    CacheLayer::rfc9111(larder.clone()).cache_status(true)
}

/// A cache in memory whose time a test moves.
pub(crate) fn clocked() -> (TestClock, Larder) {
    let clock = TestClock::new();
    let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    (clock, larder)
}

/// Returns when so many recordings are committed, indices among them.
pub(crate) async fn committed(larder: &Larder, count: u64) {
    let stands = async {
        while larder.stats().streams.committed < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), stands).await.expect("it is stored in time");
}

/// Where answers stand that are found through an index.
pub(crate) async fn variants(larder: &Larder) -> Vec<Key> {
    let keys = larder.namespace("http").unwrap().keys().unwrap();
    let is_variant = |key: &Key| key.as_bytes().windows(4).any(|part| part == b",@8:");
    keys.filter_map(async |key| key.ok().filter(is_variant)).collect().await
}

/// A GET of a plain client.
pub(crate) fn get(path: &str) -> Request<Empty<Bytes>> {
    request("GET", path, &[])
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Empty<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "shop.example");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Empty::new()).unwrap()
}

pub(crate) fn full(body: impl Into<Bytes>) -> OriginBody {
    Full::new(body.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body, and the hand that writes it. Dropping the hand ends it cleanly.
pub(crate) fn by_hand() -> (Hand, OriginBody) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let frames = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    (Hand(sender), StreamBody::new(frames).boxed_unsync())
}

#[derive(Clone)]
pub(crate) struct Hand(mpsc::UnboundedSender<Result<Frame<Bytes>, Cut>>);

impl Hand {
    pub(crate) fn data(&self, data: &'static str) -> &Self {
        let _ = self.0.send(Ok(Frame::data(Bytes::from_static(data.as_bytes()))));
        self
    }

    pub(crate) fn trailers(&self, trailers: HeaderMap) -> &Self {
        let _ = self.0.send(Ok(Frame::trailers(trailers)));
        self
    }

    pub(crate) fn cut(&self) {
        let _ = self.0.send(Err(Cut));
    }

    /// Resolves when nobody reads the body any more.
    pub(crate) async fn dropped(&self) {
        self.0.closed().await;
    }
}

type Answering = dyn Fn(usize, Request<Empty<Bytes>>) -> Response<OriginBody> + Send + Sync;

/// An origin: a function that is told the number of the call, from 1.
#[derive(Clone)]
pub(crate) struct Origin {
    calls: Arc<AtomicUsize>,
    answer: Arc<Answering>,
}

impl Origin {
    pub(crate) fn new(
        answer: impl Fn(usize, Request<Empty<Bytes>>) -> Response<OriginBody> + Send + Sync + 'static,
    ) -> Self {
        Self { calls: Arc::default(), answer: Arc::new(answer) }
    }

    /// Always the number of the call as the body, with these headers.
    pub(crate) fn numbered(headers: &[(&str, &str)]) -> Self {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Self::new(move |call, _| {
            let mut response = Response::builder();
            for (name, value) in &headers {
                response = response.header(name, value);
            }
            response.body(full(format!("answer {call}"))).unwrap()
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    pub(crate) fn behind(&self, layer: CacheLayer) -> CacheService<Self> {
        layer.layer(self.clone())
    }
}

impl Service<Request<Empty<Bytes>>> for Origin {
    type Response = Response<OriginBody>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        std::future::ready(Ok((self.answer)(call, request)))
    }
}

pub(crate) async fn send(service: &CacheService<Origin>, request: Request<Empty<Bytes>>) -> Answer {
    service.clone().oneshot(request).await.unwrap()
}

/// Sends and reads to the end.
pub(crate) async fn fetch(
    service: &CacheService<Origin>,
    request: Request<Empty<Bytes>>,
) -> String {
    text(send(service, request).await).await.unwrap()
}

pub(crate) async fn text(answer: Answer) -> Result<String, BoxError> {
    let body = answer.into_body().collect().await;
    body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

/// The next piece of data of a body.
pub(crate) async fn piece(answer: &mut Answer) -> Option<Result<Bytes, BoxError>> {
    let frame = answer.body_mut().frame().await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

pub(crate) fn status_of(answer: &Answer) -> &str {
    answer.headers()["cache-status"].to_str().unwrap()
}

pub(crate) fn is_hit(answer: &Answer) -> bool {
    status_of(answer) == "larder; hit"
}

/// Asks until the answer comes from the store: a commit needs a moment after the last byte.
pub(crate) async fn hit(service: &CacheService<Origin>, path: &str) -> Answer {
    let ask = async {
        loop {
            let answer = send(service, get(path)).await;
            if is_hit(&answer) {
                return answer;
            }
            drop(answer);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ask).await.expect("it is stored in time")
}

/// A service that answers once the gate is open, and counts who waits at it.
pub(crate) fn gated(
    origin: &Origin,
    larder: &Larder,
) -> (
    tokio::sync::watch::Sender<bool>,
    impl Fn() -> tokio::task::JoinHandle<String> + use<>,
    Arc<AtomicUsize>,
) {
    let (gate, opened) = tokio::sync::watch::channel(false);
    let asked = Arc::new(AtomicUsize::new(0));
    let inner = tower::service_fn({
        let (origin, asked) = (origin.clone(), Arc::clone(&asked));
        move |request| {
            asked.fetch_add(1, SeqCst);
            let (mut origin, mut opened) = (origin.clone(), opened.clone());
            async move {
                opened.wait_for(|open| *open).await.unwrap();
                tower::Service::call(&mut origin, request).await
            }
        }
    });
    let service = layer(larder).layer(inner);
    let ask = move || {
        let answer = service.clone().oneshot(get("/r"));
        tokio::spawn(async move { text(answer.await.unwrap()).await.unwrap() })
    };
    (gate, ask, asked)
}

/// Lets everybody go as far as they can.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
