//! A hit on the near tier, beside moka with the same `Arc`s.

use std::sync::Arc;

use benchmarks::{
    measure::{alternate, hits},
    report::{Goal, Report},
    warm::Warm,
};
use tokio::runtime::Runtime;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("near tier: a record of 10 fields, zipf 0.99, one thread, ns per call");
    for (keys, goal) in [(100_000, Some(Goal::AtMost(0.5))), (1_000, None)] {
        let warm = Warm::with(keys, runtime);
        let peer = moka::future::Cache::<Arc<str>, _>::new(10_000_000);
        // Made before the clock starts: a look-up in a map, and no more.
        let names: Vec<Arc<str>> = (0..keys).map(|id| format!("users:{id}").into()).collect();
        for (name, user) in names.iter().zip(warm.users(runtime)) {
            runtime.block_on(peer.insert(Arc::clone(name), user));
        }
        let theirs = || {
            hits(runtime, warm.asked.iter().copied(), async |id| {
                peer.get(&names[id]).await.is_some()
            })
        };
        let paired = alternate(rounds, || warm.hits(runtime), theirs);
        let name = format!("near get, {keys} keys / moka get of the same Arc");
        report.pair(name, "ns", paired, goal);
    }
}
