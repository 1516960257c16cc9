use std::{fmt, sync::Arc};

use bytes::Bytes;
use cache_api::Clock;
use tokio::task::JoinHandle;

use crate::{
    Larder,
    stream::{
        Reader, StreamError, Unstored,
        live::{Ending, Live},
        storer::Storer,
    },
};

/// What came of a recording that was brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// Whether it stands in the store, for everyone.
    pub stored: bool,
    /// How long the body is, in bytes.
    pub length: u64,
    /// In how many chunks it was written. None if it stands in its manifest.
    pub chunks: u32,
    /// Why it is not stored.
    pub reason: Option<Unstored>,
}

/// Records a stream, piece by piece.
///
/// Nothing of it is seen by [`open`](crate::stream::Streams::open) before
/// [`commit`](Self::commit). Dropping it, or a panic in the task that holds it, aborts the recording.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// let reports = larder.namespace("reports")?.streams::<String>();
/// let mut recorder = reports.record("2024", "text/csv".to_string()).await?;
/// recorder.write("a,b\n".into()).await?;
/// recorder.write("1,2\n".into()).await?;
/// assert!(reports.open("2024").await?.is_none());
/// assert!(recorder.commit().await?.stored);
///
/// let report = reports.open("2024").await?.expect("it was just committed");
/// assert_eq!((report.head().as_str(), report.total()), ("text/csv", Some(8)));
/// assert_eq!(report.collect().await?, "a,b\n1,2\n");
/// # Ok(())
/// # }
/// ```
pub struct Recorder<H> {
    larder: Larder,
    live: Arc<Live>,
    head: Arc<H>,
    storer: Option<JoinHandle<Result<Committed, StreamError>>>,
    /// How long the body will be, if that was said.
    declared: Option<u64>,
}

impl<H> Recorder<H> {
    pub(crate) fn new(
        larder: Larder,
        live: Arc<Live>,
        head: Arc<H>,
        storer: Option<Storer>,
        declared: Option<u64>,
    ) -> Self {
        let storer = storer.map(|storer| tokio::spawn(storer.run()));
        Self { larder, live, head, storer, declared }
    }

    /// A reader of this recording from its first byte on, which gets each piece as soon as it is
    /// written.
    ///
    /// If the recording is not stored and its beginning is not retained any more, the reader's first
    /// item is [`StreamError::Lagged`].
    #[must_use]
    pub fn reader(&self) -> Reader<H> {
        Reader::new(self.larder.clone(), Arc::clone(&self.head), Live::reader(&self.live))
    }

    /// The reader for whom the source was asked: it sets the pace.
    pub(crate) fn client(&self) -> Reader<H> {
        Reader::new(self.larder.clone(), Arc::clone(&self.head), Live::client(&self.live))
    }

    pub(crate) fn fail(&self, error: StreamError) -> StreamError {
        self.live.end(Ending::Failed(error.clone()));
        error
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.larder.clock())
    }

    /// How long the body will be, if that was said.
    pub(crate) const fn declared(&self) -> Option<u64> {
        self.declared
    }
}

impl<H: Send + Sync> Recorder<H> {
    /// Adds bytes to the body. Any number of them; none change nothing.
    ///
    /// Readers in this process have them at once, before they are stored. Waits while more than the
    /// window is not stored yet. A store that does not keep up is given up after a while: the recording
    /// goes on for its readers, and `commit` says that it is not stored.
    ///
    /// # Errors
    ///
    /// [`StreamError::Length`] if it grows longer than declared, which ends it.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves it open how much of these bytes was added. Abort the recording then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        if let Some(declared) = self.declared {
            let actual = self.live.produced() + bytes.len() as u64;
            if actual > declared {
                return Err(self.fail(StreamError::Length { declared, actual }));
            }
        }
        self.live.push(bytes).await
    }

    /// Ends the body, and makes the recording visible in one step. Returns when that is done.
    ///
    /// Costs one round trip when the body is up to 16 KiB, else two at the same time.
    ///
    /// # Errors
    ///
    /// [`StreamError::Length`] if the body is shorter than declared. A store's error if it is not known
    /// whether the recording is committed; if it is known that it is not, that is no error but
    /// [`Committed::stored`].
    ///
    /// # Cancellation
    ///
    /// The body has ended and the commit goes on in the background.
    pub async fn commit(self) -> Result<Committed, StreamError> {
        self.finish(None).await
    }

    /// The same, with bytes that are kept behind the body.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_with_trailers(self, trailers: Bytes) -> Result<Committed, StreamError> {
        self.finish(Some(trailers)).await
    }

    async fn finish(mut self, trailers: Option<Bytes>) -> Result<Committed, StreamError> {
        let actual = self.live.produced();
        if let Some(declared) = self.declared.filter(|declared| *declared != actual) {
            return Err(self.fail(StreamError::Length { declared, actual }));
        }
        self.live.end(Ending::Complete { trailers });
        let not_stored = |reason| {
            Ok(Committed { stored: false, length: actual, chunks: 0, reason: Some(reason) })
        };
        match self.storer.take() {
            None => not_stored(Unstored::NotAsked),
            Some(storer) => storer.await.unwrap_or_else(|_| not_stored(Unstored::StoreFailed)),
        }
    }

    /// Gives the recording up. Whoever follows gets [`StreamError::Aborted`] with this reason.
    ///
    /// Returns when the key is free again, or the store did not answer.
    pub async fn abort(mut self, reason: impl Into<String> + Send) {
        self.fail(StreamError::aborted(reason));
        if let Some(storer) = self.storer.take() {
            let _ = storer.await;
        }
    }
}

/// A recording that was not brought to its end is none. An ending that was reached stays.
impl<H> Drop for Recorder<H> {
    fn drop(&mut self) {
        let reason = match std::thread::panicking() {
            true => "the source panicked",
            false => "the recorder was dropped before its commit",
        };
        self.live.end(Ending::Failed(StreamError::aborted(reason)));
    }
}

impl<H> fmt::Debug for Recorder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("written", &self.live.produced())
            .field("readers", &self.live.readers())
            .field("unstored", &self.live.unstored())
            .finish_non_exhaustive()
    }
}
