//! The body of an origin's answer, which may not fall silent for too long.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{BoxError, live::One, silence::Silence, watch::Fetching};

/// What the origin answers. Its end is the origin's; silence is an error.
#[derive(Debug)]
pub(crate) struct OriginBody {
    incoming: Incoming,
    silence: Silence,
    fetching: Option<Fetching>,
    _counted: One,
}

impl OriginBody {
    pub(super) const fn new(
        incoming: Incoming,
        idle: Duration,
        fetching: Option<Fetching>,
        counted: One,
    ) -> Self {
        Self { incoming, silence: Silence::of(idle), fetching, _counted: counted }
    }
}

impl Body for OriginBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.silence.broken();
                if let (Some(fetching), Some(Ok(frame))) = (&this.fetching, &frame) {
                    fetching.came(frame.data_ref().map_or(0, Bytes::len));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => this.silence.poll_too_long(cx).map(|error| Some(Err(error.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
