//! Who goes on when who leaves, on a clock that stands still until it is moved.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::{convert::Infallible, sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use larder::{
    Cache, Clock, Larder, TestClock,
    stream::{Begin, Reader, StreamError, Streams, Unstored},
};
use tokio::sync::mpsc;

struct Bench {
    clock: TestClock,
    store: Arc<dyn Cache>,
}

impl Bench {
    fn new() -> Self {
        let clock = TestClock::new();
        let store = Arc::new(MemoryCache::builder().clock(Arc::new(clock.clone())).build());
        Self { clock, store }
    }

    fn server(&self) -> Streams<String> {
        let larder =
            Larder::builder(Arc::clone(&self.store)).clock(Arc::new(self.clock.clone())).build();
        larder.namespace("reports").unwrap().streams()
    }

    /// Lets time pass, a little at a time, and everyone do what is due.
    async fn pass(&self, time: Duration) {
        let until = self.clock.now() + time;
        while self.clock.now() < until {
            self.clock.advance(Duration::from_millis(100));
            settle().await;
        }
    }

    async fn fill(&self, source: Source, length: Option<u64>) -> (Streams<String>, Reader<String>) {
        let streams = self.server();
        let Begin::Claimed(claim) = streams.begin("r").await else { panic!("nothing is there") };
        let start = claim.start("head".to_string());
        let start = if let Some(length) = length { start.length(length) } else { start };
        let reader = start.await.fill(source.0);
        settle().await;
        (streams, reader)
    }
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

struct Source(std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>);

/// A source that gives what it is given. Its handle is closed when it is dropped.
fn source() -> (mpsc::UnboundedSender<usize>, Source) {
    let (give, given) = mpsc::unbounded_channel();
    let given = stream::unfold(given, |mut given| async move {
        let length = given.recv().await?;
        Some((Ok(vec![7; length].into()), given))
    });
    (give, Source(Box::pin(given)))
}

async fn committed(streams: &Streams<String>) -> Option<u64> {
    streams.open("r").await.unwrap()?.total()
}

#[tokio::test]
async fn a_young_recording_is_finished_without_its_client() {
    let bench = Bench::new();
    let (give, source) = source();
    let (streams, reader) = bench.fill(source, None).await;
    give.send(100_000).unwrap();
    drop(reader);
    bench.pass(Duration::from_secs(5)).await;
    give.send(100_000).unwrap();
    drop(give);
    settle().await;
    assert_eq!(committed(&streams).await, Some(200_000));
}

#[tokio::test]
async fn an_old_one_is_given_up_and_its_source_with_it() {
    let bench = Bench::new();
    for left_at in [5, 40] {
        let (give, source) = source();
        let (streams, mut reader) = bench.fill(source, None).await;
        give.send(100_000).unwrap();
        reader.next().await.unwrap().unwrap();
        bench.pass(Duration::from_secs(left_at)).await;
        assert!(!give.is_closed());
        drop(reader);
        settle().await;
        assert_eq!(give.is_closed(), left_at > 30);
        bench.pass(Duration::from_secs(30)).await;
        assert!(give.is_closed());
        assert!(streams.follow("r").await.unwrap().is_none(), "the key is free");
    }
}

#[tokio::test]
async fn one_that_is_nearly_done_is_finished() {
    let bench = Bench::new();
    let (give, source) = source();
    let (streams, reader) = bench.fill(source, Some(200_000)).await;
    give.send(100_000).unwrap();
    bench.pass(Duration::from_secs(40)).await;
    drop(reader);
    bench.pass(Duration::from_secs(40)).await;
    give.send(100_000).unwrap();
    drop(give);
    settle().await;
    assert_eq!(committed(&streams).await, Some(200_000));
}

#[tokio::test]
async fn one_that_is_followed_on_another_server_goes_on() {
    let bench = Bench::new();
    for followed in [true, false] {
        let (give, source) = source();
        let (streams, reader) = bench.fill(source, None).await;
        give.send(100_000).unwrap();
        settle().await;
        bench.pass(Duration::from_secs(1)).await;
        let far = bench.server().follow("r").await.unwrap().unwrap();
        let far = followed.then(|| tokio::spawn(far.collect()));
        bench.pass(Duration::from_secs(30)).await;
        drop(reader);
        bench.pass(Duration::from_secs(10)).await;
        // Control: with nobody there it is given up.
        assert_eq!(give.is_closed(), !followed);
        let _ = give.send(100_000);
        drop(give);
        settle().await;
        assert_eq!(committed(&streams).await, followed.then_some(200_000));
        if let Some(far) = far {
            bench.pass(Duration::from_secs(1)).await;
            assert_eq!(far.await.unwrap().unwrap().len(), 200_000);
            assert!(streams.delete("r").await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_second_client_is_not_cut_when_the_first_leaves() {
    let bench = Bench::new();
    let (give, source) = source();
    let (streams, first) = bench.fill(source, None).await;
    let Begin::Following(mut second) = streams.begin("r").await else { panic!("it is recorded") };
    give.send(10).unwrap();
    assert_eq!(second.next().await.unwrap().unwrap().len(), 10);
    drop(first);
    bench.pass(Duration::from_secs(100)).await;
    give.send(20).unwrap();
    assert_eq!(second.next().await.unwrap().unwrap().len(), 20);
    drop(give);
    assert!(second.next().await.is_none());
}

/// Every piece that the reader gets. The client of a fill never gets an error of the store.
async fn rest(mut reader: Reader<String>) -> Result<usize, StreamError> {
    let mut length = 0;
    while let Some(piece) = reader.next().await {
        length += piece?.len();
    }
    Ok(length)
}

#[tokio::test]
async fn a_client_that_pauses_gets_all_of_it_whatever_the_store_evicts() {
    for cleared in [true, false] {
        let mut bench = Bench::new();
        if !cleared {
            let small = MemoryCache::builder().max_bytes(4 << 20);
            bench.store = Arc::new(small.clock(Arc::new(bench.clock.clone())).build());
        }
        let (give, source) = source();
        let (streams, mut reader) = bench.fill(source, None).await;
        for _ in 0..128 {
            give.send(64 << 10).unwrap();
        }
        drop(give);
        let first = reader.next().await.unwrap().unwrap().len();
        bench.pass(Duration::from_millis(1500)).await;
        if cleared {
            streams.space().clear().await.unwrap();
        }
        assert_eq!(first + rest(reader).await.unwrap(), 8 << 20);
    }
}

#[tokio::test]
async fn a_client_that_stands_still_holds_up_neither_a_recording_nor_those_who_follow() {
    for stored in [true, false] {
        let bench = Bench::new();
        let streams = bench.server().max_length(if stored { 64 << 20 } else { 2 << 20 });
        let Begin::Claimed(claim) = streams.begin("r").await else { panic!("nothing is there") };
        let (give, source) = source();
        let stalled = claim.start("head".to_string()).await.fill(source.0);
        let Begin::Following(second) = streams.begin("r").await else { panic!("it is recorded") };
        for _ in 0..128 {
            give.send(64 << 10).unwrap();
        }
        drop(give);
        let second = tokio::spawn(rest(second));
        bench.pass(Duration::from_secs(1)).await;
        assert!(!second.is_finished(), "the client may still move");
        bench.pass(Duration::from_secs(3)).await;
        assert!(second.is_finished());
        assert_eq!(second.await.unwrap().unwrap(), 8 << 20);
        match rest(stalled).await {
            Ok(length) => assert_eq!((length, stored), (8 << 20, true), "from the store"),
            Err(error) => assert!(matches!(error, StreamError::Lagged) && !stored, "{error}"),
        }
    }
}

#[tokio::test]
async fn past_its_time_it_goes_on_for_its_readers_and_is_not_stored() {
    let bench = Bench::new();
    let (give, source) = source();
    let (streams, mut reader) = bench.fill(source, None).await;
    bench.pass(Duration::from_secs(601)).await;
    assert!(matches!(streams.begin("r").await, Begin::Claimed(_)), "nobody waits for it any more");
    for _ in 0..100 {
        give.send(100_000).unwrap();
        let mut got = 0;
        while got < 100_000 {
            got += reader.next().await.unwrap().unwrap().len();
        }
    }
    drop(give);
    assert!(reader.next().await.is_none());
    assert_eq!(committed(&streams).await, None);
}

#[tokio::test]
async fn a_silent_writer_is_alive_as_long_as_it_beats() {
    let bench = Bench::new();
    let streams = bench.server();
    let recorder = streams.record("r", String::new()).await.unwrap();
    settle().await;
    let mut far = bench.server().follow("r").await.unwrap().unwrap();
    let mut next = Box::pin(async move { (far.next().await, far) });
    for _ in 0..60 {
        bench.pass(Duration::from_secs(1)).await;
        assert!((&mut next).now_or_never().is_none(), "it waits");
    }
    drop(recorder);
    bench.pass(Duration::from_secs(1)).await;
    let (ended, _) = next.await;
    assert!(matches!(ended, Some(Err(StreamError::Aborted { .. }))), "{ended:?}");
}

#[tokio::test]
async fn a_recording_stays_followable_for_as_long_as_it_takes() {
    let bench = Bench::new();
    let streams = bench.server();
    let mut recorder = streams.record("r", String::new()).await.unwrap();
    recorder.write("early".into()).await.unwrap();
    for _ in 0..10 {
        bench.pass(Duration::from_secs(30)).await;
        assert!(bench.server().follow("r").await.unwrap().is_some());
    }
    assert!(recorder.commit().await.unwrap().stored);

    // Control: without renewal the placeholder dies, and with it the commit.
    let mut recorder = streams.record("s", String::new()).await.unwrap();
    recorder.write("early".into()).await.unwrap();
    settle().await;
    bench.clock.advance(Duration::from_secs(4));
    settle().await;
    assert_eq!(recorder.commit().await.unwrap().reason, Some(Unstored::Displaced));
}
