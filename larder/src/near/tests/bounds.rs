//! How much is kept, and what is counted.

use super::*;

const KIB: usize = 1 << 10;

async fn texts(bench: &Bench) -> (Near<String>, Typed<String>) {
    let typed = |larder: &Larder| larder.namespace("n").unwrap().typed().default_ttl(HOUR);
    let texts = (typed(&bench.larder).near(), typed(bench.other.space().larder()));
    bench.store.reports().delivered().await;
    texts
}

#[tokio::test]
async fn copies_never_take_more_than_they_may() {
    let most = 256 * KIB as u64;
    let bench = Bench::with(|builder| builder.near(most)).await;
    let (near, other) = texts(&bench).await;
    let mut peak = 0;
    for key in 0..1000 {
        other.set(key, &"x".repeat(KIB)).await.unwrap();
        bench.store.reports().delivered().await;
        near.get(key).await.unwrap();
        peak = peak.max(bench.larder.stats().near.bytes);
    }
    assert!(peak <= most, "{peak}");
    assert!(peak > most / 2, "{peak}");
}

/// A value is in memory as it is, and not as it was in the store.
#[tokio::test]
async fn a_value_counts_with_its_length_before_compression() {
    let bench = Bench::new().await;
    let (near, other) = texts(&bench).await;
    other.set("k", &"x".repeat(100 * KIB)).await.unwrap();
    let stored = bench.store.store().get(&bench.key("k")).await.unwrap().unwrap().len();
    assert!(stored < KIB, "it is compressed: {stored}");
    bench.store.reports().delivered().await;
    near.get("k").await.unwrap();
    let bytes = bench.larder.stats().near.bytes;
    assert!((100 * KIB as u64..101 * KIB as u64).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn what_is_longer_than_all_may_take_is_read_and_not_kept() {
    let bench = Bench::with(|builder| builder.near(64 * KIB as u64)).await;
    let (near, other) = texts(&bench).await;
    other.set("k", &"x".repeat(100 * KIB)).await.unwrap();
    bench.store.reports().delivered().await;
    for _ in 0..3 {
        assert!(near.get("k").await.unwrap().is_some());
    }
    let stats = bench.larder.stats().near;
    assert_eq!((stats.hits, stats.misses, stats.bytes), (0, 3, 0));
}

#[tokio::test]
async fn what_is_dropped_gives_its_bytes_back() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    assert!(bench.larder.stats().near.bytes >= 256);
    bench.put("k", 2).await;
    assert_eq!(bench.larder.stats().near.bytes, 0);
}

#[tokio::test]
async fn each_look_up_is_a_hit_or_a_miss() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.other.set("tagged", &2).tag("team").await.unwrap();
    bench.store.reports().delivered().await;
    let load = async || Ok::<u64, std::convert::Infallible>(9);
    // Missed, then hit; the first hit of one with a tag reads the tag.
    for key in ["k", "tagged", "none"] {
        for _ in 0..2 {
            bench.near.get(key).await.unwrap();
        }
    }
    let stats = bench.larder.stats().near;
    assert_eq!((stats.hits, stats.misses), (2, 4));
    for key in ["k", "tagged", "none"] {
        for _ in 0..3 {
            bench.near.get_or_load(key, load).await.unwrap();
        }
    }
    // The last was loaded, read, and is there.
    let stats = bench.larder.stats().near;
    assert_eq!((stats.hits, stats.misses), (2 + 7, 4 + 2));
}

#[tokio::test]
async fn without_room_nothing_is_kept_and_nothing_heard_of() {
    let bench = Bench::unarmed(false, |builder| builder.near(0));
    bench.put("k", 1).await;
    for _ in 0..2 {
        assert_eq!(bench.near.get("k").await.unwrap().as_deref(), Some(&1));
    }
    assert_eq!(bench.store.reports().watched().len(), 0);
    let stats = bench.larder.stats().near;
    assert_eq!((stats.hits, stats.misses, stats.bytes), (0, 2, 0));
}
