use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;

use crate::stream::{
    Reader, Recorder, StreamError,
    policy::{self, Fill},
};

/// Any error of a source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a source gives.
#[derive(Clone)]
pub enum Part {
    /// The next bytes of the body. None of them change nothing.
    Data(Bytes),
    /// What is kept behind the body. Nothing follows it; of several the last counts.
    Trailers(Bytes),
}

impl From<Bytes> for Part {
    fn from(bytes: Bytes) -> Self {
        Self::Data(bytes)
    }
}

impl From<Vec<u8>> for Part {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Data(bytes.into())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Data(text.into())
    }
}

impl From<&'static str> for Part {
    fn from(text: &'static str) -> Self {
        Self::Data(Bytes::from_static(text.as_bytes()))
    }
}

/// Lengths alone: a body is nobody's business.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            Self::Trailers(bytes) => write!(f, "Trailers({} bytes)", bytes.len()),
        }
    }
}

impl<H: Send + Sync + 'static> Recorder<H> {
    /// Records all of a source in a task of its own, and commits it at its end. Returns at once, with a
    /// reader of it: the first byte of the source is the first byte of the reader.
    ///
    /// This reader sets the pace of the source, as if there were no cache, and never depends on the
    /// store. If it takes nothing for two seconds the source goes on without it; it then reads what it
    /// missed from the store.
    ///
    /// The task lives on when the reader is dropped, if someone else follows or if it is likely to be
    /// done soon (it is young, or the source said its length and little is left or a good part is done)
    /// and within `max_fill_time`. An error of the source, or a panic in it, aborts the recording: every
    /// reader gets an error, and nothing is stored.
    pub fn fill<S, P, E>(self, source: S) -> Reader<H>
    where
        S: Stream<Item = Result<P, E>> + Send + 'static,
        P: Into<Part> + 'static,
        E: Into<BoxError> + 'static,
    {
        let reader = self.client();
        tokio::spawn(self.run(source));
        reader
    }

    async fn run<S, P, E>(mut self, source: S)
    where
        S: Stream<Item = Result<P, E>> + Send + 'static,
        P: Into<Part> + 'static,
        E: Into<BoxError> + 'static,
    {
        let mut source = Box::pin(source);
        let mut trailers = None;
        let live = Arc::clone(self.live());
        loop {
            let part = {
                let mut next = source.next();
                loop {
                    let fill = self.seen();
                    if !policy::goes_on(&fill) {
                        return self.abort("nobody reads it any more").await;
                    }
                    let clock = self.clock();
                    tokio::select! {
                        biased;
                        part = &mut next => break part,
                        () = live.left() => {}
                        () = clock.sleep(policy::judged_again_in(&fill)), if !fill.followed => {}
                    }
                }
            };
            let part = part.map(|part| {
                let source = |error: E| StreamError::Source(Arc::from(error.into()));
                part.map(Into::into).map_err(source)
            });
            let written = match part {
                Some(Ok(Part::Data(_))) if trailers.is_some() => {
                    return self.abort("the source gave bytes behind the trailers").await;
                }
                Some(Ok(Part::Data(bytes))) => self.write(bytes).await,
                Some(Ok(Part::Trailers(bytes))) => {
                    trailers = Some(bytes);
                    Ok(())
                }
                Some(Err(error)) => Err(self.fail(error)),
                None => break,
            };
            if written.is_err() {
                // Its readers have the error; the storer cleans up.
                return;
            }
        }
        let committed = match trailers {
            None => self.commit().await,
            Some(trailers) => self.commit_with_trailers(trailers).await,
        };
        if let Err(error) = committed {
            tracing::debug!(%error, "a stream was not committed");
        }
    }

    fn seen(&self) -> Fill {
        let live = self.live();
        Fill {
            followed: live.readers() > 0,
            followed_elsewhere: live.is_followed_elsewhere(),
            stored: live.unstored().is_none(),
            produced: live.produced(),
            length: self.declared(),
            elapsed: self.clock().now() - live.begun,
            max_fill_time: live.max_fill_time,
        }
    }
}
