//! What is retained, for whom, and who waits for whom.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Clock, TestClock};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::*;
use crate::stream::{StreamError, body::Body, options::Options};

const WINDOW: usize = 1000;

struct Bench {
    live: Arc<Live>,
    clock: TestClock,
    budget: Arc<Semaphore>,
}

/// A recording whose storer is the test. It reads back from no store: `stored` says what stands.
fn bench(stored: bool) -> Bench {
    let clock = TestClock::new();
    let budget = Arc::new(Semaphore::new(10_000));
    let options = Options { window: WINDOW, max_length: 100_000, ..Options::default() };
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let chunks = stored.then(|| {
        let store: Arc<dyn cache_api::Cache> =
            Arc::new(backend_memory::MemoryCache::builder().build());
        let namespace = cache_api::Namespace::new("n").unwrap();
        let generation = crate::stream::format::Generation::random();
        let keys = crate::stream::format::ChunkKeys::new(&namespace, generation).unwrap();
        crate::stream::chunks::Chunks { store, keys }
    });
    Bench { live: Live::new(chunks, shared, Arc::clone(&budget), &options), clock, budget }
}

fn bytes(length: usize) -> Bytes {
    Bytes::from(vec![7; length])
}

fn poll(reader: &mut LiveReader) -> Option<Option<Result<Bytes, StreamError>>> {
    std::future::poll_fn(|cx| reader.poll(cx)).now_or_never()
}

/// How many bytes a reader gets before it would have to wait.
fn drain(reader: &mut LiveReader) -> usize {
    let mut sum = 0;
    while let Some(Some(piece)) = poll(reader) {
        sum += piece.unwrap().len();
    }
    sum
}

#[tokio::test]
async fn each_reader_gets_each_piece_as_it_came_and_waits_for_the_next() {
    let Bench { live, .. } = bench(true);
    let mut readers = [live.attach().unwrap(), live.attach().unwrap()];
    for length in [1, 10, 100] {
        live.push(bytes(length)).await.unwrap();
        for reader in &mut readers {
            assert_eq!(poll(reader).unwrap().unwrap().unwrap().len(), length);
            assert!(poll(reader).is_none());
        }
    }
    live.end(Ending::Complete { trailers: None });
    assert!(readers.iter_mut().all(|reader| poll(reader).unwrap().is_none()));
}

#[tokio::test]
async fn the_source_waits_for_the_store_and_not_for_a_reader() {
    let Bench { live, .. } = bench(true);
    let mut reader = live.attach().unwrap();
    live.push(bytes(500)).await.unwrap();
    live.push(bytes(500)).await.unwrap();
    assert!(live.push(bytes(1)).now_or_never().is_none(), "nothing is stored yet");
    live.stored(500);
    live.push(bytes(500)).now_or_never().expect("there is room again").unwrap();
    // What the slow reader did not take is retained no more, but stands in the store, where this test
    // wrote nothing: the reader says so.
    let lost = std::future::poll_fn(|cx| reader.poll(cx)).await;
    assert!(matches!(lost, Some(Err(StreamError::ChunkLost { index: 0 }))));
    // Control: with nothing stored the same reader has it from memory.
    let Bench { live, .. } = bench(true);
    let mut reader = live.attach().unwrap();
    live.push(bytes(WINDOW)).await.unwrap();
    assert_eq!(drain(&mut reader), WINDOW);
}

#[tokio::test]
async fn unstored_the_first_reader_sets_the_pace_and_another_falls_out() {
    let Bench { live, .. } = bench(false);
    let mut first = live.attach().unwrap();
    let mut second = live.attach().unwrap();
    live.push(bytes(WINDOW)).await.unwrap();
    assert!(live.push(bytes(1)).now_or_never().is_none(), "the first has taken nothing");
    assert_eq!(drain(&mut first), WINDOW);
    live.push(bytes(WINDOW)).await.unwrap();
    assert_eq!(drain(&mut first), WINDOW);
    assert!(matches!(poll(&mut second), Some(Some(Err(StreamError::Lagged)))));
    assert!(live.attach().is_none(), "its beginning is gone");
    drop((first, second));
    for _ in 0..10 {
        live.push(bytes(WINDOW)).now_or_never().expect("nobody to wait for").unwrap();
    }
}

#[tokio::test]
async fn a_store_that_stands_still_is_given_up_and_the_reader_never_notices() {
    let Bench { live, clock, budget } = bench(true);
    let mut reader = live.attach().unwrap();
    live.push(bytes(WINDOW)).await.unwrap();
    assert_eq!(drain(&mut reader), WINDOW);
    let pushed = live.push(bytes(500));
    let mut pushed = std::pin::pin!(pushed);
    assert!(pushed.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_millis(249));
    assert!(pushed.as_mut().now_or_never().is_none());
    assert_eq!(live.unstored(), None);
    clock.advance(Duration::from_millis(1));
    pushed.await.unwrap();
    assert_eq!(live.unstored(), Some(Unstored::StoreSlow));
    assert_eq!(drain(&mut reader), 500);
    assert_eq!(budget.available_permits(), 10_000, "what is not stored holds no budget");
}

#[tokio::test]
async fn a_store_that_moves_but_slowly_costs_a_reader_that_waits_little_in_all() {
    for waits in [true, false] {
        let Bench { live, clock, .. } = bench(true);
        let mut reader = waits.then(|| live.attach().unwrap());
        live.push(bytes(WINDOW)).await.unwrap();
        // Each step takes less than a store that stands still is given.
        for _ in 0..50 {
            reader.as_mut().map(drain);
            let mut pushed = Box::pin(live.push(bytes(100)));
            if pushed.as_mut().now_or_never().is_none() {
                clock.advance(Duration::from_millis(100));
                if pushed.as_mut().now_or_never().is_none() {
                    live.stored(100);
                    pushed.await.unwrap();
                }
            }
        }
        let waited = clock.now() - live.begun;
        // Control: who only records has time.
        let expected = if waits { Duration::from_millis(300) } else { Duration::from_secs(5) };
        assert_eq!((waited, live.unstored().is_some()), (expected, waits));
    }
}

#[tokio::test]
async fn the_client_of_a_fill_has_every_byte_from_memory_while_it_moves() {
    for client in [true, false] {
        let Bench { live, clock, .. } = bench(true);
        let attached = if client { live.attach_client() } else { live.attach() };
        let mut reader = attached.unwrap();
        live.push(bytes(500)).await.unwrap();
        live.push(bytes(500)).await.unwrap();
        live.stored(500);
        live.stored(500);
        let mut pushed = Box::pin(live.push(bytes(500)));
        // Control: what another reader has not had makes way, and nothing stands in this store.
        assert_eq!(pushed.as_mut().now_or_never().is_none(), client);
        if !client {
            let lost = std::future::poll_fn(|cx| reader.poll(cx)).await;
            assert!(matches!(lost, Some(Err(StreamError::ChunkLost { index: 0 }))));
            continue;
        }
        for _ in 0..10 {
            clock.advance(Duration::from_millis(1900));
            assert!(pushed.as_mut().now_or_never().is_none());
            assert_eq!(poll(&mut reader).unwrap().unwrap().unwrap().len(), 500);
            pushed.as_mut().now_or_never().expect("it made a step").unwrap();
            live.stored(500);
            pushed = Box::pin(live.push(bytes(500)));
            assert!(pushed.as_mut().now_or_never().is_none());
        }
        assert_eq!(live.unstored(), None);
    }
}

#[tokio::test]
async fn a_client_that_stands_still_holds_up_its_source_for_two_seconds() {
    let Bench { live, clock, budget } = bench(true);
    let mut reader = live.attach_client().unwrap();
    live.push(bytes(WINDOW)).await.unwrap();
    live.stored(WINDOW as u32);
    let mut pushed = Box::pin(live.push(bytes(500)));
    assert!(pushed.as_mut().now_or_never().is_none());
    assert_eq!(budget.available_permits(), 10_000, "it takes nothing from other recordings");
    clock.advance(Duration::from_millis(1999));
    assert!(pushed.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_millis(1));
    pushed.as_mut().now_or_never().expect("it has stood still for too long").unwrap();
    for _ in 0..10 {
        live.stored(500);
        live.push(bytes(500)).now_or_never().expect("it is waited for no more").unwrap();
    }
    assert_eq!(live.unstored(), None, "the store is not to blame");
    let lost = std::future::poll_fn(|cx| reader.poll(cx)).await;
    assert!(matches!(lost, Some(Err(StreamError::ChunkLost { .. }))), "it is sent to the store");
}

#[tokio::test]
async fn unstored_the_next_reader_sets_the_pace_when_the_first_stands_still() {
    let Bench { live, clock, .. } = bench(false);
    let mut stalled = live.attach_client().unwrap();
    live.push(bytes(WINDOW)).await.unwrap();
    let mut pushed = Box::pin(live.push(bytes(WINDOW)));
    assert!(pushed.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(3600));
    assert!(pushed.as_mut().now_or_never().is_none(), "nobody else waits");
    let mut second = live.attach().unwrap();
    assert!(pushed.as_mut().now_or_never().is_none(), "nor this one, yet");
    assert_eq!(drain(&mut second), WINDOW);
    pushed.as_mut().now_or_never().expect("it waits now").unwrap();
    assert_eq!(drain(&mut second), WINDOW);
    live.push(bytes(WINDOW)).await.unwrap();
    let mut pushed = Box::pin(live.push(bytes(1)));
    assert!(pushed.as_mut().now_or_never().is_none(), "the second sets the pace");
    assert_eq!(drain(&mut second), WINDOW);
    pushed.await.unwrap();
    assert!(matches!(poll(&mut stalled), Some(Some(Err(StreamError::Lagged)))));
}

#[tokio::test]
async fn the_budget_holds_what_is_not_stored_and_its_lack_ends_the_storing_of_the_next() {
    let Bench { live, clock, budget } = bench(true);
    live.push(bytes(900)).await.unwrap();
    assert_eq!(budget.available_permits(), 9_100);
    live.stored(900);
    assert_eq!(budget.available_permits(), 10_000);
    let others = Arc::clone(&budget).acquire_many_owned(9_990).await.unwrap();
    let mut reader = live.attach();
    let mut pushed = Box::pin(live.push(bytes(11)));
    assert!(pushed.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_millis(250));
    pushed.await.unwrap();
    assert_eq!(live.unstored(), Some(Unstored::StoreSlow));
    drop((others, reader.take()));
}

#[tokio::test]
async fn too_long_a_body_is_handed_on_whole() {
    let Bench { live, .. } = bench(true);
    let mut reader = live.attach().unwrap();
    let mut length = 0;
    while length < 150_000 {
        live.push(bytes(WINDOW)).await.unwrap();
        length += drain(&mut reader);
        if live.unstored().is_none() {
            live.stored(WINDOW as u32);
        }
    }
    assert_eq!((length, live.unstored()), (150_000, Some(Unstored::TooLong)));
}

#[tokio::test]
async fn many_small_pieces_cost_bounded_memory() {
    let Bench { live, .. } = bench(false);
    let options = Options { window: 1 << 20, ..Options::default() };
    let clock: Arc<dyn Clock> = Arc::new(TestClock::new());
    let small = Live::new(None, clock, Arc::new(Semaphore::new(10)), &options);
    let _reader = small.attach().unwrap();
    let mut pushed = 0;
    while small.push(bytes(1)).now_or_never().is_some() {
        pushed += 1;
    }
    assert_eq!(pushed, 4096, "the window alone would let in a million");
    drop(live);
}
