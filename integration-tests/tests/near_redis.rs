//! The near tier on a real Redis: what others change there, in whatever language, is seen.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use integration_tests::servers::{Proxy, RedisServer};
use larder::{Larder, Near, RedisCache, Typed};
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);
/// How long a copy may be behind: the newest heartbeat that was answered is at most so old.
const BOUND: Duration = Duration::from_secs(3);
/// What a report takes at most on a machine that does something else besides.
const SOON: Duration = Duration::from_millis(500);

struct Bench {
    larder: Larder,
    near: Near<u64>,
    /// Another server's.
    other: Typed<u64>,
}

impl Bench {
    async fn new(server: &RedisServer) -> Self {
        Self::via(server, &server.url()).await
    }

    /// Ours reaches the server by this address.
    async fn via(server: &RedisServer, url: &str) -> Self {
        let store = RedisCache::connect(url).await.unwrap();
        let larder = Larder::builder(store).near(1 << 20).build();
        let near = larder.namespace("n").unwrap().typed().near();
        let other = larder::open(server.url()).await.unwrap();
        let other = other.namespace("n").unwrap().typed().default_ttl(HOUR);
        other.set("k", &1).await.unwrap();
        Self { larder, near, other }
    }

    fn hits(&self) -> u64 {
        self.larder.stats().near.hits
    }

    /// What is served from memory now, if anything is.
    async fn copy(&self) -> Option<u64> {
        let before = self.hits();
        let value = self.near.get("k").await.ok()??;
        (self.hits() > before).then_some(*value)
    }

    async fn until_copied(&self, value: u64) {
        within(HOUR.min(10 * BOUND), async || self.copy().await == Some(value)).await;
    }

    /// The copy of this value is gone soon, and never served again.
    async fn until_gone(&self, value: u64, bound: Duration) {
        within(bound, async || self.copy().await != Some(value)).await;
        for _ in 0..100 {
            assert_ne!(self.copy().await, Some(value));
        }
    }
}

async fn within(bound: Duration, is: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !is().await {
        assert!(begin.elapsed() < bound, "not within {bound:?}");
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_any_client_changes_is_seen() {
    let server = RedisServer::start().await.unwrap();
    let bench = Bench::new(&server).await;
    let foreign = server.cli(&["GET", "n:k"]).await.unwrap().value().unwrap().to_vec();
    for command in [
        &["DEL", "n:k"][..],
        &["SET", "n:k", "not one of ours"],
        &["PEXPIRE", "n:k", "3600000"],
        &["PERSIST", "n:k"],
        &["RENAME", "n:k", "n:gone"],
        &["FLUSHDB"],
        &["FLUSHALL"],
    ] {
        // With a lifetime, which PERSIST takes away; and only what is told of the command counts.
        server.cli(&[b"SET", &b"n:k"[..], &foreign, b"PX", b"7200000"]).await.unwrap();
        within(SOON, async || bench.copy().await.is_none()).await;
        bench.until_copied(1).await;
        let hits = bench.hits();
        server.cli(command).await.unwrap();
        // What is only given another lifetime is read again, and the same.
        let keeps = command[0].starts_with("PE");
        if keeps {
            within(SOON, async || bench.copy().await.is_none()).await;
            bench.until_copied(1).await;
        } else {
            bench.until_gone(1, SOON).await;
        }
        assert!(bench.hits() >= hits, "{command:?}");
    }
}

#[tokio::test]
async fn an_entry_that_expires_in_the_store_is_not_served_after_it() {
    let server = RedisServer::start().await.unwrap();
    let bench = Bench::new(&server).await;
    bench.until_copied(1).await;
    server.cli(&["PEXPIRE", "n:k", "300"]).await.unwrap();
    // Redis counts in whole milliseconds, and serves an entry in the last of them too.
    let expires = Instant::now() + Duration::from_millis(302);
    let mut copied = 0;
    loop {
        let asked = Instant::now();
        let copy = bench.copy().await;
        if asked > expires {
            assert_eq!(copy, None);
            break;
        }
        copied += u32::from(copy.is_some());
        tokio::task::yield_now().await;
    }
    assert!(copied > 0, "it was in memory until then");
}

#[tokio::test]
async fn a_tag_that_another_server_invalidates_is_seen() {
    let server = RedisServer::start().await.unwrap();
    let bench = Bench::new(&server).await;
    bench.other.set("k", &2).tag("team").await.unwrap();
    bench.until_copied(2).await;
    assert!(bench.other.invalidate_tag("team").await.is_applied());
    bench.until_gone(2, SOON).await;
    assert_eq!(bench.near.get("k").await.unwrap(), None);
}

/// Whatever was missed while nobody listened is not served.
#[tokio::test]
async fn when_the_connection_that_listens_is_killed_everything_is_read_again() {
    let server = RedisServer::start().await.unwrap();
    let bench = Bench::new(&server).await;
    for value in 2..12 {
        bench.until_copied(value - 1).await;
        for id in tracking(&server).await {
            server.cli(&["CLIENT", "KILL", "ID", &id]).await.unwrap();
        }
        bench.other.set("k", &value).await.unwrap();
        bench.until_gone(value - 1, SOON).await;
    }
}

/// The ids of the connections that are told of changes.
async fn tracking(server: &RedisServer) -> Vec<String> {
    let list = server.cli(&["CLIENT", "LIST"]).await.unwrap();
    let list = String::from_utf8(list.value().unwrap().to_vec()).unwrap();
    let field = |line: &str, name: &str| {
        line.split(' ').find_map(|field| field.strip_prefix(name).map(str::to_owned)).unwrap()
    };
    let listening = list.lines().filter(|line| field(line, "flags=").contains('t'));
    listening.map(|line| field(line, "id=")).collect()
}

#[tokio::test]
async fn when_the_connection_falls_silent_copies_are_served_no_longer_than_the_bound() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let bench = Bench::via(&server, &server.url_via(proxy.address())).await;
    bench.until_copied(1).await;
    proxy.black_hole();
    bench.other.set("k", &2).await.unwrap();
    let changed = Instant::now();
    // The control: nothing is told, and for a while it is served.
    assert_eq!(bench.copy().await, Some(1));
    bench.until_gone(1, BOUND + Duration::from_millis(300)).await;
    assert!(changed.elapsed() > Duration::from_secs(1), "not for another reason");
    proxy.pass();
    proxy.cut();
    bench.until_copied(2).await;
}

/// What the server does not let us hear.
#[tokio::test]
async fn who_may_not_listen_has_copies_for_a_second() {
    let server = RedisServer::builder()
        .user("deaf", "pw", "~* &* +@all -client|tracking")
        .start()
        .await
        .unwrap();
    let bench = Bench::via(&server, &server.url_as("deaf", "pw")).await;
    bench.until_copied(1).await;
    assert_eq!(tracking(&server).await.len(), 0);
    let changed = Instant::now();
    bench.other.set("k", &2).await.unwrap();
    // The control: it is not told of it.
    assert_eq!(bench.copy().await, Some(1));
    bench.until_gone(1, Duration::from_secs(1) + SOON).await;
    assert!(changed.elapsed() > Duration::from_millis(100), "not for another reason");
    bench.until_copied(2).await;
    // What this process writes it sees at once.
    bench.near.set("k", &3).ttl(HOUR).await.unwrap();
    assert_eq!(bench.near.get("k").await.unwrap(), Some(Arc::new(3)));
}
