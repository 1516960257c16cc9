use std::{
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;

use crate::stream::StreamError;

/// What is known of a body when it has ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finish {
    pub(crate) length: u64,
    pub(crate) trailers: Option<Bytes>,
}

/// A way of getting at the bytes of a recording, in order. After an end or an error it is not asked
/// again.
pub(crate) trait Body: fmt::Debug + Send {
    /// The next bytes, at least one. `None`: the body is whole.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>>;

    /// Length and trailers of the whole body, as soon as they are known.
    fn finish(&self) -> Option<&Finish>;

    /// Whether all that is to come has been read and verified.
    fn is_at_hand(&self) -> bool {
        false
    }

    /// Whether it follows a recording that had not ended when last looked at.
    fn is_live(&self) -> bool {
        false
    }
}

/// No body.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Option<StreamError>);

impl Body for Failed {
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        Poll::Ready(self.0.take().map(Err))
    }

    fn finish(&self) -> Option<&Finish> {
        None
    }
}

/// A body that is here already.
#[derive(Debug)]
pub(crate) struct Inline {
    bytes: Bytes,
    finish: Finish,
}

impl Inline {
    /// A part of a body whose whole is known.
    pub(crate) const fn new(bytes: Bytes, finish: Finish) -> Self {
        Self { bytes, finish }
    }
}

impl Body for Inline {
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
    }

    fn finish(&self) -> Option<&Finish> {
        Some(&self.finish)
    }

    fn is_at_hand(&self) -> bool {
        true
    }
}
