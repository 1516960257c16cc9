use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::{CacheBody, status::CACHE_STATUS};

type Exchange<B, E> = Pin<Box<dyn Future<Output = Result<Response<CacheBody<B>>, E>> + Send>>;

pin_project! {
    /// The answer of a [`CacheService`](crate::CacheService).
    pub struct ResponseFuture<F, B, E> {
        #[pin]
        state: State<F, B, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B, E> {
        // Nothing is allocated for a request that the cache has no part in.
        Bypass { #[pin] origin: F, status: Option<HeaderValue> },
        Exchange { exchange: Exchange<B, E> },
    }
}

impl<F, B, E> ResponseFuture<F, B, E> {
    pub(crate) const fn bypass(origin: F, status: Option<HeaderValue>) -> Self {
        Self { state: State::Bypass { origin, status } }
    }

    pub(crate) fn exchange(
        exchange: impl Future<Output = Result<Response<CacheBody<B>>, E>> + Send + 'static,
    ) -> Self {
        Self { state: State::Exchange { exchange: Box::pin(exchange) } }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<CacheBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Exchange { exchange } => exchange.as_mut().poll(cx),
            StateProjection::Bypass { origin, status } => {
                let mut response = ready!(origin.poll(cx))?;
                if let Some(status) = status.take() {
                    response.headers_mut().append(CACHE_STATUS, status);
                }
                Poll::Ready(Ok(response.map(CacheBody::passed)))
            }
        }
    }
}

impl<F, B, E> fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Bypass { .. } => "ResponseFuture(bypass)",
            State::Exchange { .. } => "ResponseFuture(exchange)",
        })
    }
}
