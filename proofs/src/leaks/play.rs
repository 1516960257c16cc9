//! Two users, and an origin that says for whom it answers.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use larder::Larder;
use larder_http::{CacheLayer, CacheService};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tower::{Layer, Service, ServiceExt};

use super::{
    naive::Naive,
    probes::{Ask, Probe},
};
use crate::Result;

pub(super) type Question = Request<Full<Bytes>>;
pub(super) type Answer = Response<Bytes>;

/// Nothing of the cache's: only the origin looks at it.
const USER: &str = "x-user";
/// How long the second user asks, before the origin answers the first.
const TOGETHER: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// How answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Safe,
    Standard,
    Naive,
}

/// Answers once the gate is open.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    status: u16,
    fields: &'static [(&'static str, &'static str)],
    gate: watch::Receiver<bool>,
    /// How many have asked.
    asked: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Clone)]
enum Cache {
    Larder(CacheService<Origin>),
    Naive(Arc<Naive>, Origin),
}

/// Whether any of the two users gets what is not his.
pub(super) async fn crosses(probe: &Probe, means: Means, at_once: bool) -> Result<bool> {
    let (gate, opened) = watch::channel(!at_once);
    let asked = Arc::new(watch::Sender::new(0));
    let (status, fields) = (probe.status, probe.answer);
    let origin = Origin { status, fields, gate: opened, asked: Arc::clone(&asked) };
    let cache = Cache::new(means, origin).await?;
    let mut crossed = false;
    if at_once {
        let first = tokio::spawn(cache.clone().ask(probe.first, "anna"));
        timeout(PATIENCE, asked.subscribe().wait_for(|asked| *asked > 0)).await??;
        let second = tokio::spawn(cache.clone().ask(probe.second, "bert"));
        sleep(TOGETHER).await;
        gate.send_replace(true);
        crossed |= timeout(PATIENCE, first).await???;
        crossed |= timeout(PATIENCE, second).await???;
    }
    // Again and again, so that whatever is stored after an answer is stored by then.
    for (ask, user) in [
        (probe.first, "anna"),
        (probe.second, "bert"),
        (probe.second, "bert"),
        (probe.first, "anna"),
    ] {
        crossed |= timeout(PATIENCE, cache.clone().ask(ask, user)).await??;
        sleep(Duration::from_millis(1)).await;
    }
    Ok(crossed)
}

impl Cache {
    async fn new(means: Means, origin: Origin) -> Result<Self> {
        let layer = match means {
            Means::Naive => return Ok(Self::Naive(Arc::default(), origin)),
            Means::Safe => CacheLayer::safe,
            Means::Standard => CacheLayer::rfc9111,
        };
        let larder: Larder = larder::open("memory:").await?;
        Ok(Self::Larder(layer(larder).layer(origin)))
    }

    /// Whether this user gets what is not his.
    async fn ask(self, ask: Ask, user: &'static str) -> Result<bool> {
        let question = ask.question(USER, user)?;
        let own = own(&question);
        let asks_part = question.headers().contains_key("range");
        let answer = match self {
            Self::Larder(cache) => {
                let (parts, body) = cache.oneshot(question).await?.into_parts();
                // An error is no answer of anybody's.
                let Ok(body) = body.collect().await else { return Ok(false) };
                Response::from_parts(parts, body.to_bytes())
            }
            Self::Naive(naive, origin) => naive.ask(question, origin).await?,
        };
        // While the whole is being recorded it is what a part is answered with. At that address it is
        // everybody's; what must not be is a part in the place of the whole.
        let is_whole = asks_part && answer.status() == http::StatusCode::OK;
        Ok(*answer.body() != own && !is_whole)
    }
}

/// What the body of his answer is.
fn own(question: &Question) -> Bytes {
    if question.method() == "HEAD" {
        return Bytes::new();
    }
    let user = question.headers().get(USER).map_or(&b""[..], |user| user.as_bytes());
    let whole = [b"for ", user].concat();
    if question.headers().contains_key("range") { whole[..3].to_vec().into() } else { whole.into() }
}

impl Origin {
    pub(super) async fn answer(&mut self, question: &Question) -> Answer {
        self.asked.send_modify(|asked| *asked += 1);
        // Whoever holds the gate lets it go open.
        let _ = self.gate.wait_for(|open| *open).await;
        let mut answer = Response::new(own(question));
        let mut status = self.status;
        for (name, value) in self.fields {
            answer.headers_mut().append(*name, http::HeaderValue::from_static(value));
        }
        if question.headers().contains_key("range") {
            status = 206;
            let range = http::HeaderValue::from_static("bytes 0-2/8");
            answer.headers_mut().insert("content-range", range);
        }
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        answer
    }
}

impl Service<Question> for Origin {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: Question) -> Self::Future {
        let mut origin = self.clone();
        Box::pin(async move { Ok(origin.answer(&question).await.map(Full::new)) })
    }
}
