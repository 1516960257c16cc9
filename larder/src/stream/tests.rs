//! What a store may hold that no writer of ours put there, or put there for someone else: bounded work.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Op, Remaining, SetOptions, Ttl};
use integration_tests::faults::{Scripted, full, on};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    Larder,
    stream::{
        Begin, PassReason, Streams,
        chunks::Chunks,
        format::{ChunkKeys, End, Generation, Manifest, Recording, Span, Table, build_chunk},
        head,
    },
};

const LIFE: Ttl = Ttl::After(Duration::from_secs(60));
const GENERATION: Generation = Generation::from_bytes(*b"a generation....");

type Setter = fn(Streams<String>, Duration) -> Streams<String>;

struct Bench {
    store: Scripted,
    streams: Streams<String>,
    key: Key,
    keys: ChunkKeys,
}

impl Bench {
    fn new() -> Self {
        let store = Scripted::new(Arc::new(MemoryCache::builder().build()));
        let streams = Larder::new(store.clone()).namespace("n").unwrap().streams();
        let key = streams.space.key("k").unwrap();
        let keys = ChunkKeys::new(streams.space.namespace(), GENERATION).unwrap();
        Self { store, streams, key, keys }
    }

    async fn plant(&self, key: &Key, record: Bytes) {
        assert!(self.store.set(key, record, SetOptions::new(LIFE)).await.unwrap().is_stored());
    }

    /// A manifest with this table; the body need not be there.
    async fn plant_manifest(&self, head: Bytes, table: Table, body: &[u8]) {
        let manifest = Manifest {
            generation: GENERATION,
            key: Bytes::copy_from_slice(self.key.as_bytes()),
            head,
            length: table.length(),
            table,
            digest: xxh3_128(body).to_be_bytes(),
            trailers: None,
            chunks_expire_at: SystemTime::now() + Duration::from_secs(60),
            body: None,
        };
        self.plant(&self.key, manifest.encode()).await;
    }

    /// Chunks of one byte each.
    async fn plant_chunks(&self, body: &[u8]) {
        for (index, &byte) in (0..).zip(body) {
            let span = Span { index, offset: index.into(), length: 1 };
            let record = build_chunk(GENERATION, span, &[Bytes::from(vec![byte])]);
            self.plant(&self.keys.chunk(index), record).await;
        }
    }

    fn expired(&self) -> usize {
        self.store.calls(Op::Expire)
    }

    /// The most keys that were asked for together.
    fn asked(&self) -> usize {
        let log = self.store.log();
        let asked = log.iter().filter(|(op, _)| *op == Op::GetMany).map(|(_, keys)| keys.len());
        asked.max().unwrap_or(0)
    }

    /// All that was begun in the background has been done: one thread, and a store that never waits.
    async fn settle(&self) {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }
}

fn head() -> Bytes {
    head::encode(&"text/csv".to_string()).unwrap()
}

#[tokio::test]
async fn a_forged_table_makes_no_work_for_chunks_that_are_not_there() {
    for count in [u32::MAX, 1 << 20] {
        let bench = Bench::new();
        bench.plant_manifest(head(), Table::of_equal(1, count), b"").await;
        assert!(bench.streams.open("k").await.unwrap().is_none());
        bench.plant_manifest(head(), Table::of_equal(1, count), b"").await;
        let Begin::Claimed(claim) = bench.streams.begin("k").await else { panic!("not claimed") };
        bench.settle().await;
        assert!(bench.asked() <= 256, "{count}");
        assert!(bench.expired() <= 2 * 256, "{count}: {} so far", bench.expired());
        claim.release().await;
    }
}

#[tokio::test]
async fn all_chunks_that_stand_are_retired() {
    let bench = Bench::new();
    bench.plant_chunks(&[b'x'; 600]).await;
    // A few that are lost do not save the others.
    for index in 0..200 {
        bench.store.delete_if(&bench.keys.chunk(index), Condition::Always).await.unwrap();
    }
    let chunks = Chunks { store: Arc::new(bench.store.clone()), keys: bench.keys.clone() };
    chunks.retire(600, Duration::from_secs(1));
    bench.settle().await;
    for index in 200..600 {
        let left = bench.store.ttl(&bench.keys.chunk(index)).await.unwrap();
        assert!(matches!(left, Remaining::For(left) if left <= Duration::from_secs(1)), "{index}");
    }
}

#[tokio::test]
async fn a_body_of_many_tiny_chunks_is_read_a_few_at_a_time_and_verified_first() {
    let body: Vec<u8> = (0..1500_u32).map(|i| (i % 251) as u8).collect();
    let bench = Bench::new();
    bench.plant_manifest(head(), Table::of_equal(1, 1500), &body).await;
    bench.plant_chunks(&body).await;
    let whole = bench.streams.open("k").await.unwrap().expect("it stands");
    assert_eq!(whole.collect().await.unwrap(), body);
    let part = bench.streams.open_range("k", 300..1400).await.unwrap().expect("it stands");
    assert_eq!(part.collect().await.unwrap(), body[300..1400]);
    assert_eq!(bench.asked(), 256);

    // One that is lost behind the first few is noticed before the first byte all the same.
    bench.store.delete_if(&bench.keys.chunk(1499), Condition::Always).await.unwrap();
    assert!(bench.streams.open("k").await.unwrap().is_none());
}

#[tokio::test]
async fn chunks_of_a_stream_that_stays_are_left_alone() {
    let bench = Bench::new();
    // Readable for those who have another type of head.
    bench.plant_manifest(Bytes::from_static(b"\xc1"), Table::of_equal(1, 3), b"abc").await;
    bench.plant_chunks(b"abc").await;
    bench.store.fail(on(Op::Set).always(), full(Op::Set));
    let begin = bench.streams.begin("k").await;
    assert!(matches!(begin, Begin::Pass(PassReason::Store(_))), "{begin:?}");
    bench.settle().await;
    assert_eq!(bench.expired(), 0);

    bench.store.forget();
    let Begin::Claimed(claim) = bench.streams.begin("k").await else { panic!("not claimed") };
    bench.settle().await;
    assert_eq!(bench.expired(), 3, "it was displaced");
    claim.release().await;
}

#[tokio::test]
async fn a_recording_elsewhere_that_has_failed_is_not_followed() {
    let bench = Bench::new();
    let recording = Recording {
        generation: GENERATION,
        heartbeat: Duration::from_secs(1),
        key: Bytes::copy_from_slice(bench.key.as_bytes()),
        head: head(),
    };
    bench.plant(&bench.key, recording.encode()).await;
    assert!(bench.streams.follow("k").await.unwrap().is_some(), "it may live");
    let failed = End::Aborted { reason: "the source failed".into() }.encode(GENERATION);
    bench.plant(&bench.keys.beat(), failed).await;
    assert!(bench.streams.follow("k").await.unwrap().is_none());
}

#[tokio::test]
async fn no_option_is_so_long_that_a_time_overflows() {
    let options: [Setter; 5] = [
        Streams::heartbeat,
        Streams::max_fill_time,
        Streams::read_grace,
        Streams::linger,
        Streams::head_wait,
    ];
    for set in options {
        for extreme in [Duration::ZERO, Duration::MAX] {
            let bench = Bench::new();
            let streams = set(bench.streams.clone(), extreme);
            let Begin::Claimed(claim) = streams.begin("k").await else { panic!("not claimed") };
            let body = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from("abc"))]);
            let reader = claim.start("text/csv".to_string()).await.fill(body);
            assert_eq!(reader.collect().await.unwrap(), "abc");
        }
    }
    let streams = Bench::new().streams.heartbeat(Duration::ZERO).read_grace(Duration::MAX);
    assert_eq!(streams.options.heartbeat, Duration::from_millis(50));
    assert_eq!(streams.options.read_grace, Duration::from_secs(24 * 60 * 60));
}
