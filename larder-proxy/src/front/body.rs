//! The body of an answer on its way to a client.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use larder_http::CacheBody;
use pin_project_lite::pin_project;

use super::finish::Finish;
use crate::{BoxError, origin::OriginBody};

pin_project! {
    /// A body that knows, when it is dropped, how it ended.
    pub(crate) struct ClientBody {
        #[pin]
        kind: Kind,
        finish: Finish,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind {
        Passed { #[pin] body: CacheBody<OriginBody> },
        Plain { #[pin] body: Full<Bytes> },
    }
}

impl ClientBody {
    pub(super) fn passed(body: CacheBody<OriginBody>, finish: Finish) -> Self {
        Self { kind: Kind::Passed { body }, finish }
    }

    pub(super) fn plain(body: Full<Bytes>, finish: Finish) -> Self {
        Self { kind: Kind::Plain { body }, finish }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let frame = match this.kind.project() {
            KindProjection::Passed { body } => ready!(body.poll_frame(cx)),
            KindProjection::Plain { body } => {
                ready!(body.poll_frame(cx)).map(|frame| frame.map_err(Into::into))
            }
        };
        match &frame {
            Some(Ok(frame)) => this.finish.sent(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => {}
            None => this.finish.ended(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Passed { body } => body.is_end_stream(),
            Kind::Plain { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Passed { body } => body.size_hint(),
            Kind::Plain { body } => body.size_hint(),
        }
    }
}
