//! What is kept, of what, and for how long.

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Namespace, Op, Remaining, SetOptions, SetOutcome, Ttl};
use integration_tests::faults::Scripted;
use larder::{
    envelope::{Kind, Stamp},
    tiered::Tiered,
};

use crate::bench::{Bench, SECOND, key, namespace, put, settle};

#[tokio::test]
async fn what_was_read_is_read_from_the_front() {
    let bench = Bench::new().armed().await;
    let key = key("k");
    assert_eq!(bench.get(&key).await, None);
    bench.write_and_tell(&key, "v").await;
    bench.forget();
    for _ in 0..5 {
        assert_eq!(bench.get(&key).await.unwrap(), "v");
    }
    assert_eq!(bench.back.log(), [(Op::Get, vec![key.clone()]), (Op::Ttl, vec![key])]);
    let stats = bench.tiers.stats();
    assert_eq!((stats.hits, stats.namespaces), (4, 1));
}

#[tokio::test]
async fn many_are_asked_of_each_once() {
    let bench = Bench::new().armed().await;
    let keys: Vec<_> = ["a", "b", "none", "a"].map(key).into();
    bench.write(&keys[0], "in front", Ttl::Never).await;
    bench.write(&keys[1], "behind", Ttl::Never).await;
    bench.back.reports().delivered().await;
    bench.get(&keys[0]).await;
    bench.forget();
    let wanted = [Some("in front".into()), Some("behind".into()), None, Some("in front".into())];
    assert_eq!(bench.tiers.get_many(&keys).await.unwrap(), wanted);
    assert_eq!(bench.back.log()[0], (Op::GetMany, keys[1..3].to_vec()));
    assert_eq!((bench.front.calls(Op::GetMany), bench.back.calls(Op::GetMany)), (1, 1));
    assert_eq!(bench.tiers.get_many(&keys).await.unwrap(), wanted);
    assert_eq!(bench.back.log().last().unwrap(), &(Op::GetMany, vec![keys[2].clone()]));
    bench.forget();
    assert_eq!(bench.tiers.get_many(&keys[..2]).await.unwrap(), wanted[..2]);
    assert!(bench.back.log().is_empty());
    assert_eq!(bench.tiers.get_many(&[]).await.unwrap(), [None::<Bytes>; 0]);
}

#[tokio::test]
async fn a_copy_dies_with_its_entry_counted_from_when_its_lifetime_was_asked() {
    let bench = Bench::new().armed().await;
    let key = key("k");
    bench.write(&key, "v", 60 * SECOND).await;
    bench.back.reports().delivered().await;
    let gate = bench.back.hold_reply(Op::Ttl);
    bench.get(&key).await;
    gate.arrived().await;
    // The answer is under way for a while.
    bench.clock.advance(10 * SECOND);
    gate.release();
    settle().await;
    bench.clock.advance(50 * SECOND - Duration::from_nanos(1));
    assert!(!bench.asks_back(&key).await, "it lives");
    assert_eq!(bench.tiers.ttl(&key).await.unwrap(), Remaining::For(Duration::from_nanos(1)));
    bench.clock.advance(Duration::from_nanos(1));
    // The front, who began to count when it was told, still has it.
    assert!(bench.front.store().get(&key).await.unwrap().is_some());
    assert_eq!(bench.get(&key).await, None);
    assert_eq!(bench.tiers.ttl(&key).await.unwrap(), Remaining::Missing);
}

#[tokio::test]
async fn its_lifetime_is_said_by_the_copy_and_changed_by_the_back() {
    let bench = Bench::new().armed().await;
    let key = key("k");
    bench.write_and_tell(&key, "v").await;
    bench.get(&key).await;
    bench.forget();
    assert_eq!(bench.tiers.ttl(&key).await.unwrap(), Remaining::Never);
    assert!(bench.back.log().is_empty());
    assert!(bench.tiers.expire(&key, (5 * SECOND).into(), Condition::Present).await.unwrap());
    assert_eq!(bench.tiers.ttl(&key).await.unwrap(), Remaining::For(5 * SECOND));
    bench.get(&key).await;
    bench.clock.advance(5 * SECOND);
    assert_eq!(bench.get(&key).await, None);
}

#[tokio::test]
async fn what_is_missing_is_not_kept() {
    let bench = Bench::new().armed().await;
    for _ in 0..2 {
        assert!(bench.asks_back(&key("none")).await);
    }
    assert_eq!(bench.back.calls(Op::Ttl), 0);
}

#[tokio::test]
async fn whoever_loads_or_records_is_asked_after_at_the_back() {
    let bench = Bench::new().armed().await;
    for kind in Kind::ALL {
        let key = key(&format!("{kind:?}"));
        let record = Bytes::copy_from_slice(&Stamp::new(kind).to_bytes());
        let _ = bench.tiers.set(&key, record, SetOptions::new(Ttl::Never)).await.unwrap();
        bench.back.reports().delivered().await;
        bench.get(&key).await;
        assert_eq!(bench.asks_back(&key).await, kind.is_transient(), "{kind:?}");
    }
}

#[tokio::test]
async fn of_the_librarys_own_namespaces_only_tags_are_kept() {
    let bench = Bench::new().armed().await;
    for (name, kept) in [("tag", true), ("tag-seq", false), ("chunk", false), ("refresh", false)] {
        let key = namespace().reserved(name).unwrap().key("x").unwrap();
        put(&bench.tiers, &key, "v", Ttl::Never).await;
        bench.get(&key).await;
        bench.serving().await;
        bench.get(&key).await;
        assert_eq!(!bench.asks_back(&key).await, kept, "{name}");
        assert_eq!(bench.front.log().is_empty(), !kept, "{name}");
    }
}

#[tokio::test]
async fn of_more_namespaces_than_that_nothing_is_kept() {
    let bench = Bench::with(|back| back, |builder| builder.namespaces(2));
    for (name, kept) in [("a", true), ("b/c", true), ("d", false), ("a", true)] {
        let key = Namespace::new(name).unwrap().key("k").unwrap();
        put(&bench.tiers, &key, "v", Ttl::Never).await;
        bench.get(&key).await;
        bench.serving().await;
        bench.get(&key).await;
        assert_eq!(!bench.asks_back(&key).await, kept, "{name}");
    }
    assert_eq!(bench.tiers.stats().namespaces, 2);
    assert_eq!(bench.back.reports().watched().last().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_too_long_for_the_front_is_the_backs() {
    let front = Scripted::new(Arc::new(MemoryCache::builder().max_value(100).build()));
    let tiers = Tiered::new(front.clone(), MemoryCache::new());
    let (fits, long) = (key("fits"), key("long"));
    for (key, length) in [(&fits, 68), (&long, 69)] {
        let _ = tiers.set(key, vec![0; length].into(), SetOptions::new(Ttl::Never)).await.unwrap();
    }
    while !tiers.stats().is_serving {
        tiers.get(&fits).await.unwrap();
        settle().await;
    }
    front.clear_log();
    for key in [&fits, &long] {
        for _ in 0..2 {
            assert!(tiers.get(key).await.unwrap().is_some());
        }
    }
    assert_eq!((tiers.stats().hits, front.calls(Op::Set)), (1, 1));
}

#[tokio::test]
async fn what_stands_is_said_by_the_back() {
    let bench = Bench::new().armed().await;
    let key = key("k");
    bench.write_and_tell(&key, "copied").await;
    bench.get(&key).await;
    bench.back.reports().hold();
    bench.write(&key, "newer", Ttl::Never).await;
    assert_eq!(bench.get(&key).await.unwrap(), "copied", "it was not told yet");
    let once = SetOptions::new(Ttl::Never).when(Condition::Absent);
    let refused = bench.tiers.set(&key, "mine".into(), once).await.unwrap();
    assert_eq!(refused, SetOutcome::Refused { standing: Some("newer".into()) });
    assert_eq!(bench.get(&key).await.unwrap(), "newer", "a refusal is news");
}

#[tokio::test]
async fn what_others_left_in_the_front_is_nobodys() {
    let directory = tempfile::tempdir().unwrap();
    let back = Arc::new(MemoryCache::new());
    let key = key("k");
    put(&*back, &key, "first", Ttl::Never).await;
    let open = async || {
        let front = SledCache::open(directory.path()).await.unwrap();
        let tiers = Tiered::new(front, Arc::clone(&back));
        tiers.get(&key).await.unwrap();
        while !tiers.stats().is_serving {
            settle().await;
        }
        tiers
    };
    let read = async |tiers: &Tiered| tiers.get(&key).await.unwrap().unwrap();
    let tiers = open().await;
    read(&tiers).await;
    assert_eq!(read(&tiers).await, "first");
    assert_eq!(tiers.stats().hits, 1);
    drop(tiers);

    // While nobody listened.
    put(&*back, &key, "second", Ttl::Never).await;
    let tiers = open().await;
    assert_eq!(read(&tiers).await, "second");
    assert_eq!(tiers.stats().hits, 0);
    assert_eq!(read(&tiers).await, "second");
    assert_eq!(tiers.stats().hits, 1);
    drop(tiers);

    // The control: what a front without owners would have served.
    let front = SledCache::open(directory.path()).await.unwrap();
    let left: Vec<Key> = vec![key.clone()];
    assert!(front.get_many(&left).await.unwrap()[0].is_some());
}
