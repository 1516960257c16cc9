//! The body of an answer: the origin's own, or a recording of it.

use std::{
    fmt,
    future::poll_fn,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use larder::stream::Reader;
use pin_project_lite::pin_project;

use crate::{
    BoxError,
    head::Head,
    header_block,
    repair::{Repair, Rest},
};

pin_project! {
    /// The body of a response that went through a [`CacheService`](crate::CacheService).
    ///
    /// Either the inner service's body, passed on untouched, or the reader of a recording: a stored one,
    /// or one that is being made. A recording that cannot be read to its end is an error, never an early
    /// end; but if the answer has a strong validator, the rest of what is stored comes from the origin.
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
        Repaired { rest: Rest },
        Empty,
    }
}

struct Recorded {
    reader: Reader<Head>,
    /// How much is to come, where it is known.
    left: Option<u64>,
    given: u64,
    ended: bool,
    repair: Option<Repair>,
}

impl<B> CacheBody<B> {
    pub(crate) fn passed(body: B) -> Self {
        Self { kind: Kind::Passed { body } }
    }

    /// `length`: what the reader will give, where it is known.
    pub(crate) fn recorded(reader: Reader<Head>, length: Option<u64>) -> Self {
        let recorded = Recorded { reader, left: length, given: 0, ended: false, repair: None };
        Self { kind: Kind::Recorded { recorded } }
    }

    /// What is done if a recording cannot be read to its end. It is told which bytes of the whole this body
    /// is to give.
    pub(crate) fn repaired_by(&mut self, repair: impl FnOnce(Range<u64>) -> Repair) {
        if let Kind::Recorded { recorded } = &mut self.kind
            && let Some(total) = recorded.reader.total()
        {
            recorded.repair = Some(repair(recorded.reader.range().unwrap_or(0..total)));
        }
    }

    /// Reads a recording to its end. What is not recorded is dropped.
    pub(crate) async fn drain(self) {
        if let Kind::Recorded { mut recorded } = self.kind {
            while let Next::Frame(Some(Ok(_))) = poll_fn(|cx| recorded.poll_frame(cx)).await {}
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
        let mut kind = self.project().kind;
        if let KindProjection::Recorded { recorded } = kind.as_mut().project() {
            match ready!(recorded.poll_frame(cx)) {
                Next::Frame(frame) => return Poll::Ready(frame),
                Next::Rest(rest) => kind.set(Kind::Repaired { rest }),
            }
        }
        match kind.project() {
            KindProjection::Passed { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Repaired { rest } => rest.as_mut().poll_frame(cx),
            KindProjection::Recorded { .. } | KindProjection::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Passed { body } => body.is_end_stream(),
            // Not before the reader says so: trailers or an error may come after the last byte.
            Kind::Recorded { recorded } => recorded.ended,
            Kind::Repaired { .. } => false,
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
            Kind::Repaired { .. } | Kind::Empty => SizeHint::default(),
        }
    }
}

/// What comes next of a recording.
enum Next {
    Frame(Option<Result<Frame<Bytes>, BoxError>>),
    /// What the origin gives instead.
    Rest(Rest),
}

impl Recorded {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.ended {
            return Poll::Ready(Next::Frame(None));
        }
        Poll::Ready(match ready!(Pin::new(&mut self.reader).poll_next(cx)) {
            Some(Ok(data)) => {
                let length = data.len() as u64;
                self.given += length;
                self.left = self.left.map(|left| left.saturating_sub(length));
                Next::Frame(Some(Ok(Frame::data(data))))
            }
            Some(Err(error)) => {
                self.ended = true;
                let repair = self.repair.take();
                match repair.and_then(|repair| repair(self.given, &error)) {
                    Some(rest) => Next::Rest(rest),
                    None => Next::Frame(Some(Err(error.into()))),
                }
            }
            None => {
                self.ended = true;
                let trailers = self.reader.trailers().map(|block| {
                    let trailers = header_block::decode(block).ok_or(UnreadableTrailers);
                    trailers.map(Frame::trailers).map_err(Into::into)
                });
                Next::Frame(trailers)
            }
        })
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
            Kind::Repaired { .. } => "CacheBody(repaired)",
            Kind::Empty => "CacheBody(empty)",
        })
    }
}
