//! `get_or_load`: what a hit costs beside a plain `get`, and a miss that a thousand tasks share beside
//! moka's `try_get_with`.

use std::{
    convert::Infallible,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use backend_memory::MemoryCache;
use cache_api::Cache;
use integration_tests::servers::RedisServer;
use larder::{Larder, RedisCache, Typed};
use tokio::runtime::Runtime;

use crate::{
    measure::{alternate, cpu, nanos_per_call},
    report::{Goal, Report},
    typed::User,
};

const CALLS: usize = 100_000;
const KEYS: u64 = 1_000;
const TASKS: usize = 1_000;
const KEYS_AT_ONCE: usize = 50;

pub(crate) fn run(report: &mut Report, one: &Runtime, many: &Runtime, rounds: usize) {
    report.section("get_or_load: a record of 10 fields, ns per call");
    let users = one.block_on(filled(MemoryCache::builder().max_bytes(1 << 30).build()));
    let users = &users;
    let paired = alternate(
        rounds,
        || hits(one, CALLS, |id| async move { users.get_or_load(id, never).await.is_ok() }),
        || hits(one, CALLS, |id| async move { users.get(id).await.is_ok() }),
    );
    report.pair("hit on memory / plain typed get", "ns", paired, Some(Goal::AtMost(1.1)));

    let server = many.block_on(RedisServer::start()).expect("redis-server starts");
    let store = many.block_on(RedisCache::connect(&server.url())).expect("it is up");
    let on_redis = many.block_on(filled(store));
    let on_redis = &on_redis;
    let paired = alternate(
        rounds,
        || {
            hits(
                many,
                CALLS / 20,
                |id| async move { on_redis.get_or_load(id, never).await.is_ok() },
            )
        },
        || hits(many, CALLS / 20, |id| async move { on_redis.get(id).await.is_ok() }),
    );
    report.pair("hit on redis / plain typed get", "ns", paired, Some(Goal::AtMost(1.1)));

    report.section("get_or_load_many: 100 keys that are there, ns per call");
    for (name, runtime, users, calls) in
        [("memory", one, users, CALLS / 50), ("redis", many, on_redis, CALLS / 100)]
    {
        let paired = alternate(
            rounds,
            || {
                hits(runtime, calls, |first| async move {
                    users.get_or_load_many(first..first + 100, never_many).await.is_ok()
                })
            },
            || {
                hits(runtime, calls, |first| async move {
                    users.get_many(first..first + 100).await.is_ok_and(|found| !found.is_empty())
                })
            },
        );
        let name = format!("hits on {name} / typed get_many");
        report.pair(name, "ns", paired, Some(Goal::AtMost(1.2)));
    }

    report.section("one missing key, 1,000 tasks on two threads, CPU ns per task");
    for (name, pause, goal) in [
        ("a loader that answers at once", Duration::ZERO, Some(Goal::AtMost(0.35))),
        ("a loader of 10 ms", Duration::from_millis(10), None),
    ] {
        let larder = Larder::new(MemoryCache::builder().max_bytes(1 << 30).build());
        let values = larder.namespace("shared").expect("a valid name").typed::<u64>();
        let keys = AtomicU64::new(0);
        let ours = || {
            shared(many, &keys, |key| {
                let values = values.clone();
                async move { values.get_or_load(key, move || load(pause)).forever().await.is_ok() }
            })
        };
        let peer = moka::future::Cache::<u64, u64>::new(1_000_000);
        let peer_keys = AtomicU64::new(0);
        let theirs = || {
            shared(many, &peer_keys, |key| {
                let peer = peer.clone();
                async move { peer.try_get_with(key, load(pause)).await.is_ok() }
            })
        };
        let paired = alternate(rounds, ours, theirs);
        report.pair(format!("shared load / moka try_get_with, {name}"), "ns", paired, goal);
    }
}

async fn load(pause: Duration) -> Result<u64, Infallible> {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    Ok(7)
}

async fn filled(store: impl Cache) -> Typed<User> {
    let users = Larder::new(store).namespace("users").expect("a valid name").typed::<User>();
    for id in 0..KEYS {
        users.set(id, &User::new(id)).forever().await.expect("the store takes it");
    }
    users.default_ttl(Duration::from_secs(3600))
}

async fn never() -> Result<User, Arc<str>> {
    Err("it is there, and was asked for all the same".into())
}

async fn never_many(_: Vec<u64>) -> Result<Vec<(u64, User)>, Arc<str>> {
    Err("they are there, and were asked for all the same".into())
}

fn hits<F: Future<Output = bool>>(
    runtime: &Runtime,
    calls: usize,
    mut call: impl FnMut(u64) -> F,
) -> f64 {
    let begin = Instant::now();
    runtime.block_on(async {
        for index in 0..calls as u64 {
            assert!(black_box(call(index * 7 % (KEYS - 100)).await));
        }
    });
    nanos_per_call(begin.elapsed(), calls)
}

/// What a thousand tasks that want one key cost, each, on average over many keys.
fn shared<F>(runtime: &Runtime, keys: &AtomicU64, task: impl Fn(u64) -> F) -> f64
where
    F: Future<Output = bool> + Send + 'static,
{
    let begin = cpu();
    runtime.block_on(async {
        for _ in 0..KEYS_AT_ONCE {
            let key = keys.fetch_add(1, Ordering::Relaxed);
            let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(task(key))).collect();
            for task in tasks {
                assert!(task.await.expect("a task that asserts its own answer"));
            }
        }
    });
    nanos_per_call(cpu() - begin, TASKS * KEYS_AT_ONCE)
}
