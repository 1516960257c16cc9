use std::{fmt, marker::PhantomData, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Error, Key, Remaining, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Larder, Space, ToKey,
    envelope::{Kind, Stamp},
    stream::{
        Begin, GetOrRecord, Reader, RecordBuilder, StreamError,
        begin::begin,
        body::{Body, Finish, Inline},
        chunks::Chunks,
        elsewhere::Elsewhere,
        format::{ChunkKeys, Manifest, Recording},
        head,
        options::{FILL_TIMES, HEAD_WAITS, HEARTBEATS, LINGERS, Options, READ_GRACES},
        shared::count,
        stored::Stored,
    },
};

impl Space {
    /// Streams in this space, each with a head of this type.
    ///
    /// ```
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// let reports = larder.namespace("reports")?.streams::<Vec<(String, String)>>();
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn streams<H>(&self) -> Streams<H>
    where
        H: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        Streams { space: self.clone(), options: Options::default(), head: PhantomData }
    }
}

/// The recorded streams of a space: bodies of any length with a head of type `H`. Cheap to clone.
///
/// The methods that take and return `self` set how *this handle* records; the others do something.
///
/// ```
/// use std::time::Duration;
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// let reports = larder
///     .namespace("reports")?
///     .streams::<String>()
///     .default_ttl(Duration::from_secs(600))
///     .max_length(1 << 30);
/// # Ok::<(), larder::Error>(())
/// ```
#[must_use = "it does nothing until it is asked"]
pub struct Streams<H> {
    pub(crate) space: Space,
    pub(crate) options: Options,
    head: PhantomData<fn() -> H>,
}

/// How streams are recorded.
impl<H> Streams<H> {
    /// How long a committed stream lives. Default: one hour. Never is refused when something is to be
    /// recorded: a stream has many parts, and what is left of it in a crash must die some day.
    pub fn default_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.options.ttl = ttl.into();
        self
    }

    /// After two heartbeats without a sign of life a writer counts as dead. Default: 1.5 s;
    /// at least 50 ms, at most a minute.
    pub const fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.options.heartbeat = HEARTBEATS.clamp(heartbeat);
        self
    }

    /// A recording that takes longer is not stored, though it goes on for those who follow it.
    /// Default: 10 minutes; at most a day.
    pub const fn max_fill_time(mut self, time: Duration) -> Self {
        self.options.max_fill_time = FILL_TIMES.clamp(time);
        self
    }

    /// How long a reader may take for a stream that was opened before it was replaced, deleted or
    /// expired. Default: 10 minutes; at least a second, at most a day.
    pub const fn read_grace(mut self, grace: Duration) -> Self {
        self.options.read_grace = READ_GRACES.clamp(grace);
        self
    }

    /// A longer body, in bytes, is not stored. Default: 64 MiB.
    pub const fn max_length(mut self, bytes: u64) -> Self {
        self.options.max_length = bytes;
        self
    }

    /// How long bytes wait for more before they are stored, so that others see them. Default: 20 ms;
    /// at most 10 s.
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.options.linger = LINGERS.clamp(linger);
        self
    }

    /// How many bytes of a recording may be in memory and not stored yet. Default: 1 MiB.
    pub const fn window(mut self, bytes: usize) -> Self {
        self.options.window = bytes;
        self
    }

    /// How long to wait for someone else's head before going on without recording. Default: 1 s;
    /// at most an hour.
    pub const fn head_wait(mut self, wait: Duration) -> Self {
        self.options.head_wait = HEAD_WAITS.clamp(wait);
        self
    }

    /// Whether to [`begin`](Self::begin) where someone said that nobody should queue: for whoever has an
    /// answer already, and can keep it. Default: no, that is
    /// [`PassReason::Marked`](crate::stream::PassReason::Marked).
    pub const fn over_marks(mut self, yes: bool) -> Self {
        self.options.over_marks = yes;
        self
    }

    /// The space they lie in.
    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }
}

impl<H: Serialize + DeserializeOwned + Send + Sync + 'static> Streams<H> {
    /// A committed stream. `None`: there is none, or what is there cannot be used (counted in
    /// [`StreamStats::damaged`](crate::stream::StreamStats), and removed).
    ///
    /// The beginning is verified before it returns: all of a body of up to 1 MiB, else its first four
    /// chunks. One round trip for a body of up to 16 KiB, else two; one more for every 256 chunks of
    /// a body that was written in tiny pieces.
    ///
    /// # Errors
    ///
    /// A store that does not answer, or a key that none takes.
    pub async fn open(&self, key: impl ToKey) -> Result<Option<Reader<H>>, StreamError> {
        let key = self.space.key(key)?;
        self.open_key(&key, None).await
    }

    /// A part of a committed stream, read without reading the rest. The range is cut to the length of
    /// the body: see [`Reader::range`] and [`Reader::total`].
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// # let reports = larder.namespace("reports")?.streams::<()>();
    /// let mut recorder = reports.record("alphabet", ()).await?;
    /// recorder.write("abcdef".into()).await?;
    /// recorder.commit().await?;
    /// let part = reports.open_range("alphabet", 2..4).await?.expect("it was just committed");
    /// assert_eq!(part.total(), Some(6));
    /// assert_eq!(part.collect().await?, "cd");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open_range(
        &self,
        key: impl ToKey,
        range: Range<u64>,
    ) -> Result<Option<Reader<H>>, StreamError> {
        let key = self.space.key(key)?;
        self.open_key(&key, Some(range)).await
    }

    /// A committed stream, or the one that is being recorded now, by anyone on any server. Of the
    /// latter the reader gets what there is, and then what comes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// # let reports = larder.namespace("reports")?.streams::<()>();
    /// let mut recorder = reports.record("long", ()).await?;
    /// recorder.write("as far as it goes, ".into()).await?;
    /// let follower = reports.follow("long").await?.expect("it is being recorded");
    /// assert!(follower.is_live());
    /// recorder.write("and the rest".into()).await?;
    /// recorder.commit().await?;
    /// assert_eq!(follower.collect().await?, "as far as it goes, and the rest");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn follow(&self, key: impl ToKey) -> Result<Option<Reader<H>>, StreamError> {
        let key = self.space.key(key)?;
        self.larder().settle(&key, &[], &[]).await?;
        let standing = self.larder().store().get(&key).await?;
        match Recording::parse_at(&key, standing.as_ref()) {
            Some(recording) => self.follow_recording(&key, recording).await,
            None => self.open_standing(&key, standing, None).await,
        }
    }

    /// Records a stream under a key. What stands there is read until the commit replaces it; with
    /// nothing there, others can [`follow`](Self::follow) from now on.
    ///
    /// The commit is refused if the key is deleted meanwhile, or if another recording is begun or
    /// committed there.
    ///
    /// # Errors
    ///
    /// When awaited: the store's; a lifetime of never or of nothing; a head that cannot be encoded or is
    /// longer than 256 KiB.
    pub fn record(&self, key: impl ToKey, head: H) -> RecordBuilder<H> {
        RecordBuilder::new(self.clone(), self.space.key(key), head)
    }

    /// The stream under this key; or the one that is being recorded there now; or a new one from this
    /// source, recorded while it is read.
    ///
    /// Of all callers on all servers one calls its source, the others follow. The source runs in a task
    /// of its own: a caller that gives up stops nothing. If the cache is in trouble, or someone else
    /// holds the key without a head for longer than `head_wait`, the source is called and its stream is
    /// not stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::stream;
    /// use larder::Bytes;
    /// use std::{convert::Infallible, time::Duration};
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// # let reports = larder.namespace("reports")?.streams::<String>();
    /// let report = reports
    ///     .get_or_record("2024", || async {
    ///         let rows = ["a,b\n", "1,2\n"].map(|row| Ok::<_, Infallible>(Bytes::from(row)));
    ///         Ok::<_, Infallible>(("text/csv".to_string(), stream::iter(rows)))
    ///     })
    ///     .ttl(Duration::from_secs(600))
    ///     .await?;
    /// assert_eq!(report.collect().await?, "a,b\n1,2\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_or_record<F>(&self, key: impl ToKey, source: F) -> GetOrRecord<H, F> {
        GetOrRecord::new(self.clone(), self.space.key(key), source)
    }

    /// What to do about a key: read, follow, be the one who records, or go on without the cache.
    ///
    /// Never an error, and never long: a store in trouble, and a key that none takes, is
    /// [`Begin::Pass`]. One round trip when there is something to read or follow in this process, two
    /// when it is to be recorded.
    ///
    /// # Cancellation
    ///
    /// A lease that was placed for a future that is dropped is removed.
    pub async fn begin(&self, key: impl ToKey) -> Begin<H> {
        begin(self, self.space.key(key)).await
    }

    /// Removes a stream, and keeps one that is being recorded from being committed. `true` if a
    /// committed one stood there. Who reads it reads on.
    ///
    /// # Errors
    ///
    /// The store's. The stream may be gone then or not.
    pub async fn delete(&self, key: impl ToKey) -> Result<bool, StreamError> {
        let key = self.space.key(key)?;
        let taken = self.larder().store().take(&key).await?;
        self.larder().inner.wake.changed(&key);
        let Some(taken) = taken else { return Ok(false) };
        if let Some(manifest) = Manifest::parse(&taken) {
            self.chunks(&manifest)?.retire(manifest.table.count(), self.options.read_grace);
        }
        Ok(Stamp::parse(&taken).is_some_and(|stamp| stamp.kind == Kind::Manifest))
    }

    /// How long a committed stream lives. Two round trips.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn ttl(&self, key: impl ToKey) -> Result<Remaining, StreamError> {
        let key = self.space.key(key)?;
        let store = self.larder().store();
        let standing = store.get(&key).await?;
        let stamp = standing.as_deref().and_then(Stamp::parse);
        match stamp.filter(|stamp| stamp.kind == Kind::Manifest) {
            Some(_) => Ok(store.ttl(&key).await?),
            None => Ok(Remaining::Missing),
        }
    }

    async fn open_key(
        &self,
        key: &Key,
        range: Option<Range<u64>>,
    ) -> Result<Option<Reader<H>>, StreamError> {
        self.larder().settle(key, &[], &[]).await?;
        let standing = self.larder().store().get(key).await?;
        self.open_standing(key, standing, range).await
    }

    /// A reader of what stands at a key, if that is a committed stream in good order.
    async fn open_standing(
        &self,
        key: &Key,
        standing: Option<Bytes>,
        range: Option<Range<u64>>,
    ) -> Result<Option<Reader<H>>, StreamError> {
        let counters = &self.larder().inner.streams.counters;
        let manifest = standing.as_ref().and_then(|record| Manifest::parse_at(key, record));
        let Some(manifest) = manifest else {
            count(&counters.misses);
            return Ok(None);
        };
        let reader = self.open_manifest(&manifest, range).await?;
        if reader.is_none() {
            count(&counters.misses);
            let mine = Manifest::stamp(manifest.generation).condition();
            if self.larder().store().delete_if(key, mine).await.unwrap_or(false) {
                self.chunks(&manifest)?.retire(manifest.table.count(), self.options.read_grace);
            }
        }
        Ok(reader)
    }

    /// `None` if it is damaged, which is counted.
    pub(crate) async fn open_manifest(
        &self,
        manifest: &Manifest,
        range: Option<Range<u64>>,
    ) -> Result<Option<Reader<H>>, StreamError> {
        let counters = &self.larder().inner.streams.counters;
        let wanted = range.clone().map_or(0..manifest.length, |range| {
            let start = range.start.min(manifest.length);
            start..range.end.clamp(start, manifest.length)
        });
        let opened = match (head::decode(&manifest.head), &manifest.body) {
            (None, _) => None,
            (Some(head), Some(body)) => {
                let finish =
                    Finish { length: manifest.length, trailers: manifest.trailers.clone() };
                // A body in a manifest is at most as long as the record it was read from.
                let part = body.slice(wanted.start as usize..wanted.end as usize);
                Some((head, Box::new(Inline::new(part, finish)) as Box<dyn Body>))
            }
            (Some(head), None) => {
                match Stored::open(self.chunks(manifest)?, manifest, wanted.clone()).await {
                    Ok(stored) => Some((head, Box::new(stored) as Box<dyn Body>)),
                    Err(StreamError::Store(error)) => return Err(error.into()),
                    Err(_) => None,
                }
            }
        };
        let Some((head, body)) = opened else {
            count(&counters.damaged);
            return Ok(None);
        };
        count(&counters.hits);
        let reader = Reader::new(self.larder().clone(), head, body)
            .with_edition(manifest.generation, manifest.table.count());
        Ok(Some(if range.is_some() { reader.with_range(wanted) } else { reader }))
    }

    /// `None` if its writer is not known to live, or its head is no `H`.
    pub(crate) async fn follow_recording(
        &self,
        key: &Key,
        recording: Recording,
    ) -> Result<Option<Reader<H>>, StreamError> {
        let larder = self.larder();
        let shared = &larder.inner.streams;
        let Some(head) = head::decode(&recording.head) else { return Ok(None) };
        let body: Box<dyn Body> = match shared.live(recording.generation) {
            // One that has failed is no answer to a newcomer, although its placeholder may still stand.
            Some(live) if live.has_failed() => return Ok(None),
            Some(live) => match live.attach() {
                Some(reader) => Box::new(reader),
                None => return Ok(None),
            },
            None => match self.follow_elsewhere(key, &recording).await? {
                Some(Elsewhere::Followed(body)) => body,
                Some(Elsewhere::Committed(reader)) => return Ok(Some(reader)),
                None => return Ok(None),
            },
        };
        count(&shared.counters.followed);
        Ok(Some(Reader::new(larder.clone(), head, body)))
    }
}

impl<H> Streams<H> {
    pub(crate) const fn larder(&self) -> &Larder {
        self.space.larder()
    }

    pub(crate) fn chunks(&self, manifest: &Manifest) -> Result<Chunks, Error> {
        let keys = ChunkKeys::new(self.space.namespace(), manifest.generation)?;
        Ok(self.chunks_of(keys))
    }

    pub(crate) fn chunks_of(&self, keys: ChunkKeys) -> Chunks {
        Chunks { store: Arc::clone(self.larder().store()), keys }
    }
}

impl<H> Clone for Streams<H> {
    fn clone(&self) -> Self {
        Self { space: self.space.clone(), options: self.options, head: PhantomData }
    }
}

impl<H> fmt::Debug for Streams<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("namespace", self.space.namespace())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
