//! Locks, changes by what a value is, tickets and rate limits between several handles on one Redis, as
//! several servers hold them. Each with the naive way as its control.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use integration_tests::servers::RedisServer;
use larder::{
    Larder, RedisCache, Reserved, Space,
    lock::{LockError, LockLost},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Of each, so many: servers, tasks on each, and rounds of each task.
const SERVERS: usize = 4;
const TASKS: usize = 8;
const ROUNDS: usize = 10;
const ALL: u64 = (SERVERS * TASKS * ROUNDS) as u64;

struct Fleet {
    redis: RedisServer,
    servers: Vec<Space>,
}

async fn fleet() -> Fleet {
    let redis = RedisServer::start().await.unwrap();
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        let store = RedisCache::builder(&redis.url()).unwrap().open().await.unwrap();
        servers.push(Larder::new(store).namespace("n").unwrap());
    }
    Fleet { redis, servers }
}

impl Fleet {
    /// All tasks of all servers do this, in so many rounds.
    async fn everywhere<F>(&self, work: impl Fn(Space) -> F + Copy + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let servers = self.servers.iter().flat_map(|server| vec![server.clone(); TASKS]);
        let tasks = servers.map(|server| {
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    work(server.clone()).await;
                }
            })
        });
        join_all(tasks.collect::<Vec<_>>()).await.into_iter().for_each(|task| task.unwrap());
    }

    async fn total(&self) -> u64 {
        self.servers[0].typed::<u64>().take("k").await.unwrap().unwrap()
    }
}

/// A change in two steps, which is lost when two do it at once.
async fn naive(server: Space) {
    let counts = server.typed::<u64>();
    let old = counts.get("k").await.unwrap().unwrap_or(0);
    counts.set("k", &(old + 1)).ttl(MINUTE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_lock_one_is_at_work_and_without_it_changes_are_lost() {
    let fleet = fleet().await;
    fleet
        .everywhere(|server| async move {
            let guard = server.lock("k").wait(MINUTE).acquire().await.unwrap();
            guard.run(naive(server)).await.unwrap();
            guard.release().await;
        })
        .await;
    assert_eq!(fleet.total().await, ALL);
    fleet.everywhere(naive).await;
    assert!(fleet.total().await < ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_changes_by_what_the_value_is_none_is_lost() {
    let fleet = fleet().await;
    fleet
        .everywhere(|server| async move {
            let counts = server.typed::<u64>();
            let more = |old: Option<u64>| Some(old.unwrap_or(0) + 1);
            counts.update("k", more).ttl(MINUTE).await.unwrap();
        })
        .await;
    assert_eq!(fleet.total().await, ALL);
    fleet.everywhere(naive).await;
    assert!(fleet.total().await < ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_limit_are_admitted_however_many_ask() {
    let fleet = fleet().await;
    let limits: [fn(&Space) -> larder::rate::RateLimit; 2] = [
        |server| server.rate_limit(100, 60 * MINUTE),
        |server| server.rate_limit(100, 60 * MINUTE).sliding(),
    ];
    for (limit, least) in limits.into_iter().zip([100, 80]) {
        let admitted = Arc::<AtomicU64>::default();
        let checks = fleet.servers.iter().cycle().take(ALL as usize).map(|server| {
            let (check, admitted) = (limit(server).check("k"), Arc::clone(&admitted));
            tokio::spawn(async move {
                admitted.fetch_add(u64::from(check.await.unwrap().allowed), SeqCst);
            })
        });
        join_all(checks.collect::<Vec<_>>()).await.into_iter().for_each(|check| check.unwrap());
        let admitted = admitted.load(SeqCst);
        assert!((least..=100).contains(&admitted), "{admitted}");
    }
    // The control: look first, and count then.
    let admitted = Arc::<AtomicU64>::default();
    let checks = fleet.servers.iter().cycle().take(ALL as usize).map(|server| {
        let (counts, admitted) = (server.raw(), Arc::clone(&admitted));
        tokio::spawn(async move {
            let counted = counts.get("naive").await.unwrap().unwrap_or_else(|| "0".into());
            if std::str::from_utf8(&counted).unwrap().parse::<u64>().unwrap() < 100 {
                counts.increment("naive", 1, MINUTE).await.unwrap();
                admitted.fetch_add(1, SeqCst);
            }
        })
    });
    join_all(checks.collect::<Vec<_>>()).await.into_iter().for_each(|check| check.unwrap());
    assert!(admitted.load(SeqCst) > 100);
}

#[tokio::test]
async fn what_another_server_invalidates_is_not_set_under_a_ticket() {
    let fleet = fleet().await;
    let (a, b) = (fleet.servers[0].typed::<u64>(), fleet.servers[1].typed::<u64>());
    for by_tag in [false, true] {
        let Reserved::Ticket(ticket) = a.reserve("k").tag("t").await.unwrap() else { panic!() };
        assert!(matches!(b.reserve("k").await.unwrap(), Reserved::Busy));
        let invalidated = if by_tag { b.invalidate_tag("t") } else { b.invalidate("k") };
        invalidated.await.applied().unwrap();
        assert!(!ticket.set(&1).ttl(MINUTE).await.unwrap());
        assert_eq!(b.get("k").await.unwrap(), None);
    }
    let Reserved::Ticket(ticket) = b.reserve("k").await.unwrap() else { panic!() };
    assert!(ticket.set(&2).ttl(MINUTE).await.unwrap());
    assert!(matches!(a.reserve("k").await.unwrap(), Reserved::Found(2)));
    // The control: a plain set, which knows nothing of what happened since the source was read.
    b.invalidate("k").await.applied().unwrap();
    a.set("k", &1).ttl(MINUTE).await.unwrap();
    assert_eq!(b.get("k").await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_redis_that_stands_still_costs_the_lock_and_no_more_than_its_lifetime() {
    let fleet = fleet().await;
    let lock = fleet.servers[0].lock("k").ttl(SECOND);
    let guard = lock.acquire().await.unwrap();
    fleet.redis.stop().unwrap();
    let begun = Instant::now();
    assert_eq!(guard.run(std::future::pending::<()>()).await, Err(LockLost));
    let took = begun.elapsed();
    assert!(took <= SECOND * 3 / 2 && took > SECOND / 2, "{took:?}");
    assert_eq!(guard.valid_for(), Duration::ZERO);
    let others = fleet.servers[1].lock("k").ttl(SECOND);
    let in_vain = others.acquire().await;
    assert!(matches!(in_vain, Err(LockError::Store(_))), "{in_vain:?}");
    fleet.redis.cont().unwrap();
    let begun = Instant::now();
    let other = loop {
        match others.acquire().await {
            Ok(other) => break other,
            // It takes a moment until the connections are back.
            Err(LockError::Store(error)) if error.is_unavailable() => {}
            Err(error) => panic!("{error:?}"),
        }
        assert!(begun.elapsed() < 30 * SECOND, "Redis is back");
        tokio::time::sleep(SECOND / 50).await;
    };
    // Who lost it removes nobody else's.
    guard.release().await;
    assert!(lock.try_acquire().await.unwrap().is_none());
    assert!(other.run(async { true }).await.unwrap());

    // Someone removes it by hand: known with the next renewal.
    let guard = fleet.servers[2].lock("by hand").ttl(SECOND).acquire().await.unwrap();
    fleet.redis.cli(&["DEL", "n/.lock:by hand"]).await.unwrap();
    let begun = Instant::now();
    assert_eq!(guard.run(std::future::pending::<()>()).await, Err(LockLost));
    assert!(begun.elapsed() < SECOND * 2 / 3, "{:?}", begun.elapsed());
}
