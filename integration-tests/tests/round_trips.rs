//! What larder asks of Redis, command by command: each is a round trip, unless it says otherwise.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{collections::HashMap, convert::Infallible, time::Duration};

use integration_tests::servers::{Monitor, RedisServer};
use larder::{Larder, Near, RedisCache, Typed};

const HOUR: Duration = Duration::from_secs(3600);

async fn prices(server: &RedisServer) -> Typed<u64> {
    let larder: Larder = larder::open(server.url()).await.unwrap();
    let prices = larder.namespace("prices").unwrap().typed().default_ttl(HOUR);
    // From here on the server knows the scripts.
    load(&prices, "warm").await;
    prices
}

async fn load(prices: &Typed<u64>, key: &str) {
    prices.get_or_load(key, async || Ok::<_, Infallible>(3)).await.unwrap();
}

async fn asked(monitor: &mut Monitor<'_>) -> Vec<String> {
    monitor.commands("prices").await.unwrap()
}

#[tokio::test]
async fn a_hit_is_one_round_trip_and_a_miss_three() {
    let server = RedisServer::start().await.unwrap();
    let prices = prices(&server).await;
    let mut monitor = server.monitor().await.unwrap();

    load(&prices, "tea").await;
    assert_eq!(asked(&mut monitor).await, ["GET", "SET", "EVALSHA"]);
    load(&prices, "tea").await;
    assert_eq!(asked(&mut monitor).await, ["GET"]);

    // The control: without a lease it is one less, and a delete meanwhile is lost.
    assert_eq!(prices.get("milk").await.unwrap(), None);
    prices.set("milk", &3).await.unwrap();
    assert_eq!(asked(&mut monitor).await, ["GET", "SET"]);
}

#[tokio::test]
async fn a_tag_costs_a_miss_one_round_trip_and_a_hit_none() {
    let server = RedisServer::start().await.unwrap();
    let prices = prices(&server).await.tag("drinks");
    // Whoever asks first makes the record of the tag.
    load(&prices, "coffee").await;
    let mut monitor = server.monitor().await.unwrap();

    load(&prices, "tea").await;
    assert_eq!(asked(&mut monitor).await, ["MGET", "SET", "EVALSHA"]);
    load(&prices, "tea").await;
    assert_eq!(asked(&mut monitor).await, ["MGET"]);
}

#[tokio::test]
async fn many_keys_are_as_many_round_trips_as_one() {
    let server = RedisServer::start().await.unwrap();
    let prices = prices(&server).await;
    let mut monitor = server.monitor().await.unwrap();
    let load = async |keys: Vec<u64>| {
        Ok::<HashMap<_, _>, Infallible>(keys.into_iter().map(|key| (key, 2 * key)).collect())
    };

    prices.get_or_load_many(0..10, load).await.unwrap();
    let mut commands = asked(&mut monitor).await;
    assert_eq!(commands.len(), 1 + 10 + 10);
    // Those of a kind are sent side by side.
    commands.dedup();
    assert_eq!(commands, ["MGET", "SET", "EVALSHA"]);
    prices.get_or_load_many(0..10, load).await.unwrap();
    assert_eq!(asked(&mut monitor).await, ["MGET"]);
}

#[tokio::test]
async fn a_near_hit_asks_nothing_and_what_makes_it_one_round_trip() {
    let server = RedisServer::start().await.unwrap();
    let store = RedisCache::connect(&server.url()).await.unwrap();
    let larder = Larder::builder(store).near(1 << 20).build();
    let prices = larder.namespace("prices").unwrap().typed().near();
    prices.set("tea", &3).forever().await.unwrap();
    let mut monitor = server.monitor().await.unwrap();
    until_near(&larder, &prices, "tea").await;
    asked(&mut monitor).await;
    prices.get("tea").await.unwrap();
    assert_eq!(asked(&mut monitor).await, [""; 0]);
    // The control: past the copies.
    prices.get("tea").fresh().await.unwrap();
    // Both at once.
    assert_eq!(asked(&mut monitor).await, ["GET", "PTTL"]);
}

/// Reads until a copy is kept: changes are told from some moment on.
async fn until_near(larder: &Larder, prices: &Near<u64>, key: &str) {
    let before = larder.stats().near.hits;
    let hit = async {
        while larder.stats().near.hits == before {
            prices.get(key).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), hit).await.expect("a copy is kept");
}
