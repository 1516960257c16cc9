use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cache_api::{Cache, Clock, Error, SetItem, SetOptions, Sleep, Ttl};
use futures_util::{StreamExt, stream::FuturesUnordered};
use xxhash_rust::xxh3::Xxh3;

use super::{Storer, cutter::Cutter, upkeep::Round};
use crate::stream::{
    StreamError, Unstored,
    format::{Span, Table, build_chunk},
    live::{Ending, Live, View},
    options::INLINE,
};

/// While chunks are on their way, the next are sent so many bytes at a time, together.
const BATCH: usize = 256 << 10;

/// How long a chunk that the store did not take is held back before it is sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];

/// The chunks of a recording on their way to the store.
pub(super) struct Writing {
    live: Arc<Live>,
    cutter: Cutter,
    ttl: Ttl,
    /// All that were sent.
    pub(super) table: Table,
    /// Of all that were sent, in order.
    digest: Box<Xxh3>,
    in_flight: FuturesUnordered<Batch>,
    /// All bytes that were sent, while they are so few that they may stand in the manifest.
    short: Vec<u8>,
    /// Those that were sent and are not known to stand without a gap, with whether they stand.
    unordered: VecDeque<(Span, bool)>,
    sequence: u64,
    /// When the last chunk was cut.
    cut_last: Instant,
}

/// A batch of chunks on its way: their indices, and what became of them.
type Batch = Pin<Box<dyn Future<Output = (Range<u32>, Result<(), Error>)> + Send>>;

/// What is to be cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Full chunks, if there are enough for a batch.
    Batches,
    /// Full chunks.
    Full,
    /// Everything.
    All,
}

/// Why no more is written.
pub(super) enum Stopped {
    Complete { trailers: Option<Bytes> },
    Failed(StreamError),
    Unstored(Unstored),
}

/// What may happen next.
enum Event {
    Work,
    Written(Range<u32>, Result<(), Error>),
    Lingered,
    Upkeep,
    Upkept(super::upkeep::Found),
    Overdue,
}

impl Writing {
    pub(super) fn new(storer: &Storer) -> Self {
        Self {
            live: Arc::clone(&storer.live),
            cutter: Cutter::new(&storer.place.store.capabilities()),
            ttl: Ttl::After(storer.options.chunk_life(storer.ttl)),
            table: Table::default(),
            digest: Box::new(Xxh3::new()),
            in_flight: FuturesUnordered::new(),
            short: Vec::new(),
            unordered: VecDeque::new(),
            sequence: 0,
            cut_last: storer.live.begun,
        }
    }

    /// Chunks that were sent, stored or not.
    pub(super) fn sent(&self) -> u32 {
        self.table.count()
    }

    /// The same, and what is still on its way is not waited for.
    pub(super) fn into_sent(self) -> u32 {
        self.sent()
    }

    pub(super) fn digest(&self) -> [u8; 16] {
        self.digest.digest128().to_be_bytes()
    }

    /// The whole body, if it is short enough to stand in the manifest. After the source has ended.
    pub(super) fn short_body(&mut self) -> Option<Bytes> {
        let length = self.live.produced();
        if length > INLINE {
            return None;
        }
        // What was not sent, for want of a reason to.
        let sent = self.table.length();
        for piece in self.live.range(sent, (length - sent) as usize) {
            self.digest.update(&piece);
            self.short.extend_from_slice(&piece);
        }
        Some(std::mem::take(&mut self.short).into())
    }

    /// Writes chunks until the source has ended and all of them stand, or until it makes no sense any
    /// more.
    pub(super) async fn run(&mut self, storer: &mut Storer) -> Stopped {
        let clock = Arc::clone(&storer.place.clock);
        let mut overdue = clock.sleep(storer.options.max_fill_time);
        let mut upkeep = clock.sleep(storer.upkeep_interval());
        let mut round: Option<Round> = None;
        let mut linger: Option<Sleep> = None;
        loop {
            let view = self.live.view();
            if let Some(stopped) = self.stopped(&view) {
                return stopped;
            }
            let complete = view.ending.is_some();
            // After a pause the next bytes are shown at once; those right behind them wait for more.
            let paused = self.sent() > 0 && clock.now() >= self.cut_last + storer.options.linger;
            let all = complete || view.crowded || paused;
            self.cut(storer, &view, if all { Cut::All } else { Cut::Batches });
            match view.produced > self.table.length() {
                true if linger.is_none() => linger = Some(clock.sleep(storer.options.linger)),
                true => {}
                false => linger = None,
            }
            let wake_at = self.wake_at(&view);
            let event = tokio::select! {
                Some((batch, result)) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    Event::Written(batch, result)
                }
                () = self.live.work(wake_at) => Event::Work,
                () = elapsed(&mut linger), if linger.is_some() => Event::Lingered,
                found = finished(&mut round), if round.is_some() => Event::Upkept(found),
                () = &mut upkeep => Event::Upkeep,
                () = &mut overdue => Event::Overdue,
            };
            match event {
                Event::Work => {}
                Event::Written(batch, Ok(())) => self.written(&batch),
                Event::Written(_, Err(error)) => {
                    tracing::debug!(key = storer.place.shown(), %error, "a stream is no longer stored");
                    self.live.stop_storing(Unstored::StoreFailed);
                }
                Event::Lingered => {
                    linger = None;
                    self.cut(storer, &self.live.view(), Cut::All);
                }
                Event::Upkeep => {
                    storer.succeed(storer.upkeep_interval() * 2).await;
                    if round.is_none() {
                        self.sequence += 1;
                        round = Some(storer.upkeep(self.sequence, self.standing()));
                    }
                    upkeep = clock.sleep(storer.upkeep_interval());
                }
                Event::Upkept(found) => {
                    round = None;
                    storer.upkept(found);
                }
                Event::Overdue => self.live.stop_storing(Unstored::TooSlow),
            }
        }
    }

    fn stopped(&self, view: &View) -> Option<Stopped> {
        if let Some(Ending::Failed(error)) = &view.ending {
            return Some(Stopped::Failed(error.clone()));
        }
        if let Some(why) = view.unstored {
            return Some(Stopped::Unstored(why));
        }
        let Some(Ending::Complete { trailers }) = &view.ending else { return None };
        // A short body that nobody was shown yet needs no chunks.
        let inline = self.sent() == 0 && view.produced <= INLINE;
        let written = self.unordered.is_empty() && self.table.length() == view.produced;
        (inline || written).then(|| Stopped::Complete { trailers: trailers.clone() })
    }

    /// Sends what is to be sent now.
    fn cut(&mut self, storer: &Storer, view: &View, cut: Cut) {
        loop {
            let pending = view.produced - self.table.length();
            let size = self.cutter.size_at(self.table.length()) as u64;
            let idle = self.in_flight.is_empty();
            let cut = match cut {
                // The source waits for what is not even a chunk.
                _ if view.blocked && idle && pending < size => Cut::All,
                Cut::Batches if view.blocked || idle => Cut::Full,
                cut => cut,
            };
            let least = match cut {
                Cut::Batches => size.max(BATCH as u64),
                Cut::Full => size,
                Cut::All => 1,
            };
            if pending < least || !self.send_batch(storer, view, cut) {
                return;
            }
        }
    }

    /// How far the source must come before there is something to send.
    fn wake_at(&self, view: &View) -> u64 {
        let cut = self.table.length();
        let size = self.cutter.size_at(cut);
        match view.produced == cut {
            // Anything: it is to be sent when it has lingered.
            true => cut + 1,
            false if self.in_flight.is_empty() => cut + size as u64,
            false => cut + size.max(BATCH) as u64,
        }
    }

    /// Sends chunks together. `false`: no more are to be sent.
    fn send_batch(&mut self, storer: &Storer, view: &View, cut: Cut) -> bool {
        let (begin, first, mut items) = (self.table.length(), self.sent(), Vec::new());
        loop {
            let offset = self.table.length();
            let (pending, size) = (view.produced - offset, self.cutter.size_at(offset));
            let length = if pending >= size as u64 { size } else { pending as usize };
            let full = length == size || cut == Cut::All;
            let room = items.is_empty() || (offset - begin) as usize + length <= BATCH;
            if length == 0 || !full || !room {
                break;
            }
            let Some(item) = self.build(storer, length as u32) else { return false };
            items.push(item);
        }
        let (store, clock) = (Arc::clone(&storer.place.store), Arc::clone(&storer.place.clock));
        let batch = first..self.sent();
        self.in_flight.push(Box::pin(async move {
            (batch, put(store.as_ref(), clock.as_ref(), items).await)
        }));
        true
    }

    fn build(&mut self, storer: &Storer, length: u32) -> Option<SetItem> {
        let span = self.table.next(length);
        let pieces = self.live.range(span.offset, length as usize);
        if pieces.iter().map(Bytes::len).sum::<usize>() != length as usize || self.table.is_full() {
            // Not stored any more since the view was taken; or cut into too many pieces.
            self.live.stop_storing(Unstored::TooLong);
            return None;
        }
        self.table.push(length);
        self.cut_last = storer.place.clock.now();
        self.unordered.push_back((span, false));
        for piece in &pieces {
            self.digest.update(piece);
        }
        if self.table.length() <= INLINE {
            self.short.extend(pieces.iter().flatten());
        }
        let keys = &storer.chunks.keys;
        let value = build_chunk(keys.generation, span, &pieces);
        Some(SetItem { key: keys.chunk(span.index), value, options: SetOptions::new(self.ttl) })
    }

    fn written(&mut self, batch: &Range<u32>) {
        for (span, stands) in &mut self.unordered {
            *stands |= batch.contains(&span.index);
        }
        while let Some((span, true)) = self.unordered.front() {
            self.live.stored(span.length);
            self.unordered.pop_front();
        }
    }

    /// So many chunks stand without a gap.
    fn standing(&self) -> u32 {
        self.unordered.front().map_or_else(|| self.sent(), |(span, _)| span.index)
    }
}

/// Writes chunks. Each has a key of its own that nobody else writes: sent twice is written once.
pub(super) async fn put(
    store: &dyn Cache,
    clock: &dyn Clock,
    items: Vec<SetItem>,
) -> Result<(), Error> {
    let mut pauses = PAUSES.iter();
    loop {
        let written = match &items[..] {
            [SetItem { key, value, options }] => {
                store.set(key, value.clone(), *options).await.map(drop)
            }
            _ => store.set_many(items.clone()).await.map(drop),
        };
        match (written, pauses.next()) {
            (Err(error), Some(pause)) if error.is_unavailable() => clock.sleep(*pause).await,
            (written, _) => return written,
        }
    }
}

async fn elapsed(sleep: &mut Option<Sleep>) {
    if let Some(sleep) = sleep {
        sleep.await;
    }
}

async fn finished(round: &mut Option<Round>) -> super::upkeep::Found {
    match round {
        Some(round) => round.await,
        None => super::upkeep::Found::default(),
    }
}
