//! How long other processes serve a copy after an invalidation returned: four processes on one Redis, one
//! invalidates, three look at their copies all the time. Beside it what a message and a timer of the same
//! processes take, since on a machine with fewer processors than processes both take long now and then.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use benchmarks::{
    measure::percentile,
    report::{Goal, Report},
};
use futures_util::{StreamExt, poll};
use integration_tests::servers::RedisServer;
use larder::{Larder, Near, RedisCache};
use redis::{AsyncCommands, Client, aio::MultiplexedConnection};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, Runtime};

use crate::{child, follower::micros};

/// The name of the children's part.
pub(crate) const PART: &str = "near";

const CHILDREN: usize = 3;
const KEYS: usize = 8;
const INVALIDATIONS: usize = 10_000;
const PACE: Duration = Duration::from_millis(2);
/// How long a child rests before it looks at its copies again.
const REST: Duration = Duration::from_micros(100);
/// A copy that was gone so long before the invalidation returned was dropped for another reason.
const EARLY: i64 = 5_000;
const CHANNEL: &str = "applied";
const END: &str = "end";

/// What a child saw.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Copies that were gone: of which key, of which value, and when.
    drops: Vec<(usize, u64, u64)>,
    /// How long messages took, in milliseconds.
    messages: Vec<f64>,
    /// How much longer than asked for the child rested, in milliseconds.
    rests: Vec<f64>,
}

pub(crate) fn run(report: &mut Report, runtime: &Runtime) {
    report.section(
        "near tier, 4 processes on redis: 10,000 invalidations, ms until the others see them",
    );
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    let (applied, seen) = runtime.block_on(invalidate(&server));
    let delays = seen.iter().flat_map(|seen| delays(&applied, seen)).collect::<Vec<_>>();
    let all = |of: fn(&Seen) -> &Vec<f64>| seen.iter().flat_map(of).copied().collect::<Vec<_>>();
    let share = delays.len() as f64 / (CHILDREN * INVALIDATIONS) as f64;
    report.single("copies that were there and went", "share", share, Some(Goal::AtLeast(0.9)));
    for (what, figures, goals) in [
        ("a copy is gone", delays, [None, Some(10.0), Some(50.0)]),
        ("beside it, a PUBLISH arrives", all(|seen| &seen.messages), [None; 3]),
        ("beside it, a thread wakes up late by", all(|seen| &seen.rests), [None; 3]),
    ] {
        for ((name, share), goal) in
            [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)].iter().zip(goals)
        {
            let figure = percentile(figures.iter().copied(), *share);
            report.single(format!("{what}, {name}"), "ms", figure, goal.map(Goal::AtMost));
        }
    }
}

/// Invalidates each key in turn. When each of its values was invalidated, and what the children saw.
async fn invalidate(server: &RedisServer) -> (Vec<Vec<u64>>, Vec<Seen>) {
    let values = open(&server.url()).await;
    let mut source = connect(&server.url()).await;
    let children: Vec<_> = (0..CHILDREN)
        .map(|_| child::start(PART, &server.url()).expect("this program starts again"))
        .collect();
    while subscribers(&mut source).await < CHILDREN {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut applied = vec![Vec::new(); KEYS];
    let mut pace = tokio::time::interval(PACE);
    for step in 0..INVALIDATIONS {
        pace.tick().await;
        let key = step % KEYS;
        let next = applied[key].len() as u64 + 1;
        let _: () = source.set(source_key(key), next).await.expect("the server is up");
        let outcome = values.invalidate(key).await;
        assert!(outcome.is_applied(), "the server is up");
        applied[key].push(micros());
        let _: () = source.publish(CHANNEL, micros()).await.expect("the server is up");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _: () = source.publish(CHANNEL, END).await.expect("the server is up");
    let mut seen = Vec::new();
    for child in children {
        seen.push(child.figures().await.expect("the child saw something"));
    }
    (applied, seen)
}

/// How long after each invalidation a child still had its copy, in milliseconds. The first time that it
/// was gone counts.
fn delays(applied: &[Vec<u64>], seen: &Seen) -> Vec<f64> {
    let mut is_counted: Vec<_> = applied.iter().map(|values| vec![false; values.len()]).collect();
    let delay = |(key, value, gone): &(usize, u64, u64)| {
        let value = usize::try_from(*value).ok()?;
        let late = gone.cast_signed() - applied.get(*key)?.get(value)?.cast_signed();
        let counts = late > -EARLY && !std::mem::replace(&mut is_counted[*key][value], true);
        counts.then_some(late.max(0) as f64 / 1000.0)
    };
    seen.drops.iter().filter_map(delay).collect()
}

/// The child: looks at its copies until it is told that this was all.
pub(crate) async fn part(url: &str) -> Seen {
    let values = open(url).await;
    let source = connect(url).await;
    let client = Client::open(url).expect("a valid address");
    let mut messages = client.get_async_pubsub().await.expect("the server is up");
    messages.subscribe(CHANNEL).await.expect("the server is up");
    let end = Arc::new(AtomicBool::new(false));
    let (runtime, ends) = (Handle::current(), Arc::clone(&end));
    // A thread of its own: the runtime's timers count in milliseconds.
    let looking = std::thread::spawn(move || runtime.block_on(look(&values, &source, &ends)));
    let mut took = Vec::new();
    let mut messages = messages.on_message();
    while let Some(message) = messages.next().await {
        match message.get_payload::<u64>() {
            Ok(sent) => took.push((micros() - sent) as f64 / 1000.0),
            Err(_) => break,
        }
    }
    end.store(true, SeqCst);
    let (drops, rests) = looking.join().expect("it asserts its own answers");
    Seen { drops, messages: took, rests }
}

/// Notes when copies are gone and how late this thread wakes up.
async fn look(
    values: &Near<u64>,
    source: &MultiplexedConnection,
    end: &AtomicBool,
) -> (Vec<(usize, u64, u64)>, Vec<f64>) {
    let (mut drops, mut rests) = (Vec::new(), Vec::new());
    let mut copies = [None; KEYS];
    let loading: [_; KEYS] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
    while !end.load(SeqCst) {
        for key in 0..KEYS {
            if loading[key].load(SeqCst) {
                continue;
            }
            let loader = load(source.clone(), key);
            let mut call = Box::pin(values.get_or_load(key, move || loader).into_future());
            if let std::task::Poll::Ready(value) = poll!(&mut call) {
                copies[key] = Some(*value.expect("the server is up"));
                continue;
            }
            drops.extend(copies[key].take().map(|value| (key, value, micros())));
            let is_loading = Arc::clone(&loading[key]);
            is_loading.store(true, SeqCst);
            tokio::spawn(async move {
                call.await.expect("the server is up");
                is_loading.store(false, SeqCst);
            });
        }
        let begin = Instant::now();
        std::thread::sleep(REST);
        rests.push((begin.elapsed() - REST).as_secs_f64() * 1000.0);
    }
    (drops, rests)
}

async fn load(mut source: MultiplexedConnection, key: usize) -> Result<u64, Infallible> {
    let value: Option<u64> = source.get(source_key(key)).await.expect("the server is up");
    Ok(value.unwrap_or(0))
}

fn source_key(key: usize) -> String {
    format!("source:{key}")
}

async fn open(url: &str) -> Near<u64> {
    let store = RedisCache::connect(url).await.expect("the server is up");
    let larder = Larder::builder(store).near(64 << 20).build();
    let values = larder.namespace("values").expect("a valid name").typed();
    values.default_ttl(Duration::from_secs(3600)).near()
}

async fn connect(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).expect("a valid address");
    client.get_multiplexed_async_connection().await.expect("the server is up")
}

async fn subscribers(source: &mut MultiplexedConnection) -> usize {
    let mut ask = redis::cmd("PUBSUB");
    let (_, count): (String, usize) =
        ask.arg("NUMSUB").arg(CHANNEL).query_async(source).await.expect("the server is up");
    count
}
