//! The origin's body as the stream that is recorded.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body;
use larder::stream::Part;
use pin_project_lite::pin_project;

use crate::{BoxError, header_block, rules::hop_by_hop};

pin_project! {
    /// Data and trailers of a body.
    pub(crate) struct Source<B> {
        #[pin]
        body: B,
    }
}

impl<B> Source<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B> Stream for Source<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Item = Result<Part, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.project().body;
        loop {
            let frame = match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            };
            let part = match frame.into_data() {
                Ok(data) => Part::Data(data),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => {
                        let stored = hop_by_hop::stored_trailers(&trailers);
                        Part::Trailers(header_block::encode(&stored))
                    }
                    // Frames of other kinds may come to be; they are not ours to keep.
                    Err(_) => continue,
                },
            };
            return Poll::Ready(Some(Ok(part)));
        }
    }
}
