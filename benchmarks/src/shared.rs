//! A miss that a thousand tasks share, beside moka's `try_get_with`.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use backend_memory::MemoryCache;
use benchmarks::{
    measure::{alternate, cpu, nanos_per_call},
    report::{Goal, Report},
};
use larder::Larder;
use tokio::runtime::Runtime;

const TASKS: usize = 1_000;
const KEYS_AT_ONCE: usize = 50;

pub(crate) fn run(report: &mut Report, many: &Runtime, rounds: usize) {
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
