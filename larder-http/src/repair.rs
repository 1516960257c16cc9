//! A stored body that turns out not to be all there, after its first byte was given out: the origin is
//! asked for the rest of it (RFC 9110, sections 13.1.5 and 14), if it can be told that it must be the rest of
//! this very one.

use std::{
    future::poll_fn,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame};
use larder::stream::{Edition, StreamError};
use tower_service::Service;

use crate::{
    BoxError,
    exchange::{Answer, Exchange},
    head::Opened,
    key::Place,
    look_up::Stored,
    rules::{
        hop_by_hop,
        rest::{self, Wanted},
        validators,
    },
    shared::Shared,
    status::Outcome,
};

/// What gives the rest of a body of which so many bytes were given out before it failed like this. `None`:
/// nobody can.
pub(crate) type Repair = Box<dyn FnOnce(u64, &StreamError) -> Option<Rest> + Send>;

/// The rest of a body.
pub(crate) type Rest = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

impl<S, ReqBody, ResBody> Exchange<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    /// Answers with what is stored, to its end.
    pub(crate) async fn replay(
        self,
        stored: Stored,
        opened: Opened,
        outcome: Outcome,
    ) -> Answer<ResBody> {
        let Self { shared, asked, inner, mut request, .. } = self;
        let committed = stored.reader.edition().zip(stored.reader.total());
        let Some((edition, total)) = committed.filter(|_| !stored.reader.is_at_hand()) else {
            return shared.answer(asked, request.headers(), stored, opened, outcome).await;
        };
        let (place, tag) = (stored.place.clone(), validators::strong_tag(&opened.headers).cloned());
        // What is ready may hold others up, and is hardly ever needed again.
        let mut service = inner.clone();
        drop(inner);
        let mut answer = shared.answer(asked, request.headers(), stored, opened, outcome).await;
        answer.body_mut().repaired_by(move |bytes| {
            Box::new(move |given, error| {
                let missing = bytes.start + given..bytes.end;
                give_way(shared, place, edition, error);
                let wanted = Wanted { missing, total, tag: tag? };
                if wanted.missing.is_empty() {
                    return None;
                }
                rest::ask(request.headers_mut(), &wanted);
                let response = async move {
                    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
                    ready.map_err(|_| NotRepaired::Failed)?;
                    let response = service.call(request).await.map_err(|_| NotRepaired::Failed)?;
                    let (parts, body) = response.into_parts();
                    let skip = rest::begins_at(&parts, &wanted).ok_or(NotRepaired::Changed)?;
                    Ok(Source { body: Box::pin(body), skip, wanted: wanted.missing })
                };
                Some(Box::pin(Repaired::Asking(Box::pin(response))))
            })
        });
        answer
    }
}

/// Nobody else is to find a recording that is known not to be all there.
fn give_way(shared: Arc<Shared>, place: Place, edition: Edition, error: &StreamError) {
    if !matches!(error, StreamError::Store(_)) {
        tokio::spawn(async move { shared.remove(&place, Some(edition)).await });
    }
}

#[derive(Debug, thiserror::Error)]
enum NotRepaired {
    #[error("a part of a stored body is gone, and the origin failed when it was asked for it")]
    Failed,
    #[error("a part of a stored body is gone, and the origin has another one by now")]
    Changed,
    #[error("a part of a stored body is gone, and the origin's is not as long")]
    Length,
}

/// A body whose rest is asked for, and then passed on.
enum Repaired<B> {
    Asking(Pin<Box<dyn Future<Output = Result<Source<B>, NotRepaired>> + Send>>),
    Passing(Source<B>),
    Ended,
}

/// The origin's answer.
struct Source<B> {
    body: Pin<Box<B>>,
    /// So many bytes come before those that are missing.
    skip: u64,
    wanted: Range<u64>,
}

impl<B> Body for Repaired<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = loop {
            match &mut *self {
                Self::Asking(response) => match ready!(response.as_mut().poll(cx)) {
                    Ok(source) => *self = Self::Passing(source),
                    Err(error) => break Some(Err(error.into())),
                },
                Self::Passing(source) => break ready!(source.poll_frame(cx)),
                Self::Ended => return Poll::Ready(None),
            }
        };
        if !matches!(frame, Some(Ok(_))) {
            *self = Self::Ended;
        }
        Poll::Ready(frame)
    }
}

impl<B> Source<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let frame = match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None if self.wanted.is_empty() => return Poll::Ready(None),
                None => return Poll::Ready(Some(Err(NotRepaired::Length.into()))),
            };
            let mut data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => {
                        let kept = hop_by_hop::stored_trailers(&trailers);
                        return Poll::Ready(Some(Ok(Frame::trailers(kept))));
                    }
                    Err(_) => continue,
                },
            };
            let skipped = self.skip.min(data.len() as u64);
            self.skip -= skipped;
            data.advance(skipped as usize);
            let left = self.wanted.end - self.wanted.start;
            // Of an answer in full there may be more than was asked for.
            data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            self.wanted.start += data.len() as u64;
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
    }
}
