use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Error, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    envelope::{Kind, Stamp, displacing, write_work},
    lease::{Held, Place, Taken, take, write},
    stream::{
        Reader, Recorder, StreamError, Streams,
        chunks::Chunks,
        format::{ChunkKeys, Generation, Manifest, Recording},
        head,
        launch::{Launch, lifetime},
        reader::Edition,
        storer::Footing,
    },
};

/// How often a key that someone else holds is looked at: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(100));

/// What to do about a key. See [`Streams::begin`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::stream;
/// use larder::{Bytes, stream::{Begin, Part}};
/// use std::{convert::Infallible, time::Duration};
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// # let reports = larder.namespace("reports")?.streams::<String>();
/// # let keep = true;
/// let report = match reports.begin("2024").await {
///     Begin::Ready(reader) | Begin::Following(reader) => Some(reader),
///     // The source is asked here, and its head says whether it may be kept.
///     Begin::Claimed(claim) if keep => {
///         let body = [Part::Data("a,b\n".into()), Part::Trailers("rows: 1".into())];
///         let body = stream::iter(body.map(Ok::<_, Infallible>));
///         Some(claim.start("text/csv".to_string()).ttl(Duration::from_secs(60)).await.fill(body))
///     }
///     Begin::Claimed(claim) => {
///         claim.pass(Duration::from_secs(10)).await;
///         None
///     }
///     Begin::Pass(_reason) => None,
/// };
/// assert_eq!(report.expect("it was claimed").collect().await?, "a,b\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum Begin<H> {
    /// A committed stream: read it.
    Ready(Reader<H>),
    /// One that is being recorded: read along.
    Following(Reader<H>),
    /// Nothing is there, and nobody else is about to record it: ask the source, then
    /// [`start`](Claim::start).
    Claimed(Claim<H>),
    /// Ask the source, and do not record.
    Pass(PassReason),
}

/// Why nothing is recorded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PassReason {
    /// Someone said that nobody should queue here: see [`Claim::pass`].
    Marked,
    /// Someone else asks the source, and has had no head for longer than `head_wait`.
    Busy,
    /// The store does not answer, or takes no such key.
    Store(Error),
}

pub(super) async fn begin<H>(streams: &Streams<H>, key: Result<Key, Error>) -> Begin<H>
where
    H: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let prepared = key.and_then(|key| {
        Ok((key, ChunkKeys::new(streams.space.namespace(), Generation::random())?))
    });
    match prepared {
        Ok((key, chunks)) => match look(streams, key, chunks).await {
            Ok(begin) => begin,
            Err(StreamError::Store(error)) => Begin::Pass(PassReason::Store(error)),
            // Nothing else comes from looking; whatever it were, the source is there.
            Err(_) => Begin::Pass(PassReason::Busy),
        },
        Err(error) => Begin::Pass(PassReason::Store(error)),
    }
}

async fn look<H>(streams: &Streams<H>, key: Key, chunks: ChunkKeys) -> Result<Begin<H>, StreamError>
where
    H: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let larder = streams.larder();
    let clock = larder.clock();
    let deadline = clock.now() + streams.options.head_wait;
    let mut pause = POLL.0;
    loop {
        // Before looking, so that no change falls between the two.
        let waiter = larder.inner.wake.watch(&key);
        let mut changed = std::pin::pin!(waiter.notify.notified());
        changed.as_mut().enable();

        larder.settle(&key, &[], &[]).await?;
        let standing = larder.store().get(&key).await?;
        let (mut wait, mut damaged) = (true, None);
        match found(&key, standing.as_ref()) {
            Found::Stream(manifest) => {
                if let Some(reader) = streams.open_manifest(&manifest, None).await? {
                    return Ok(Begin::Ready(reader));
                }
                wait = false;
                damaged = Some((streams.chunks(&manifest)?, manifest.table.count()));
            }
            Found::Recording(recording) => {
                if let Some(reader) = streams.follow_recording(&key, recording).await? {
                    return Ok(Begin::Following(reader));
                }
            }
            Found::Lease => {}
            Found::Pass if !streams.options.over_marks => {
                return Ok(Begin::Pass(PassReason::Marked));
            }
            Found::Pass => wait = false,
            Found::Nothing => wait = false,
        }
        if !wait {
            let place = streams.space.place(key.clone());
            let against = displacing(standing.as_ref());
            match take(place.clone(), against, streams.options.terms(), &[]).await {
                Taken::Held(held) => {
                    // Only now: what stands there still may well be readable for others.
                    if let Some((chunks, count)) = damaged {
                        chunks.retire(count, streams.options.read_grace);
                    }
                    let streams = streams.clone();
                    return Ok(Begin::Claimed(Claim(Box::new(Claimed {
                        streams,
                        place,
                        ground: Ground::Held(held),
                        chunks,
                    }))));
                }
                Taken::Failed(error) => return Err(error.into()),
                // Someone was faster. See what is there now.
                Taken::Refused => {}
            }
        }
        if clock.now() >= deadline {
            return Ok(Begin::Pass(PassReason::Busy));
        }
        if wait {
            tokio::select! {
                () = changed => {}
                () = clock.sleep(pause) => pause = (pause * 2).min(POLL.1),
            }
        }
    }
}

enum Found {
    Stream(Box<Manifest>),
    Recording(Recording),
    Lease,
    Pass,
    /// Nothing, or something that is no answer here and must not block its key.
    Nothing,
}

fn found(key: &Key, standing: Option<&Bytes>) -> Found {
    let Some(record) = standing else { return Found::Nothing };
    match Stamp::parse(record).map(|stamp| stamp.kind) {
        Some(Kind::Manifest) => {
            Manifest::parse_at(key, record).map_or(Found::Nothing, |m| Found::Stream(Box::new(m)))
        }
        Some(Kind::Recording) => {
            Recording::parse_at(key, standing).map_or(Found::Nothing, Found::Recording)
        }
        Some(Kind::Lease) => Found::Lease,
        Some(Kind::Pass) => Found::Pass,
        _ => Found::Nothing,
    }
}

/// The right to record under a key: a lease that stands there and is renewed in the background, or a
/// stream that [is to be replaced](Streams::claim_over).
///
/// Dropping it gives the key free, in the background; a stream that was to be replaced stays.
pub struct Claim<H>(Box<Claimed<H>>);

struct Claimed<H> {
    streams: Streams<H>,
    place: Place,
    ground: Ground,
    chunks: ChunkKeys,
}

/// What the recording will replace.
enum Ground {
    Held(Held),
    /// A committed stream, and its chunks.
    Stream {
        stamp: Stamp,
        chunks: Chunks,
        count: u32,
    },
}

impl<H> Claim<H> {
    /// One that stands on a committed stream, which is left as it is until there is something better.
    pub(super) fn over(streams: Streams<H>, place: Place, old: Edition) -> Result<Self, Error> {
        let namespace = streams.space.namespace();
        let chunks = streams.chunks_of(ChunkKeys::new(namespace, old.generation)?);
        let stamp = Manifest::stamp(old.generation);
        let ground = Ground::Stream { stamp, chunks, count: old.chunks };
        let chunks = ChunkKeys::new(namespace, Generation::random())?;
        Ok(Self(Box::new(Claimed { streams, place, ground, chunks })))
    }
}

impl<H: Serialize + DeserializeOwned + Send + Sync + 'static> Claim<H> {
    /// Begins to record, now that the head is known.
    ///
    /// Never an error, and no waiting for the store: where it is in trouble, or the lease was lost, the
    /// stream is handed on to its readers and not stored.
    pub fn start(self, head: H) -> StartBuilder<H> {
        let ttl = self.0.streams.options.ttl;
        StartBuilder { claim: self, head, ttl, length: None }
    }

    /// Gives the key free. Returns when that is done, or the store did not answer.
    pub async fn release(self) {
        let Claimed { streams, place, ground, .. } = *self.0;
        match ground {
            Ground::Held(held) => held.release().await,
            Ground::Stream { .. } => return,
        }
        streams.larder().inner.wake.changed(&place.key);
    }

    /// Gives the key free, and lets everyone pass for a while: what the source has is not to be kept, or
    /// it failed, and nobody should queue for it. A stream that was to be replaced is removed.
    pub async fn pass(self, how_long: Duration) {
        let Claimed { streams, place, ground, .. } = *self.0;
        let patience = streams.options.terms().patience;
        match ground {
            Ground::Held(held) => held.pass(&place, how_long, patience).await,
            Ground::Stream { stamp, chunks, count } => {
                let record = write_work(Stamp::new(Kind::Pass), &[]);
                let ttl = Ttl::After(how_long);
                write(&place, &record, ttl, stamp.condition(), patience).await;
                chunks.retire(count, streams.options.read_grace);
            }
        }
        streams.larder().inner.wake.changed(&place.key);
    }
}

impl<H> fmt::Debug for Claim<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("key", &self.0.place.key).finish_non_exhaustive()
    }
}

/// How a claimed stream is recorded. Awaiting it begins.
#[must_use = "it does nothing until it is awaited"]
pub struct StartBuilder<H> {
    claim: Claim<H>,
    head: H,
    ttl: Ttl,
    length: Option<u64>,
}

impl<H> StartBuilder<H> {
    /// How long the stream lives once it is committed.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = ttl.into();
        self
    }

    /// A longer body, in bytes, is not stored.
    pub const fn max_length(mut self, bytes: u64) -> Self {
        self.claim.0.streams.options.max_length = bytes;
        self
    }

    /// How long the body will be, in bytes. Any other length aborts the recording.
    pub const fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }
}

impl<H> fmt::Debug for StartBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartBuilder").field("claim", &self.claim).finish_non_exhaustive()
    }
}

impl<H: Serialize + DeserializeOwned + Send + Sync + 'static> IntoFuture for StartBuilder<H> {
    type Output = Recorder<H>;
    type IntoFuture = Pin<Box<dyn Future<Output = Recorder<H>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { claim, head, ttl, length } = self;
        let Claimed { streams, place, ground, chunks } = *claim.0;
        Box::pin(async move {
            let encoded = lifetime(ttl)
                .map_err(StreamError::from)
                .and_then(|ttl| Ok((ttl, head::encode(&head)?)));
            let head = Arc::new(head);
            let launch = Launch { streams: &streams, head, length };
            match encoded {
                Ok((ttl, bytes)) => {
                    let against = match ground {
                        Ground::Held(held) => held.hand_over(),
                        Ground::Stream { stamp, chunks, count } => {
                            chunks.retire(count, streams.options.read_grace);
                            stamp
                        }
                    };
                    let footing = Footing::Seen(against.condition());
                    launch.stored(place, chunks, footing, ttl, bytes)
                }
                Err(error) => {
                    tracing::warn!(key = place.shown(), %error, "a stream cannot be recorded like this");
                    drop(ground);
                    launch.transient()
                }
            }
        })
    }
}
