//! The origin: what the cache asks when it has no answer of its own.

mod body;
mod connector;
mod error;
mod expect;
mod tunnel;
mod upload;

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE},
    request::Parts,
};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

pub(crate) use self::{body::OriginBody, error::OriginError};
use self::{
    connector::Clients,
    tunnel::Tunnel,
    upload::{Pace, Upload},
};
use crate::{
    Config, OriginUrl, StartError, Timeouts,
    headers::{
        forwarded::{self, Asked},
        hop_by_hop,
        via::Via,
    },
    metrics::Metrics,
    watch::Watched,
};

/// Asks the origin. Cheap to clone, always ready.
#[derive(Debug, Clone)]
pub(crate) struct Origin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clients: Clients,
    url: OriginUrl,
    host: HeaderValue,
    preserve_host: bool,
    via: Via,
    timeouts: Timeouts,
    most_tunnels: u64,
    metrics: Arc<Metrics>,
}

impl Origin {
    pub(crate) fn new(
        config: &Config,
        via: Via,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let host = HeaderValue::from_str(config.origin.authority.as_str())
            .expect("an authority is printable ASCII");
        Ok(Self(Arc::new(Inner {
            clients: Clients::new(config)?,
            url: config.origin.clone(),
            host,
            preserve_host: config.preserve_host,
            via,
            timeouts: config.timeouts.clone(),
            most_tunnels: config.limits.connections as u64,
            metrics,
        })))
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<OriginBody>, OriginError>> + Send>>;

impl Service<Request<Incoming>> for Origin {
    type Response = Response<OriginBody>;
    type Error = OriginError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OriginError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Answering {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let began = Instant::now();
            let answer = inner.answer(request).await;
            inner.metrics.origin_answered(answer.as_ref().err(), began.elapsed());
            answer
        })
    }
}

impl Inner {
    async fn answer(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<OriginBody>, OriginError> {
        let protocol = tunnel::asked_for(&request);
        let tunnels = &self.metrics.tunnels;
        if protocol.is_some() && tunnels.count() >= self.most_tunnels {
            return Err(OriginError::Full);
        }
        let client = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let watched = parts.extensions.remove::<Watched>();
        self.prepare(&mut parts, protocol);

        let again = is_repeatable(&parts.method, &body).then(|| bare(&parts));
        let mut answer = self.send(Request::from_parts(parts, body), client.is_some()).await;
        // A connection that was kept for later may have been closed just when it was needed.
        if let (Some(request), Err(OriginError::Broken(_))) = (again, &answer) {
            answer = self.send_bare(request).await;
        }
        let mut answer = answer?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client) = client else { return Err(OriginError::Unasked) };
            let protocol = answer.headers().get(UPGRADE).cloned();
            let origin = hyper::upgrade::on(&mut answer);
            let (idle, counted) = (self.timeouts.tunnel_idle, tunnels.one());
            Tunnel { client, origin, idle, counted }.open();
            hop_by_hop::remove(answer.headers_mut());
            keep_upgrade(answer.headers_mut(), protocol);
        } else {
            clean(answer.headers_mut());
        }
        Ok(answer.map(|body| {
            let fetching = watched.map(|watched| watched.fetch(body.size_hint().exact()));
            OriginBody::new(body, self.timeouts.idle, fetching, self.metrics.origin_bodies.one())
        }))
    }

    /// Makes the request of a client one of this proxy.
    fn prepare(&self, parts: &mut Parts, protocol: Option<HeaderValue>) {
        let trailers = hop_by_hop::takes_trailers(&parts.headers);
        hop_by_hop::remove(&mut parts.headers);
        if trailers {
            hop_by_hop::take_trailers(&mut parts.headers);
        }
        keep_upgrade(&mut parts.headers, protocol);
        self.via.add(&mut parts.headers, parts.version);
        if let Some(asked) = parts.extensions.remove::<Asked>() {
            forwarded::add(&mut parts.headers, &asked);
        }
        let kept = if self.preserve_host { parts.uri.authority() } else { None };
        let kept = kept.and_then(|name| HeaderValue::from_str(name.as_str()).ok());
        parts.headers.insert(HOST, kept.unwrap_or_else(|| self.host.clone()));

        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        uri.scheme = Some(self.url.scheme.clone());
        uri.authority = Some(self.url.authority.clone());
        uri.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
        parts.uri = Uri::from_parts(uri).expect("a scheme, an authority and a path make a URI");
        // What is said to the origin; HTTP/2 where it was agreed on.
        parts.version = Version::HTTP_11;
    }

    async fn send(
        &self,
        request: Request<Incoming>,
        upgrade: bool,
    ) -> Result<Response<Incoming>, OriginError> {
        let (mut request, pace) = Upload::of(request, self.timeouts.idle);
        // Whoever sends nothing has nothing to wait for.
        if !request.body().is_end_stream() {
            expect::gate(&mut request);
        }
        let client = if upgrade { self.clients.plain() } else { self.clients.any() };
        let answer = client.request(request);
        first_byte(answer, &pace, self.timeouts.first_byte).await
    }

    async fn send_bare(&self, request: Request<()>) -> Result<Response<Incoming>, OriginError> {
        let (request, pace) = (request.map(|()| Upload::none()), Pace::default());
        first_byte(self.clients.any().request(request), &pace, self.timeouts.first_byte).await
    }
}

/// Waits for the head of an answer, so long from when the last part of the request was sent.
async fn first_byte(
    answer: hyper_util::client::legacy::ResponseFuture,
    pace: &Pace,
    limit: Duration,
) -> Result<Response<Incoming>, OriginError> {
    let mut answer = pin!(answer);
    loop {
        let until = pace.last() + limit;
        match timeout_at(until, &mut answer).await {
            Ok(answer) => return answer.map_err(|error| OriginError::of(error, pace)),
            Err(_) if pace.last() + limit > Instant::now() => {}
            Err(_) => return Err(OriginError::Slow),
        }
    }
}

/// Whether a request may be sent twice: it is safe, and there is nothing in it that is gone when it was
/// sent once (RFC 9110, section 9.2.2).
fn is_repeatable(method: &Method, body: &Incoming) -> bool {
    method.is_safe() && body.is_end_stream()
}

/// A request without its body and its extensions.
fn bare(parts: &Parts) -> Request<()> {
    let mut request = Request::new(());
    request.method_mut().clone_from(&parts.method);
    request.uri_mut().clone_from(&parts.uri);
    request.headers_mut().clone_from(&parts.headers);
    request
}

fn keep_upgrade(headers: &mut HeaderMap, protocol: Option<HeaderValue>) {
    if let Some(protocol) = protocol {
        headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// Takes from an answer what is not for the client. A length beside a transfer coding is none (RFC 9112,
/// section 6.3).
fn clean(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    hop_by_hop::remove(headers);
}
