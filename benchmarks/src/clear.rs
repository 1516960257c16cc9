//! `clear` of 100,000 keys among 1,000,000, and what other clients feel of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backend_redis::RedisCache;
use benchmarks::{
    measure::{percentile, timed},
    report::{Goal, Report},
};
use cache_api::{Cache, Namespace};
use integration_tests::servers::RedisServer;
use tokio::{runtime::Runtime, sync::oneshot};

pub(crate) fn run(report: &mut Report, runtime: &Runtime) {
    report.section("clear on redis: 100,000 keys among 1,000,000");
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    runtime.block_on(async {
        fill(&server.url()).await;
        let cache: Arc<dyn Cache> =
            Arc::new(RedisCache::connect(&server.url()).await.expect("the server is up"));
        let (stop, stopped) = oneshot::channel();
        let other = tokio::spawn(someone_else(server.url(), stopped));
        let namespace = Namespace::new("target").expect("a valid name");
        let (took, cleared) = timed(cache.clear(&namespace)).await;
        cleared.expect("the server is up");
        stop.send(()).expect("the other client is running");
        let latencies = other.await.expect("the other client asserts its own answers");
        assert_eq!(count(&server.url()).await, 900_000, "clear removed what it should");
        report.single("clear", "s", took.as_secs_f64(), Some(Goal::AtMost(3.0)));
        let p99 = percentile(latencies, 0.99);
        report.single("another client's GET meanwhile, p99", "ms", p99, Some(Goal::AtMost(20.0)));
    });
}

/// GETs one after the other on a connection of its own; their latencies in milliseconds.
async fn someone_else(url: String, mut stopped: oneshot::Receiver<()>) -> Vec<f64> {
    let client = redis::Client::open(url).expect("a valid address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the server is up");
    let mut latencies = Vec::new();
    while stopped.try_recv().is_err() {
        let begin = Instant::now();
        let found: redis::RedisResult<Option<bytes::Bytes>> =
            redis::cmd("GET").arg("other:5").query_async(&mut connection).await;
        assert!(found.is_ok());
        latencies.push(begin.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    latencies
}

async fn fill(url: &str) {
    let client = redis::Client::open(url).expect("a valid address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the server is up");
    for batch in 0..1000 {
        let mut pipeline = redis::pipe();
        for key in batch * 1000..(batch + 1) * 1000 {
            // Every tenth key lies in the namespace that is cleared.
            let namespace = if key % 10 == 0 { "target" } else { "other" };
            pipeline.cmd("SET").arg(format!("{namespace}:{key}")).arg("0123456789").ignore();
        }
        let filled: redis::RedisResult<()> = pipeline.query_async(&mut connection).await;
        filled.expect("the server has room");
    }
}

async fn count(url: &str) -> u64 {
    let client = redis::Client::open(url).expect("a valid address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the server is up");
    redis::cmd("DBSIZE").query_async(&mut connection).await.expect("the server is up")
}
