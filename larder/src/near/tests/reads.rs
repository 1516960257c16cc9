//! Who may be given a copy.

use std::convert::Infallible;

use cache_api::Op;
use integration_tests::faults::{not_connected, on};

use super::*;
use crate::ReadToken;

#[tokio::test]
async fn a_fresh_read_goes_past_the_copy_and_leaves_a_new_one() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    bench.other.set("k", &2).await.unwrap();
    // The control: as usual.
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    assert_eq!(bench.got(bench.near.get("k").fresh()).await, (Some(2), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
}

#[tokio::test]
async fn who_has_the_token_of_a_write_sees_it() {
    let bench = Bench::new().await;
    let write = async |value| bench.other.set("k", &value).token().await.unwrap().unwrap();
    let after = |token: &ReadToken| bench.near.get("k").after(token);
    let first = write(1).await;
    bench.store.reports().delivered().await;
    bench.copied("k", 1).await;
    assert_eq!(bench.got(after(&first)).await, (Some(1), Origin::Near));

    bench.store.reports().hold();
    let second = write(2).await;
    // The control: without it.
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    assert_eq!(bench.got(after(&second)).await, (Some(2), Origin::Store));
    assert_eq!(bench.got(after(&second)).await, (Some(2), Origin::Near));
    // Of the other write: it may be older or newer, which nobody can tell.
    assert_eq!(bench.got(after(&first)).await, (Some(2), Origin::Store));
}

#[tokio::test]
async fn that_there_is_nothing_is_kept_too_when_it_stands_in_the_store() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("k").await, (None, Origin::Store));
    assert_eq!(bench.get("k").await, (None, Origin::Store), "of nothing there is no copy");

    let find = async |answers: u64| {
        let found = async move || Ok::<_, Infallible>(Some(answers).filter(|found| *found > 0));
        let found = bench.near.get_or_find("k", found).negative_ttl(HOUR).answer().await.unwrap();
        (found.value.map(|value| *value), found.origin)
    };
    assert_eq!(find(0).await, (None, Origin::Loaded));
    assert_eq!(find(1).await, (None, Origin::Negative));
    assert_eq!(find(1).await, (None, Origin::Near));
    assert_eq!(bench.get("k").await, (None, Origin::Near));

    // It is no answer to who wants a value.
    let load = async || Ok::<_, Infallible>(3);
    let loaded = bench.near.get_or_load("k", load).answer().await.unwrap();
    assert_eq!((*loaded.value, loaded.origin), (3, Origin::Loaded));
    assert_eq!(find(1).await, (Some(3), Origin::Store));
}

#[tokio::test]
async fn a_copy_is_given_only_to_who_reads_that_type_codec_and_schema() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    let space = bench.larder.namespace("n").unwrap();

    // The same bytes are this type's too: it makes a copy of its own.
    let signed = space.typed::<i64>().near();
    assert_eq!(bench.got(signed.get("k")).await, (Some(1_i64), Origin::Store));
    assert_eq!(bench.got(signed.get("k")).await, (Some(1_i64), Origin::Near));
    bench.copied("k", 1).await;

    // These cannot read the entry, and must not be given the copy.
    let schema = space.typed::<u64>().schema(1).near();
    assert_eq!(bench.got(schema.get("k")).await, (None, Origin::Store));
    let json = space.typed_with::<u64, _>(crate::codec::Json).near();
    assert_eq!(bench.got(json.get("k")).await, (None, Origin::Store));
    assert_eq!(space.typed::<String>().near().get("k").await.unwrap(), None);
    // The control: the one that made it.
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn within_a_loader_copies_are_passed_by() {
    let bench = Bench::new().await;
    bench.put("part", 1).await;
    bench.copied("part", 1).await;
    bench.store.reports().hold();
    bench.other.set("part", &2).await.unwrap();
    let load = || {
        let near = bench.near.clone();
        async move || Ok::<_, Infallible>(10 * *near.get("part").await.unwrap().unwrap())
    };
    assert_eq!(*bench.near.get_or_load("whole", load()).await.unwrap(), 20);
    // The control: outside of one it is what it was.
    assert_eq!(bench.get("part").await, (Some(1), Origin::Near));
    assert_eq!(load()().await.unwrap(), 10);
}

#[tokio::test]
async fn while_an_invalidation_waits_to_be_made_nothing_is_served_or_kept() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.put("another", 2).await;
    bench.copied("k", 1).await;
    bench.copied("another", 2).await;
    bench.store.fail(on(Op::DeleteIf).always(), not_connected(Op::DeleteIf));
    assert!(!bench.near.invalidate("k").await.is_applied());
    assert_eq!(bench.larder.stats().queued, 1);
    assert_eq!(bench.get("another").await, (Some(2), Origin::Store));
    assert!(bench.near.get("k").await.is_err(), "what stands there is not trusted");

    bench.store.forget();
    assert_eq!(bench.get("k").await, (None, Origin::Store), "it was made now");
    assert_eq!(bench.larder.stats().queued, 0);
    assert_eq!(bench.get("another").await.0, Some(2));
    assert_eq!(bench.get("another").await, (Some(2), Origin::Near));
}

#[tokio::test]
async fn who_refreshes_ahead_of_time_looks_at_the_store_in_time() {
    let bench = Bench::new().await;
    let load = async || Ok::<u64, Infallible>(1);
    let call = || bench.near.get_or_load("k", load).refresh_ahead(1.0).answer();
    assert_eq!(call().await.unwrap().origin, Origin::Loaded);
    assert_eq!(call().await.unwrap().origin, Origin::Store);
    assert_eq!(call().await.unwrap().origin, Origin::Near, "it cost nothing and lives for an hour");

    // This one cost a second, and whoever is so eager refreshes an hour ahead.
    let eager = bench.near.typed().clone().refresh_ahead(1e9).near();
    let clock = bench.clock.clone();
    let dear = async move || {
        clock.advance(SECOND);
        Ok::<u64, Infallible>(2)
    };
    eager.get_or_load("dear", dear).await.unwrap();
    for _ in 0..2 {
        assert_eq!(bench.got(eager.get("dear")).await, (Some(2), Origin::Store));
    }
    // The control: who does not.
    bench.copied("dear", 2).await;
}
