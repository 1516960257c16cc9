use super::*;
use crate::{EvictionPolicy, MemoryCacheBuilder, entry::Entry};

/// The bytes of all values that the map holds at this moment.
fn bytes_held<S: std::hash::BuildHasher + Clone + Send + Sync + 'static>(
    map: &moka::sync::Cache<crate::entry::StoredKey, Entry, S>,
) -> usize {
    map.iter().map(|(_, entry)| entry.value.len()).sum()
}

#[tokio::test]
async fn the_longest_value_is_held_under_the_longest_key_in_a_full_store() {
    let cache = MemoryCache::builder().max_bytes(1 << 20).build();
    for n in 0..5000 {
        put(&cache, &key(n), vec![0; 100], Ttl::Never).await;
    }
    let longest_name = [["x"; 63].concat().as_str(); 4].join("/");
    let longest_key = namespace(&longest_name).key([b'k'; Key::MAX_BYTES]).unwrap();
    let longest = cache.capabilities().max_value;
    put(&cache, &longest_key, vec![7; longest], Ttl::Never).await;
    for _ in 0..3 {
        cache.store().map.run_pending_tasks();
    }
    assert_eq!(cache.get(&longest_key).await.unwrap().unwrap().len(), longest);
    assert!(cache.store().map.weighted_size() <= 1 << 20);
}

#[tokio::test]
async fn a_value_over_the_limit_is_refused_and_changes_nothing() {
    let cache = MemoryCache::builder().max_bytes(1 << 20).max_value(10).build();
    put(&cache, &key(1), "old", Ttl::Never).await;
    let error = cache
        .set(&key(1), vec![0; 11].into(), SetOptions::new(Ttl::Never))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("11") && error.contains("10"), "{error}");
    assert_eq!(cache.get(&key(1)).await.unwrap().unwrap(), "old");
}

#[test]
fn no_bound_makes_the_limit_a_lie() {
    let longest = |bytes| MemoryCache::builder().max_bytes(bytes).max_value(usize::MAX);
    assert_eq!(longest(0).bound(), MemoryCacheBuilder::SMALLEST_MAX_BYTES);
    assert!(longest(0).longest_value() > 8 << 10);
    assert!((longest(1 << 20).longest_value() as u64) < 1 << 20);
    // moka weighs in 32 bits: a longer value would be counted as less than it is.
    assert!(longest(u64::MAX).longest_value() < u32::MAX as usize);
    let small = MemoryCache::builder().max_bytes(0).build().capabilities();
    assert!(0 < small.chunks.first && small.chunks.later < small.max_value);
}

#[tokio::test]
async fn large_values_do_not_run_over_the_bound_while_moka_waits() {
    const MANY: usize = 50;
    const LARGE: usize = 1 << 20;
    let bound = 8 * LARGE;
    let cache = MemoryCache::builder().max_bytes(bound as u64).build();
    let mut most = 0;
    for n in 0..MANY {
        put(&cache, &key(n), vec![0; LARGE], Ttl::Never).await;
        most = most.max(bytes_held(&cache.store().map));
    }
    assert!(most <= bound + bound / 16 + LARGE, "{most}");

    // The control: left alone, moka looks after 64 writes of any size.
    let control = moka::sync::Cache::builder()
        .max_capacity(bound as u64)
        .weigher(|_, entry: &Entry| entry.value.len() as u32)
        .build();
    for n in 0..MANY {
        let entry = Entry { value: vec![0; LARGE].into(), deadline: None };
        control.insert(n.to_string().into_bytes().into(), entry);
    }
    assert!(bytes_held(&control) > 2 * bound);
}

#[tokio::test]
async fn what_was_just_written_to_a_full_store_stays_and_with_tiny_lfu_goes() {
    let mut kept = Vec::new();
    for policy in [EvictionPolicy::Lru, EvictionPolicy::TinyLfu] {
        let cache = MemoryCache::builder().max_bytes(1 << 20).policy(policy).build();
        for round in 0..3 {
            for n in 0..5000 {
                if round == 0 || cache.get(&key(n)).await.unwrap().is_none() {
                    put(&cache, &key(n), vec![0; 100], Ttl::Never).await;
                }
            }
        }
        for n in 0..100 {
            put(&cache, &key(format_args!("lease {n}")), "token", SECOND * 60).await;
        }
        cache.store().map.run_pending_tasks();
        let mut stand = 0;
        for n in 0..100 {
            let lease = cache.get(&key(format_args!("lease {n}"))).await.unwrap();
            stand += usize::from(lease.is_some());
        }
        kept.push(stand);
    }
    assert_eq!(kept[0], 100);
    assert!(kept[1] < 50, "{kept:?}");
}
