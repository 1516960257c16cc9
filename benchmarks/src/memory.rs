//! The memory store through `Arc<dyn Cache>`, beside bare moka.

use std::{hint::black_box, sync::Arc, time::Instant};

use backend_memory::MemoryCache;
use benchmarks::{
    measure::{alternate, nanos_per_call},
    report::{Goal, Report},
    zipf,
};
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions, Ttl};
use tokio::runtime::Runtime;

const VALUE: usize = 128;
const CALLS: usize = 400_000;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("memory: 128 B values, zipf 0.99, one thread, ns per call");
    for (keys, goal) in [(100_000, 1.10), (1_000, 1.30)] {
        let bench = Bench::new(runtime, keys);
        let paired = alternate(rounds, || bench.ours_get(), || bench.future_get());
        report.pair(
            format!("get hit, {keys} keys / moka future"),
            "ns",
            paired,
            Some(Goal::AtMost(goal)),
        );
        let paired = alternate(rounds, || bench.ours_get(), || bench.sync_get());
        report.pair(format!("get hit, {keys} keys / moka sync"), "ns", paired, None);
        let paired = alternate(rounds, || bench.ours_set(), || bench.future_set());
        report.pair(format!("set, {keys} keys / moka future"), "ns", paired, None);
    }
}

struct Bench<'a> {
    runtime: &'a Runtime,
    ours: Arc<dyn Cache>,
    future: moka::future::Cache<Arc<str>, Bytes>,
    sync: moka::sync::Cache<Arc<str>, Bytes>,
    keys: Vec<Key>,
    names: Vec<Arc<str>>,
    asked: Vec<usize>,
    value: Bytes,
}

impl<'a> Bench<'a> {
    fn new(runtime: &'a Runtime, count: usize) -> Self {
        let namespace = Namespace::new("bench").expect("a valid name");
        let names: Vec<Arc<str>> = (0..count).map(|i| format!("bench:key-{i}").into()).collect();
        let keys = (0..count)
            .map(|i| namespace.key(format!("key-{i}")).expect("a short key"))
            .collect::<Vec<_>>();
        let bench = Self {
            runtime,
            ours: Arc::new(MemoryCache::builder().max_bytes(1 << 30).build()),
            future: moka::future::Cache::new(10_000_000),
            sync: moka::sync::Cache::new(10_000_000),
            keys,
            names,
            asked: zipf::indices(count, 0.99, CALLS),
            value: Bytes::from(vec![7; VALUE]),
        };
        runtime.block_on(async {
            for (key, name) in bench.keys.iter().zip(&bench.names) {
                let stored =
                    bench.ours.set(key, bench.value.clone(), SetOptions::new(Ttl::Never)).await;
                assert!(stored.is_ok_and(|outcome| outcome.is_stored()));
                // A value of its own for each key, as in life: one that all share stays in the CPU's cache.
                let copy = || Bytes::copy_from_slice(&bench.value);
                bench.future.insert(Arc::clone(name), copy()).await;
                bench.sync.insert(Arc::clone(name), copy());
            }
        });
        bench
    }

    fn ours_get(&self) -> f64 {
        self.block_on(async {
            for index in &self.asked {
                let value = self.ours.get(&self.keys[*index]).await;
                assert!(black_box(value).is_ok_and(|value| value.is_some()));
            }
        })
    }

    fn future_get(&self) -> f64 {
        self.block_on(async {
            for index in &self.asked {
                assert!(black_box(self.future.get(&self.names[*index]).await).is_some());
            }
        })
    }

    fn sync_get(&self) -> f64 {
        self.block_on(async {
            for index in &self.asked {
                assert!(black_box(self.sync.get(&self.names[*index])).is_some());
            }
        })
    }

    fn ours_set(&self) -> f64 {
        self.block_on(async {
            for index in &self.asked {
                let options = SetOptions::new(Ttl::Never);
                let stored = self.ours.set(&self.keys[*index], self.value.clone(), options).await;
                assert!(black_box(stored).is_ok());
            }
        })
    }

    fn future_set(&self) -> f64 {
        self.block_on(async {
            for index in &self.asked {
                self.future.insert(Arc::clone(&self.names[*index]), self.value.clone()).await;
            }
        })
    }

    fn block_on(&self, work: impl Future<Output = ()>) -> f64 {
        let begin = Instant::now();
        self.runtime.block_on(work);
        nanos_per_call(begin.elapsed(), self.asked.len())
    }
}
