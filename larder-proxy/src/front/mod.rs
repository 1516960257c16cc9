//! What happens to a request between the client's connection and the cache.

mod body;
mod cached;
mod finish;
mod guard;
mod plain;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use http::{
    Request, Response, Uri, Version,
    uri::{PathAndQuery, Scheme},
};
use hyper::body::Incoming;
use larder_http::{CacheLayer, CacheService};
use tower_layer::Layer;
use tower_service::Service;

use self::finish::Finish;
pub(crate) use self::{body::ClientBody, cached::Cached};
use crate::{
    Config, ForwardedFrom,
    headers::{
        forwarded::{self, Asked},
        via::Via,
    },
    live::Live,
    log::{Entry, Log},
    metrics::Metrics,
    origin::Origin,
    watch::{Watch, Watched},
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Front {
    cache: CacheService<Origin>,
    forwarded: ForwardedFrom,
    via: Via,
    cache_status: bool,
    log_query: bool,
    log: Log,
    metrics: Arc<Metrics>,
    watch: Option<Arc<Watch>>,
}

/// The connection that a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) scheme: Scheme,
    /// Its requests that are under way.
    pub(crate) requests: Live,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr, scheme: Scheme) -> Self {
        Self { address, scheme, requests: Live::default() }
    }
}

impl Front {
    pub(crate) fn new(
        config: &Config,
        layer: &CacheLayer,
        origin: Origin,
        via: Via,
        log: Log,
        metrics: Arc<Metrics>,
        watch: Option<Arc<Watch>>,
    ) -> Self {
        Self {
            cache: layer.layer(origin),
            forwarded: config.forwarded,
            via,
            cache_status: config.cache_status,
            log_query: config.log_query,
            log,
            metrics,
            watch,
        }
    }

    /// Answers one request: always with a response, whatever it is.
    pub(crate) async fn answer(
        self: Arc<Self>,
        peer: Peer,
        request: Request<Incoming>,
    ) -> Result<Response<ClientBody>, Infallible> {
        let under_way = [self.metrics.in_flight.one(), peer.requests.one()];
        let began = Instant::now();
        let version = request.version();
        let authority = guard::authority(&request);
        let entry = self.log.is_on().then(|| {
            let (method, uri) = (request.method(), request.uri());
            let mut entry = Entry::new(peer.address.ip(), method, uri, version, self.log_query);
            if let Ok(Some(authority)) = &authority {
                entry.host = Some(authority.to_string());
            }
            entry
        });
        let mut finish = Finish::new(Arc::clone(&self), began, entry, under_way);
        let checked = guard::check(&request).and(authority);
        let authority = match checked {
            Ok(_) if self.via.loops(request.headers()) => {
                return Ok(finish.refuse(&guard::Refusal::LOOP));
            }
            Ok(authority) => authority,
            Err(refusal) => return Ok(finish.refuse(&refusal)),
        };
        let watch = self.watch.as_ref();
        let watched = watch.map(|watch| watch.asked(authority.as_ref(), request.uri()));
        finish.watch(watched.clone());
        let asked = Asked { by: peer.address.ip(), scheme: peer.scheme, authority };
        let request = self.prepare(request, asked, watched);
        let has_body = request.method() != http::Method::HEAD;
        let mut answer = match self.cache.clone().call(request).await {
            Ok(answer) => answer,
            Err(error) => return Ok(finish.failed(&error)),
        };
        let cached = cached::take(answer.headers_mut(), !self.cache_status);
        // How it came here. How it goes on is the connection's business.
        let received = std::mem::replace(answer.version_mut(), Version::HTTP_11);
        self.via.add(answer.headers_mut(), received);
        Ok(finish.pass(cached, has_body, answer))
    }

    /// A request as the cache is to see it: with its whole address, and without claims of a client.
    fn prepare(
        &self,
        request: Request<Incoming>,
        asked: Asked,
        watched: Option<Watched>,
    ) -> Request<Incoming> {
        let (mut parts, body) = request.into_parts();
        forwarded::distrust(&mut parts.headers, self.forwarded);
        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        if let Some(authority) = asked.authority.clone() {
            uri.scheme = Some(asked.scheme.clone());
            uri.authority = Some(authority);
            uri.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
        }
        parts.uri = Uri::from_parts(uri).unwrap_or_default();
        parts.extensions.insert(asked);
        if let Some(watched) = watched {
            parts.extensions.insert(watched);
        }
        Request::from_parts(parts, body)
    }
}
