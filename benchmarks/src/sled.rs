//! The sled store, beside bare sled.

use std::{cell::Cell, sync::Arc, time::Duration};

use backend_sled::SledCache;
use benchmarks::{
    measure::{alternate, nanos_per_call, timed},
    report::Report,
};
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions};
use tokio::runtime::Runtime;

const KEYS: usize = 10_000;

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("sled: 10,000 keys, one task, µs per call");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ours: Arc<dyn Cache> = Arc::new(
        runtime.block_on(SledCache::open(folder.path().join("ours"))).expect("an empty folder"),
    );
    let peer = ::sled::Config::new()
        .path(folder.path().join("peer"))
        .cache_capacity(64 << 20)
        .open()
        .expect("an empty folder");
    let namespace = Namespace::new("bench").expect("a valid name");
    let keys: Vec<Key> =
        (0..KEYS).map(|i| namespace.key(format!("key-{i}")).expect("a short key")).collect();
    for size in [128, 4096] {
        // A new value each time: sled skips a write that changes nothing.
        let fills = Cell::new(0u8);
        let value = || {
            fills.set(fills.get().wrapping_add(1));
            Bytes::from(vec![fills.get(); size])
        };
        let set = alternate(
            rounds,
            || {
                let value = value();
                let work = async {
                    for key in &keys {
                        let options = SetOptions::new(Duration::from_secs(3600));
                        assert!(ours.set(key, value.clone(), options).await.is_ok());
                    }
                };
                micros(runtime.block_on(timed(work)).0)
            },
            || {
                let value = value();
                let work = async {
                    for key in &keys {
                        assert!(peer.insert(key.as_bytes(), &value[..]).is_ok());
                    }
                };
                micros(runtime.block_on(timed(work)).0)
            },
        );
        report.pair(format!("set {size} B / bare sled"), "µs", set, None);
        let get = alternate(
            rounds,
            || {
                let work = async {
                    for key in &keys {
                        assert!(ours.get(key).await.is_ok_and(|found| found.is_some()));
                    }
                };
                micros(runtime.block_on(timed(work)).0)
            },
            || {
                let work = async {
                    for key in &keys {
                        assert!(peer.get(key.as_bytes()).is_ok_and(|found| found.is_some()));
                    }
                };
                micros(runtime.block_on(timed(work)).0)
            },
        );
        report.pair(format!("get {size} B / bare sled"), "µs", get, None);
    }
}

fn micros(took: Duration) -> f64 {
    nanos_per_call(took, KEYS) / 1000.0
}
