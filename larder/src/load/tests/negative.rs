//! That a source has nothing is an answer as any other, for its own time.

use integration_tests::steps::settled;

use super::bench::{Bench, MINUTE, SECOND};
use crate::{Origin, envelope::Kind, switches::Rule};

#[tokio::test]
async fn it_is_kept_for_its_own_time_and_no_longer() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().negative_ttl(10 * SECOND).stale_for(60 * MINUTE);
    let find = || values.get_or_find("k", bench.source.finder()).answer().into_future();
    bench.source.set(0);
    let first = find().await.unwrap();
    assert_eq!((first.value, first.origin), (None, Origin::Loaded));
    let again = find().await.unwrap();
    assert_eq!((again.value, again.origin), (None, Origin::Negative));
    assert_eq!(values.get("k").await.unwrap(), None);
    assert_eq!(bench.source.loads(), 1);
    // It has no time after its time: what may be served stale is a value.
    bench.clock.advance(10 * SECOND);
    bench.source.set(2);
    let after = find().await.unwrap();
    assert_eq!((after.value, after.origin), (Some(2), Origin::Loaded));
}

#[tokio::test]
async fn it_is_not_kept_unless_somebody_said_for_how_long() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.set(0);
    let find = || server.values.get_or_find("k", bench.source.finder()).answer().into_future();
    assert_eq!(find().await.unwrap().origin, Origin::Uncached);
    assert_eq!(bench.standing("k").await, Some(Kind::Pass), "nobody queues for nothing");
    bench.source.set(2);
    assert_eq!(find().await.unwrap().value, Some(2));
}

/// It is looked for, and created and invalidated meanwhile.
#[tokio::test]
async fn what_is_created_meanwhile_is_not_hidden() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        let values = server.values.clone().negative_ttl(MINUTE);
        bench.source.set(0);
        bench.source.hold();
        let find = values.get_or_find("k", bench.source.finder()).into_future();
        let find = tokio::spawn(find);
        bench.source.asked(1).await;
        bench.source.set(2);
        server.invalidate("k").await;
        bench.source.release();
        assert_eq!(find.await.unwrap().unwrap(), None);
        values.get_or_find("k", bench.source.finder()).await.unwrap()
    };
    assert_eq!(trace(Bench::new()).await, Some(2));
    assert_eq!(trace(Bench::without(Rule::NegativesFenced)).await, None);
}

#[tokio::test]
async fn tags_invalidate_it_too() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().negative_ttl(MINUTE).tag("t");
    bench.source.set(0);
    assert_eq!(values.get_or_find("k", bench.source.finder()).await.unwrap(), None);
    bench.source.set(2);
    server.invalidate_tag("t").await;
    assert_eq!(values.get_or_find("k", bench.source.finder()).await.unwrap(), Some(2));
}

#[tokio::test]
async fn those_who_wait_for_nothing_get_it() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().negative_ttl(MINUTE);
    bench.source.set(0);
    bench.source.hold();
    let find = || tokio::spawn(values.get_or_find("k", bench.source.finder()).into_future());
    let first = find();
    bench.source.asked(1).await;
    let second = find();
    // Who takes a value only loads for himself, after that.
    let third = server.load("k");
    settled().await;
    bench.source.release();
    assert_eq!(first.await.unwrap().unwrap(), None);
    assert_eq!(second.await.unwrap().unwrap(), None);
    assert_eq!(bench.passing(third).await.unwrap().unwrap().value, 0);
    assert_eq!(bench.source.loads(), 2);
}
