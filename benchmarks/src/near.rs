//! A hit on the near tier, beside moka with the same `Arc`s.

use std::{hint::black_box, sync::Arc, time::Instant};

use backend_memory::MemoryCache;
use larder::{Larder, Near};
use tokio::runtime::Runtime;

use crate::{
    measure::{alternate, nanos_per_call},
    report::{Goal, Report},
    typed::User,
    zipf,
};

const CALLS: usize = 400_000;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("near tier: a record of 10 fields, zipf 0.99, one thread, ns per call");
    for (keys, goal) in [(100_000, Some(Goal::AtMost(0.5))), (1_000, None)] {
        let (near, peer, names) = runtime.block_on(filled(keys));
        let asked = zipf::indices(keys, 0.99, CALLS);
        let ours = || {
            let begin = Instant::now();
            runtime.block_on(async {
                for index in &asked {
                    let user = near.get(*index as u64).await;
                    assert!(black_box(user).is_ok_and(|user| user.is_some()));
                }
            });
            nanos_per_call(begin.elapsed(), asked.len())
        };
        let theirs = || {
            let begin = Instant::now();
            runtime.block_on(async {
                for index in &asked {
                    assert!(black_box(peer.get(&names[*index]).await).is_some());
                }
            });
            nanos_per_call(begin.elapsed(), asked.len())
        };
        let paired = alternate(rounds, ours, theirs);
        report.pair(
            format!("near get, {keys} keys / moka get of the same Arc"),
            "ns",
            paired,
            goal,
        );
    }
}

/// A near tier and a moka cache that hold the same users.
async fn filled(
    keys: usize,
) -> (Near<User>, moka::future::Cache<Arc<str>, Arc<User>>, Vec<Arc<str>>) {
    let store = MemoryCache::builder().max_bytes(1 << 30).build();
    let larder = Larder::builder(store).near(1 << 30).build();
    let near = larder.namespace("users").expect("a valid name").typed::<User>().near();
    let peer = moka::future::Cache::new(10_000_000);
    let names: Vec<Arc<str>> = (0..keys).map(|id| format!("users:{id}").into()).collect();
    for id in 0..keys as u64 {
        near.set(id, &User::new(id)).forever().await.expect("memory takes it");
    }
    for (id, name) in names.iter().enumerate() {
        // Kept once it is read while changes are told.
        let user = loop {
            let before = larder.stats().near.hits;
            let user = near.get(id as u64).await.expect("memory answers").expect("it was set");
            if larder.stats().near.hits > before {
                break user;
            }
            tokio::task::yield_now().await;
        };
        peer.insert(Arc::clone(name), user).await;
    }
    (near, peer, names)
}
