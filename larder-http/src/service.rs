use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, Uri, request::Parts};
use http_body::Body;
use tower_service::Service;

use crate::{
    BoxError, CacheBody, ResponseFuture,
    exchange::{self, Exchange},
    rules::invalidation,
    shared::Shared,
};

/// A service whose answers are recorded and replayed. Made by [`CacheLayer`](crate::CacheLayer).
///
/// Its future may be dropped at any time: what is being recorded goes on while it is worth it. Errors
/// are those of the inner service; the cache has none of its own.
#[derive(Clone)]
pub struct CacheService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> CacheService<S> {
    pub(crate) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CacheService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
    ReqBody: Body + Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<CacheBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The clone may not be ready; the one that was polled is.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);

        let (parts, body) = request.into_parts();
        let has_body = !body.is_end_stream() && body.size_hint().exact() != Some(0);
        let admitted = self.shared.admit(&parts, original_uri(&parts), has_body);
        let changed = match invalidation::may_change(&parts.method) {
            true => self.shared.address(&parts, original_uri(&parts)).ok(),
            false => None,
        };
        let request = Request::from_parts(parts, body);
        match admitted {
            Ok((asked, address)) => {
                let shared = Arc::clone(&self.shared);
                let exchange = Exchange { shared, asked, address, inner, request };
                ResponseFuture::exchange(exchange.run())
            }
            Err(bypass) => {
                let status = self.shared.bypassed(bypass);
                let origin = inner.call(request);
                match changed {
                    Some(address) => {
                        let shared = Arc::clone(&self.shared);
                        ResponseFuture::exchange(exchange::change(shared, address, status, origin))
                    }
                    None => ResponseFuture::bypass(origin, status),
                }
            }
        }
    }
}

/// The address before a nested router cut its prefix off.
#[cfg(feature = "axum")]
fn original_uri(request: &Parts) -> Option<&Uri> {
    request.extensions.get::<axum::extract::OriginalUri>().map(|original| &original.0)
}

#[cfg(not(feature = "axum"))]
const fn original_uri(_: &Parts) -> Option<&Uri> {
    None
}

impl<S> fmt::Debug for CacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService").field("shared", &self.shared).finish_non_exhaustive()
    }
}
