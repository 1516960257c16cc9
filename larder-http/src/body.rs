//! The body of an answer: the origin's own, or a recording of it.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use larder::stream::Reader;
use pin_project_lite::pin_project;

use crate::{BoxError, head::Head, header_block};

pin_project! {
    /// The body of a response that went through a [`CacheService`](crate::CacheService).
    ///
    /// Either the inner service's body, passed on untouched, or the reader of a recording: a stored one,
    /// or one that is being made. A recording that cannot be read to its end is an error, never an early
    /// end.
    pub struct CacheBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B> {
        Passed { #[pin] body: B },
        Recorded { recorded: Recorded },
        Empty,
    }
}

struct Recorded {
    reader: Reader<Head>,
    /// How much is to come, where it is known.
    left: Option<u64>,
    ended: bool,
}

impl<B> CacheBody<B> {
    pub(crate) fn passed(body: B) -> Self {
        Self { kind: Kind::Passed { body } }
    }

    /// `length`: what the reader will give, where it is known.
    pub(crate) fn recorded(reader: Reader<Head>, length: Option<u64>) -> Self {
        Self { kind: Kind::Recorded { recorded: Recorded { reader, left: length, ended: false } } }
    }

    /// Reads a recording to its end. What is not recorded is dropped.
    pub(crate) async fn drain(self) {
        if let Kind::Recorded { mut recorded } = self.kind {
            while let Some(Ok(_)) = poll_fn(|cx| recorded.poll_frame(cx)).await {}
        }
    }

    /// The body of an answer to HEAD.
    pub(crate) fn empty() -> Self {
        Self { kind: Kind::Empty }
    }
}

impl<B> Body for CacheBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProjection::Passed { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Recorded { recorded } => recorded.poll_frame(cx),
            KindProjection::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Passed { body } => body.is_end_stream(),
            // Not before the reader says so: trailers or an error may come after the last byte.
            Kind::Recorded { recorded } => recorded.ended,
            Kind::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Passed { body } => body.size_hint(),
            Kind::Recorded { recorded } => {
                recorded.left.map(SizeHint::with_exact).unwrap_or_default()
            }
            // Not zero: a server would announce that as the length of what GET gives.
            Kind::Empty => SizeHint::default(),
        }
    }
}

impl Recorded {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match ready!(Pin::new(&mut self.reader).poll_next(cx)) {
            Some(Ok(data)) => {
                self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Err(error)) => {
                self.ended = true;
                Poll::Ready(Some(Err(error.into())))
            }
            None => {
                self.ended = true;
                let Some(block) = self.reader.trailers() else { return Poll::Ready(None) };
                let trailers = header_block::decode(block).ok_or(UnreadableTrailers);
                Poll::Ready(Some(trailers.map(Frame::trailers).map_err(Into::into)))
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the trailers of a stored response cannot be read")]
struct UnreadableTrailers;

impl<B> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Passed { .. } => "CacheBody(passed on)",
            Kind::Recorded { .. } => "CacheBody(recorded)",
            Kind::Empty => "CacheBody(empty)",
        })
    }
}
