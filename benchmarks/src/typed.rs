//! A typed `get` on memory, beside bare moka and rmp-serde by hand.

use std::{hint::black_box, sync::Arc};

use backend_memory::MemoryCache;
use benchmarks::{
    measure::{alternate, hits},
    record::User,
    report::{Goal, Report},
    zipf,
};
use bytes::Bytes;
use larder::Larder;
use tokio::runtime::Runtime;

const KEYS: usize = 1_000;
const CALLS: usize = 200_000;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("typed values: a record of 10 fields, 1,000 keys, one thread, ns per call");
    let larder = Larder::new(MemoryCache::builder().max_bytes(1 << 30).build());
    let users = larder.namespace("users").expect("a valid name").typed::<User>();
    let peer = moka::future::Cache::<Arc<str>, Bytes>::new(10_000_000);
    let names: Vec<Arc<str>> = (0..KEYS).map(|id| format!("users:{id}").into()).collect();
    runtime.block_on(async {
        for id in 0..KEYS as u64 {
            let user = User::new(id);
            users.set(id, &user).forever().await.expect("memory takes it");
            let bytes = rmp_serde::to_vec_named(&user).expect("a plain record");
            peer.insert(Arc::clone(&names[id as usize]), bytes.into()).await;
        }
    });
    let asked = zipf::indices(KEYS, 0.99, CALLS);
    let ours = || {
        hits(runtime, asked.iter().copied(), async |id| {
            users.get(id as u64).await.is_ok_and(|user| user.is_some())
        })
    };
    let theirs = || {
        hits(runtime, asked.iter().copied(), async |id| {
            let bytes = peer.get(&names[id]).await.expect("it was put there");
            black_box(rmp_serde::from_slice::<User>(&bytes)).is_ok()
        })
    };
    let paired = alternate(rounds, ours, theirs);
    report.pair("typed get / moka future + rmp-serde", "ns", paired, Some(Goal::AtMost(1.25)));
}
