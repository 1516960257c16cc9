//! `get_or_load` of what is there, beside plain look-ups.

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use benchmarks::{
    measure::{alternate, hits},
    record::User,
    report::{Goal, Report},
};
use cache_api::Cache;
use integration_tests::servers::RedisServer;
use larder::{Larder, RedisCache, Typed};
use tokio::runtime::Runtime;

const KEYS: usize = 1_000;
/// How many keys one call asks for.
const MANY: usize = 100;

pub(crate) fn run(report: &mut Report, one: &Runtime, many: &Runtime, rounds: usize) {
    report.section("get_or_load: a record of 10 fields, ns per call");
    let memory = one.block_on(filled(MemoryCache::builder().max_bytes(1 << 30).build()));
    let server = many.block_on(RedisServer::start()).expect("redis-server starts");
    let store = many.block_on(RedisCache::connect(&server.url())).expect("it is up");
    let redis = many.block_on(filled(store));
    for (store, users, runtime, calls) in
        [("memory", memory, one, 100_000), ("redis", redis, many, 5_000)]
    {
        let ids = || (0..calls).map(|call| call * 7 % KEYS);
        let paired = alternate(
            rounds,
            || hits(runtime, ids(), async |id| users.get_or_load(id, never).await.is_ok()),
            || {
                hits(runtime, ids(), async |id| {
                    users.get(id).await.is_ok_and(|user| user.is_some())
                })
            },
        );
        let name = format!("hit on {store} / plain typed get");
        report.pair(name, "ns", paired, Some(Goal::AtMost(1.1)));

        let lists = || ids().take(calls / 20);
        let keys = |first: usize| (first..first + MANY).map(|id| id % KEYS);
        let paired = alternate(
            rounds,
            || {
                hits(runtime, lists(), async |first| {
                    let found = users.get_or_load_many(keys(first), never_many).await;
                    found.is_ok_and(|found| found.iter().all(Option::is_some))
                })
            },
            || {
                hits(runtime, lists(), async |first| {
                    let found = users.get_many(keys(first)).await;
                    found.is_ok_and(|found| found.iter().all(Option::is_some))
                })
            },
        );
        let name = format!("get_or_load_many, {MANY} hits on {store} / get_many");
        report.pair(name, "ns", paired, Some(Goal::AtMost(1.2)));
    }
}

async fn filled(store: impl Cache) -> Typed<User> {
    let users = Larder::new(store).namespace("users").expect("a valid name").typed::<User>();
    for id in 0..KEYS {
        users.set(id, &User::new(id as u64)).forever().await.expect("the store takes it");
    }
    users.default_ttl(Duration::from_secs(3600))
}

async fn never() -> Result<User, Arc<str>> {
    Err("it is there, and was asked for all the same".into())
}

async fn never_many(_: Vec<usize>) -> Result<Vec<(usize, User)>, Arc<str>> {
    never().await.map(|_| Vec::new())
}
