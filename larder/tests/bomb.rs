//! Alone in its file, and so in its process: it looks at the memory of all of it.

#![cfg(all(target_os = "linux", feature = "memory"))]

use std::{fs, sync::Arc};

use larder::{Bytes, Larder, MemoryCache, codec::RawBytes};

/// The most memory that this process ever held, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.trim_end_matches("kB").trim().parse().expect("it is a number")
}

#[tokio::test]
async fn a_bomb_costs_no_memory() {
    // 48 MiB of zeros, legal for whoever wrote them, take up a few KiB in the store.
    let store = Arc::new(MemoryCache::builder().build());
    let writer = Larder::builder(Arc::clone(&store)).max_value(64 << 20).build();
    let pages = writer.namespace("n").unwrap().typed_with::<Bytes, _>(RawBytes);
    pages.set("bomb", &Bytes::from(vec![0; 48 << 20])).forever().await.unwrap();
    let stored = writer.namespace("n").unwrap().raw().get("bomb").await.unwrap().unwrap();
    assert!(stored.len() < 64 << 10);

    // What making it took stays the peak, so that is the mark: 48 MiB more would show. First the
    // control, a reader with a limit that allows it, then one with a limit that does not.
    let held = vec![1_u8; 64 << 20];
    let before = peak();
    let reader = Larder::builder(Arc::clone(&store)).max_value(1 << 20).build();
    let refused = reader.namespace("n").unwrap().typed_with::<Bytes, _>(RawBytes);
    for _ in 0..10 {
        assert_eq!(refused.get("bomb").await.unwrap(), None);
    }
    assert_eq!(reader.stats().damaged.over_limit, 10);
    let after = peak();
    let allowed = pages.get("bomb").await.unwrap().unwrap();
    let control = peak();
    assert!(after - before < 4 << 10, "{before} KiB, then {after}");
    assert!(control - before > 32 << 10, "{before} KiB, then {control}: nothing was measured");
    drop((held, allowed));
}
