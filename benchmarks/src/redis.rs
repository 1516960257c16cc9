//! The Redis store, beside the redis crate's own multiplexed connection.

use std::sync::Arc;

use backend_redis::RedisCache;
use benchmarks::{
    measure::{alternate, timed},
    report::{Goal, Report},
};
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions};
use integration_tests::servers::RedisServer;
use redis::aio::MultiplexedConnection;
use std::time::Duration;
use tokio::runtime::Runtime;

const KEYS: usize = 1_000;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("redis: 1,000 keys, operations per second");
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    let bench = runtime.block_on(Bench::new(&server.url()));
    for size in [128, 4096] {
        let value = Bytes::from(vec![7; size]);
        runtime.block_on(bench.fill(&value));
        for tasks in [1, 64, 256] {
            let calls = if tasks == 1 { 6_000 } else { 60_000 };
            let get = alternate(
                rounds,
                || runtime.block_on(bench.ours(tasks, calls, None)),
                || runtime.block_on(bench.peer(tasks, calls, None)),
            );
            // One task: a latency of at most 1.10 of the peer's is a rate of at least 1 / 1.10.
            let goal = if tasks == 1 { 0.909 } else { 1.0 };
            let name = format!("get {size} B, {tasks} tasks / redis multiplexed");
            report.pair(name, "ops/s", get, (size == 128).then_some(Goal::AtLeast(goal)));
            let set = alternate(
                rounds,
                || runtime.block_on(bench.ours(tasks, calls, Some(&value))),
                || runtime.block_on(bench.peer(tasks, calls, Some(&value))),
            );
            let name = format!("set {size} B, {tasks} tasks / redis multiplexed");
            report.pair(name, "ops/s", set, None);
        }
    }
}

struct Bench {
    ours: Arc<dyn Cache>,
    peer: MultiplexedConnection,
    keys: Arc<Vec<Key>>,
}

impl Bench {
    async fn new(url: &str) -> Self {
        let namespace = Namespace::new("bench").expect("a valid name");
        let keys = (0..KEYS).map(|i| namespace.key(format!("key-{i}")).expect("a short key"));
        let client = redis::Client::open(url).expect("a valid address");
        Self {
            ours: Arc::new(RedisCache::connect(url).await.expect("the server is up")),
            peer: client.get_multiplexed_async_connection().await.expect("the server is up"),
            keys: Arc::new(keys.collect()),
        }
    }

    async fn fill(&self, value: &Bytes) {
        for key in &*self.keys {
            let options = SetOptions::new(Duration::from_secs(3600));
            let stored = self.ours.set(key, value.clone(), options).await;
            assert!(stored.is_ok_and(|outcome| outcome.is_stored()));
        }
    }

    /// Operations per second of this many tasks that together make this many calls.
    async fn ours(&self, tasks: usize, calls: usize, value: Option<&Bytes>) -> f64 {
        rate(tasks, calls, |task| {
            let (cache, keys) = (Arc::clone(&self.ours), Arc::clone(&self.keys));
            let value = value.cloned();
            async move {
                for call in 0..calls / tasks {
                    let key = &keys[(task * 31 + call * 7) % KEYS];
                    match &value {
                        None => assert!(cache.get(key).await.is_ok_and(|found| found.is_some())),
                        Some(value) => {
                            let options = SetOptions::new(Duration::from_secs(3600));
                            assert!(cache.set(key, value.clone(), options).await.is_ok());
                        }
                    }
                }
            }
        })
        .await
    }

    async fn peer(&self, tasks: usize, calls: usize, value: Option<&Bytes>) -> f64 {
        rate(tasks, calls, |task| {
            let (mut connection, keys) = (self.peer.clone(), Arc::clone(&self.keys));
            let value = value.cloned();
            async move {
                for call in 0..calls / tasks {
                    let key = keys[(task * 31 + call * 7) % KEYS].as_bytes();
                    match &value {
                        None => {
                            let mut get = redis::cmd("GET");
                            let found: redis::RedisResult<Option<Bytes>> =
                                get.arg(key).query_async(&mut connection).await;
                            assert!(found.is_ok_and(|found| found.is_some()));
                        }
                        Some(value) => {
                            let mut set = redis::cmd("SET");
                            set.arg(key).arg(&value[..]).arg("PX").arg(3_600_000);
                            let stored: redis::RedisResult<()> =
                                set.query_async(&mut connection).await;
                            assert!(stored.is_ok());
                        }
                    }
                }
            }
        })
        .await
    }
}

async fn rate<F>(tasks: usize, calls: usize, work: impl Fn(usize) -> F + Send + Sync) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let (took, ()) = timed(async {
        let running: Vec<_> = (0..tasks).map(|task| tokio::spawn(work(task))).collect();
        for task in running {
            task.await.expect("a task that asserts its own answers");
        }
    })
    .await;
    calls as f64 / took.as_secs_f64()
}
