//! What a miss asks of Redis: commands, as MONITOR tells them, and how often the caller waits, told by a
//! proxy that makes each wait long.

use std::{convert::Infallible, time::Duration};

use benchmarks::{
    measure::{percentile, timed},
    record::User,
    report::{Goal, Report},
};
use integration_tests::servers::{Proxy, RedisServer};
use larder::Typed;
use tokio::runtime::Runtime;

const CALLS: u64 = 200;
const SLOW_CALLS: u64 = 20;
/// In each direction: a round trip takes two of them.
const DELAY: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn run(report: &mut Report, runtime: &Runtime) {
    report.section("what a miss asks of redis");
    runtime.block_on(async {
        let server = RedisServer::start().await.expect("redis-server starts");
        let proxy = Proxy::start(server.address()).await.expect("loopback has a free port");
        let near = open(&server.url()).await;
        let far = open(&server.url_via(proxy.address())).await;
        let goal = Some(Goal::AtMost(3.0));
        measure(report, &server, &proxy, "get_or_load, a miss", goal, async |is_far, id| {
            load(if is_far { &far } else { &near }, id).await;
        })
        .await;
        measure(report, &server, &proxy, "get, load and set by hand", None, async |is_far, id| {
            by_hand(if is_far { &far } else { &near }, id).await;
        })
        .await;
    });
}

/// Both figures of one way to see to a miss.
async fn measure(
    report: &mut Report,
    server: &RedisServer,
    proxy: &Proxy,
    name: &str,
    goal: Option<Goal>,
    miss: impl AsyncFn(bool, u64),
) {
    server.cli(&["FLUSHALL"]).await.expect("it is up");
    // From here on connections stand and scripts are known, on both ways to the server.
    miss(false, 0).await;
    miss(true, 1).await;
    let mut monitor = server.monitor().await.expect("it is up");
    for id in 2..CALLS + 2 {
        miss(false, id).await;
    }
    let commands = monitor.commands("users").await.expect("it is up");
    let per_miss = commands.len() as f64 / CALLS as f64;
    let names = commands[..per_miss as usize].join(", ");
    report.single(format!("{name}: {names}"), "commands", per_miss, goal);

    proxy.delay(DELAY);
    let mut trips = Vec::new();
    for id in CALLS + 2..CALLS + 2 + SLOW_CALLS {
        let (took, ()) = timed(miss(true, id)).await;
        trips.push(took.as_secs_f64() / (2 * DELAY).as_secs_f64());
    }
    proxy.pass();
    // The machine adds a little to each: a whole one more would not be little.
    let trips = percentile(trips, 0.5).floor();
    report.single(format!("{name}, one after the other"), "round trips", trips, goal);
}

async fn open(url: &str) -> Typed<User> {
    let larder = larder::open(url).await.expect("the server is up");
    larder.namespace("users").expect("a valid name").typed().default_ttl(HOUR)
}

async fn load(users: &Typed<User>, id: u64) {
    let loader = async move || Ok::<_, Infallible>(User::new(id));
    users.get_or_load(id, loader).await.expect("the server is up");
}

/// Without a lease: of many callers each loads, and what a delete removed may be put back.
async fn by_hand(users: &Typed<User>, id: u64) {
    assert!(users.get(id).await.expect("the server is up").is_none());
    users.set(id, &User::new(id)).await.expect("the server is up");
}
