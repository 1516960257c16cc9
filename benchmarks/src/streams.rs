//! Streams of 64 MiB through Redis, beside what one would write by hand with the redis crate.

use std::time::{Duration, Instant};

use benchmarks::{
    measure::{alternate, percentile},
    report::{Goal, Report},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use integration_tests::servers::RedisServer;
use larder::stream::Streams;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
const MIB: usize = 1 << 20;
const BODY: usize = 64 * MIB;
const PIECE: usize = 64 << 10;
/// How many SETs, or keys of an MGET, the hand-written way has under way.
const WINDOW: usize = 16;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("streams on redis: 64 MiB in pieces of 64 KiB");
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    let bench = runtime.block_on(Bench::new(&server.url()));
    let ours_record = || runtime.block_on(bench.record());
    let record = alternate(rounds, ours_record, || runtime.block_on(bench.sets()));
    let goal = Some(Goal::AtLeast(0.85));
    report.pair("record / SETs, 16 in flight", "MB/s", record, goal);
    let one = alternate(rounds, ours_record, || runtime.block_on(bench.one_set()));
    report.pair("record / one SET of 64 MiB", "MB/s", one, Some(Goal::AtLeast(2.0)));

    let mut first_bytes = Vec::new();
    let ours_replay = || {
        let (rate, first) = runtime.block_on(bench.replay());
        first_bytes.push(first);
        rate
    };
    let replay = alternate(rounds, ours_replay, || runtime.block_on(bench.mgets()));
    report.pair("replay / MGET windows of 16", "MB/s", replay, goal);
    let first = percentile(first_bytes, 0.5);
    report.single("replay, first byte, median", "ms", first, Some(Goal::AtMost(2.0)));
}

struct Bench {
    streams: Streams<()>,
    peer: MultiplexedConnection,
    piece: Bytes,
}

impl Bench {
    async fn new(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a valid address");
        // The crate's default of half a second is too short for one SET of 64 MiB.
        let patient =
            redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
        let peer = client.get_multiplexed_async_connection_with_config(&patient).await;
        Self {
            streams: open(url).await,
            peer: peer.expect("the server is up"),
            piece: Bytes::from(vec![7; PIECE]),
        }
    }

    async fn record(&self) -> f64 {
        let begin = Instant::now();
        let mut recorder =
            self.streams.record("body", ()).ttl(HOUR).await.expect("the server is up");
        for _ in 0..BODY / PIECE {
            recorder.write(self.piece.clone()).await.expect("the server is up");
        }
        let committed = recorder.commit().await.expect("the server is up");
        assert!(committed.stored && committed.length == BODY as u64);
        rate(begin)
    }

    async fn replay(&self) -> (f64, f64) {
        let begin = Instant::now();
        let reader = self.streams.open("body").await.expect("the server is up");
        let mut reader = reader.expect("it was recorded");
        let (mut length, mut first) = (0, f64::NAN);
        while let Some(bytes) = reader.next().await {
            if length == 0 {
                first = begin.elapsed().as_secs_f64() * 1000.0;
            }
            length += bytes.expect("a whole body").len();
        }
        assert_eq!(length, BODY);
        (rate(begin), first)
    }

    /// A chunk per key, 16 SETs under way.
    async fn sets(&self) -> f64 {
        let begin = Instant::now();
        stream::iter(0..BODY / PIECE)
            .map(|index| {
                let (mut connection, piece) = (self.peer.clone(), self.piece.clone());
                async move {
                    let mut set = redis::cmd("SET");
                    set.arg(format!("peer:{index}")).arg(&piece[..]).arg("PX").arg(3_600_000);
                    set.query_async::<()>(&mut connection).await.expect("the server is up");
                }
            })
            .buffer_unordered(WINDOW)
            .collect::<Vec<()>>()
            .await;
        rate(begin)
    }

    async fn one_set(&self) -> f64 {
        let body = vec![7u8; BODY];
        let begin = Instant::now();
        let mut set = redis::cmd("SET");
        set.arg("peer:whole").arg(&body[..]).arg("PX").arg(3_600_000);
        set.query_async::<()>(&mut self.peer.clone()).await.expect("the server is up");
        rate(begin)
    }

    /// Windows of 16 keys, one after the other.
    async fn mgets(&self) -> f64 {
        let begin = Instant::now();
        let mut length = 0;
        for window in (0..BODY / PIECE).step_by(WINDOW) {
            let mut mget = redis::cmd("MGET");
            for index in window..window + WINDOW {
                mget.arg(format!("peer:{index}"));
            }
            let chunks: Vec<Bytes> =
                mget.query_async(&mut self.peer.clone()).await.expect("the server is up");
            length += chunks.iter().map(Bytes::len).sum::<usize>();
        }
        assert_eq!(length, BODY);
        rate(begin)
    }
}

/// The streams of a namespace on this server.
pub(crate) async fn open(url: &str) -> Streams<()> {
    let larder = larder::open(url).await.expect("the server is up");
    larder.namespace("bench").expect("a valid name").streams().max_length(u64::MAX)
}

fn rate(begin: Instant) -> f64 {
    BODY as f64 / 1e6 / begin.elapsed().as_secs_f64()
}
