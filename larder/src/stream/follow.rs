//! Following a recording that another process writes, by its records in the store alone.
//!
//! The chunks are read in order, a few at a time, each passed on as soon as it is there. The end is the
//! end record, or the manifest of the same generation, and nothing else: neither a missing chunk nor a
//! missing placeholder says that the body is whole. Silence, without so much as a beat for two
//! heartbeats, is an error.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use cache_api::{Clock, Key};
use xxhash_rust::xxh3::Xxh3;

use crate::stream::{
    StreamError,
    body::{Body, Finish},
    chunks::Chunks,
    format::{Beat, Digest, End, Manifest, Span},
};

/// How often the store is asked while nothing new comes: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// Over that, a silence is asked after at intervals of this part of its length so far.
const POLL_PART: u32 = 8;

/// How many chunks are asked for at a time...
const MOST: u32 = 16;

/// ... and how many bytes, by the length of the last one.
const WINDOW: u32 = 1 << 20;

/// A reader in another process than the writer's.
pub(crate) struct Follower {
    ready: VecDeque<Bytes>,
    finish: Option<Finish>,
    state: Option<Box<State>>,
    step: Option<Step>,
}

type Step = Pin<Box<dyn Future<Output = (Box<State>, Result<Progress, StreamError>)> + Send>>;

/// What a step brought.
#[derive(Default)]
struct Progress {
    bytes: Vec<Bytes>,
    finish: Option<Finish>,
}

struct State {
    chunks: Chunks,
    /// Where the recording, and later the manifest, stands.
    entry: Key,
    clock: Arc<dyn Clock>,
    heartbeat: Duration,
    index: u32,
    offset: u64,
    digest: Box<Xxh3>,
    /// How many chunks are asked for next.
    window: u32,
    beat: Option<u64>,
    heard: Instant,
    /// When the writer was last told that someone follows.
    shown: Instant,
    /// It is known that the next chunk was written: if it is missing once more, it is lost.
    due: bool,
}

impl Follower {
    /// For one whose writer was told just now that someone follows.
    pub(crate) fn new(
        chunks: Chunks,
        entry: Key,
        clock: Arc<dyn Clock>,
        heartbeat: Duration,
    ) -> Self {
        let heard = clock.now();
        let state = State {
            chunks,
            entry,
            clock,
            heartbeat,
            index: 0,
            offset: 0,
            digest: Box::new(Xxh3::new()),
            window: 4,
            beat: None,
            heard,
            shown: heard,
            due: false,
        };
        Self { ready: VecDeque::new(), finish: None, state: Some(Box::new(state)), step: None }
    }
}

impl Body for Follower {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            if self.finish.is_some() {
                return Poll::Ready(None);
            }
            if let Some(mut state) = self.state.take() {
                self.step = Some(Box::pin(async move {
                    let progress = state.step().await;
                    (state, progress)
                }));
            }
            let Some(step) = &mut self.step else { return Poll::Ready(None) };
            let (state, progress) = ready!(step.as_mut().poll(cx));
            self.step = None;
            let progress = progress?;
            self.state = Some(state);
            self.ready = progress.bytes.into();
            self.finish = progress.finish;
        }
    }

    fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    fn is_live(&self) -> bool {
        self.finish.is_none()
    }
}

impl State {
    /// Returns with something new, or an error.
    async fn step(&mut self) -> Result<Progress, StreamError> {
        loop {
            self.show_up();
            let looked = self.look().await;
            let now = self.clock.now();
            match looked {
                Ok(progress) if progress.finish.is_some() || !progress.bytes.is_empty() => {
                    self.heard = now;
                    return Ok(progress);
                }
                Ok(_) => {}
                // A store that comes back in time is as good as one that was never away.
                Err(StreamError::Store(error)) if error.is_unavailable() => {
                    if now - self.heard > self.patience() {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error),
            }
            let silence = now - self.heard;
            if silence > self.patience() {
                return Err(StreamError::WriterLost);
            }
            let pause = if self.due { POLL.0 } else { (silence / POLL_PART).clamp(POLL.0, POLL.1) };
            self.clock.sleep(pause).await;
        }
    }

    fn patience(&self) -> Duration {
        self.heartbeat * 2
    }

    /// One look at the store: one round trip.
    async fn look(&mut self) -> Result<Progress, StreamError> {
        let keys = &self.chunks.keys;
        let mut asked: Vec<Key> = (0..self.window)
            .filter_map(|i| self.index.checked_add(i))
            .map(|i| keys.chunk(i))
            .collect();
        let chunks = asked.len();
        asked.push(keys.beat());
        asked.push(self.entry.clone());
        let generation = keys.generation;
        let records = self.chunks.store.get_many(&asked).await?;
        let (records, rest) = records.split_at_checked(chunks).unwrap_or_default();

        let mut progress = Progress::default();
        let mut written = false;
        for record in records {
            let Some(record) = record else {
                // Behind a gap, only an end says anything.
                written |= records.iter().flatten().any(|r| End::parse(generation, r).is_some());
                break;
            };
            if let Some((span, payload)) = Span::parse(generation, self.index, self.offset, record)
            {
                self.take(span, payload, &mut progress);
            } else {
                match End::parse(generation, record) {
                    Some(End::Complete { count, length, digest, trailers }) => {
                        self.check(count, length, &digest)?;
                        progress.finish = Some(Finish { length, trailers });
                    }
                    // What came before it is passed on first; the next look meets it again.
                    Some(End::Aborted { .. }) if !progress.bytes.is_empty() => {}
                    Some(End::Aborted { reason }) => return Err(StreamError::aborted(reason)),
                    None if !progress.bytes.is_empty() => {}
                    None => {
                        return Err(StreamError::Damaged {
                            what: "a chunk is not what was recorded",
                        });
                    }
                }
                return Ok(progress);
            }
        }
        if progress.bytes.is_empty() {
            let [beat, entry] = rest else { return Ok(progress) };
            written |= self.hear(beat.as_ref())?;
            if let Some(manifest) = entry.as_ref().and_then(Manifest::parse)
                && manifest.generation == generation
            {
                self.finish_by(&manifest, &mut progress)?;
                written |= progress.finish.is_none();
            }
            if written && progress.finish.is_none() {
                if self.due {
                    return Err(StreamError::ChunkLost { index: self.index });
                }
                self.due = true;
            }
        }
        Ok(progress)
    }

    fn take(&mut self, span: Span, payload: Bytes, progress: &mut Progress) {
        self.index = span.index + 1;
        self.offset = span.end();
        self.digest.update(&payload);
        self.due = false;
        self.window = (self.window * 2).min(WINDOW / span.length.max(1)).clamp(2, MOST);
        progress.bytes.push(payload);
    }

    /// Whether a beat says that the next chunk stands. A new one is a sign of life, and the last one of
    /// a recording that was aborted says so.
    fn hear(&mut self, record: Option<&Bytes>) -> Result<bool, StreamError> {
        let generation = self.chunks.keys.generation;
        let Some(record) = record else { return Ok(false) };
        if let Some(End::Aborted { reason }) = End::parse(generation, record) {
            return Err(StreamError::aborted(reason));
        }
        let Some(beat) = Beat::parse(generation, record) else { return Ok(false) };
        if self.beat != Some(beat.sequence) {
            self.beat = Some(beat.sequence);
            self.heard = self.clock.now();
        }
        Ok(beat.written > self.index)
    }

    /// The manifest of this very recording stands: the body is whole, here or in the chunks.
    fn finish_by(
        &mut self,
        manifest: &Manifest,
        progress: &mut Progress,
    ) -> Result<(), StreamError> {
        let Manifest { length, digest, trailers, table, body, .. } = manifest;
        if let Some(body) = body {
            let rest = usize::try_from(self.offset).ok().filter(|&offset| offset <= body.len());
            let rest = rest.map(|offset| body.slice(offset..));
            let rest =
                rest.ok_or(StreamError::Damaged { what: "it grew longer than its length" })?;
            self.digest.update(&rest);
            self.offset += rest.len() as u64;
            if !rest.is_empty() {
                progress.bytes.push(rest);
            }
            self.check(self.index, *length, digest)?;
        } else if self.index == table.count() {
            self.check(table.count(), *length, digest)?;
        } else {
            return Ok(());
        }
        progress.finish = Some(Finish { length: *length, trailers: trailers.clone() });
        Ok(())
    }

    fn check(&self, count: u32, length: u64, digest: &Digest) -> Result<(), StreamError> {
        if count != self.index || length != self.offset {
            return Err(StreamError::Damaged { what: "its end is not where it was recorded" });
        }
        if self.digest.digest128().to_be_bytes() != *digest {
            return Err(StreamError::Damaged {
                what: "its bytes are not those that were recorded",
            });
        }
        Ok(())
    }

    /// Tells the writer, once a heartbeat, that someone follows: its own client may leave.
    fn show_up(&mut self) {
        let now = self.clock.now();
        if now - self.shown < self.heartbeat {
            return;
        }
        self.shown = now;
        let (chunks, heartbeat) = (self.chunks.clone(), self.heartbeat);
        tokio::spawn(async move { chunks.show_up(heartbeat).await });
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}
