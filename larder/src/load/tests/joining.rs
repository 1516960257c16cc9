//! Who may share a load that is under way in the same process.

use std::{sync::Arc, time::Duration};

use cache_api::Op;
use integration_tests::{
    faults::on,
    steps::{self, settled},
};

use super::bench::{Bench, Broken, MINUTE, SECOND, key_of};
use crate::{LoadContext, LoadError, Origin, codec::Json, envelope::Kind, switches::Rule};

#[tokio::test]
async fn whoever_comes_after_a_delete_shares_no_load_from_before_it() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let before = server.load("k");
        bench.source.asked(1).await;
        bench.source.set(2);
        server.invalidate("k").await;
        let after = server.load("k");
        settled().await;
        bench.source.release();
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        (after.await.unwrap().unwrap().value, bench.source.loads())
    };
    assert_eq!(trace(Bench::new()).await, (2, 2));
    assert_eq!(trace(Bench::without(Rule::LookBeforeJoin)).await, (1, 1));
}

/// What the first load came to is known, its commit was applied, and it is still on the table.
#[tokio::test]
async fn not_even_when_it_is_over_and_not_yet_struck_off() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let before = server.load("k");
        bench.source.asked(1).await;
        let commit = bench.store.hold_reply(on(Op::Set).key(|key| *key == key_of("k")));
        bench.source.release();
        commit.arrived().await;
        // Longer than anyone waits for a commit.
        bench.clock.advance(SECOND / 5);
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        assert_eq!(bench.standing("k").await, Some(Kind::Value));
        assert!(!server.larder.inner.flights.is_empty());

        bench.source.set(2);
        server.invalidate("k").await;
        let after = server.load("k").await.unwrap().unwrap().value;
        commit.release();
        settled().await;
        assert!(server.is_idle());
        after
    };
    assert_eq!(trace(Bench::new()).await, 2);
    assert_eq!(trace(Bench::without(Rule::LookBeforeJoin)).await, 1);
}

/// Its mark stands, so nothing was deleted; and yet it may have been invalidated, by a tag.
#[tokio::test]
async fn the_mark_is_not_enough_where_there_are_tags() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let load = |server: &super::bench::Server| {
            let load = bench.source.loader();
            let tagged = |context: LoadContext| async move {
                context.tag("t").await;
                load().await
            };
            tokio::spawn(server.values.get_or_load_with("k", tagged).answer().into_future())
        };
        let before = load(&server);
        bench.source.asked(1).await;
        bench.source.set(2);
        server.invalidate_tag("t").await;
        // It finds the lease, which knows nothing of what the loader has named.
        let after = load(&server);
        settled().await;
        bench.source.release();
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        (bench.passing(after).await.unwrap().unwrap().value, bench.source.loads())
    };
    assert_eq!(trace(Bench::new()).await, (2, 2));
    assert_eq!(trace(Bench::without(Rule::SharedTagsCompared)).await, (1, 1));
}

#[tokio::test]
async fn whoever_finds_its_mark_shares_it() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.hold();
    let first = server.load("k");
    bench.source.asked(1).await;
    let second = server.load("k");
    settled().await;
    bench.source.release();
    assert_eq!(first.await.unwrap().unwrap().value, 1);
    assert_eq!(second.await.unwrap().unwrap().value, 1);
    assert_eq!(bench.source.loads(), 1);
}

#[tokio::test]
async fn whoever_insists_shares_only_what_begins_after_his_call() {
    let bench = Bench::new();
    let server = bench.server();
    let forced = || {
        let call = server.values.get_or_load("k", bench.source.loader()).force_refresh();
        tokio::spawn(call.answer().into_future())
    };
    assert_eq!(server.value("k").await, 1);
    bench.source.hold();
    bench.source.set(2);
    let first = forced();
    bench.source.asked(2).await;
    bench.source.set(3);
    let others: Vec<_> = (0..10).map(|_| forced()).collect();
    settled().await;
    bench.source.release();
    let first = first.await.unwrap().unwrap();
    assert_eq!((first.value, first.origin), (2, Origin::Loaded));
    for other in others {
        assert_eq!(other.await.unwrap().unwrap().value, 3);
    }
    assert_eq!(bench.source.loads(), 3, "those that came together shared one");
    assert_eq!(server.values.get("k").await.unwrap(), Some(3));
    assert!(server.is_idle());
}

/// Its mark stands, and yet it began before the call that insists.
#[tokio::test]
async fn whoever_insists_shares_no_load_that_is_under_way() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.hold();
    let first = server.load("k");
    bench.source.asked(1).await;
    bench.source.set(2);
    let forced = server.values.get_or_load("k", bench.source.loader()).force_refresh();
    let forced = tokio::spawn(forced.answer().into_future());
    settled().await;
    assert_eq!(bench.source.loads(), 1, "one load of a key at a time");
    bench.source.release();
    assert_eq!(first.await.unwrap().unwrap().value, 1);
    let forced = bench.passing(forced).await.unwrap().unwrap();
    assert_eq!((forced.value, forced.origin), (2, Origin::Loaded));
    assert_eq!(server.value("k").await, 2);
}

/// Nor one over a mark that nobody queues behind, which stands for as long as that one runs.
#[tokio::test]
async fn nor_one_that_began_over_the_same_pass() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.breaks(true);
    assert!(server.load("k").await.unwrap().is_err());
    bench.source.breaks(false);
    bench.source.hold();
    let first = server.load("k");
    bench.source.asked(2).await;
    bench.source.set(2);
    let forced = server.values.get_or_load("k", bench.source.loader()).force_refresh();
    let forced = tokio::spawn(forced.into_future());
    settled().await;
    bench.source.release();
    assert_eq!(first.await.unwrap().unwrap().value, 1);
    assert_eq!(bench.passing(forced).await.unwrap().unwrap(), 2);
}

/// The same type, and yet not the same bytes, or not the same meaning.
#[tokio::test]
async fn handles_that_do_not_read_each_others_entries_do_not_share_loads() {
    let bench = Bench::new();
    let server = bench.server();
    let json = server.values.codec(Json);
    let next = server.values.schema(1);
    bench.source.hold();
    let first = server.load("k");
    bench.source.asked(1).await;
    let others = [
        tokio::spawn(json.get_or_load("k", bench.source.loader()).answer().into_future()),
        tokio::spawn(next.get_or_load("k", bench.source.loader()).answer().into_future()),
        tokio::spawn(json.get_or_load("k", bench.source.loader()).answer().into_future()),
    ];
    settled().await;
    bench.source.set(2);
    bench.source.release();
    assert_eq!(first.await.unwrap().unwrap().value, 1);
    for other in others {
        let answer = bench.passing(other).await.unwrap().unwrap();
        assert_eq!((answer.value, answer.origin), (2, Origin::Loaded));
    }
    assert_eq!(bench.source.loads(), 3);
}

/// Two calls of one value type, one of which takes that there is none.
#[tokio::test]
async fn that_there_is_none_is_told_only_to_who_takes_it() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().stale_for(MINUTE).soft_timeout(SECOND);
    values.set("k", &1).await.unwrap();
    bench.clock.advance(MINUTE + SECOND);
    bench.source.hold();
    bench.source.set(0);
    let find = tokio::spawn(values.get_or_find("k", bench.source.finder()).into_future());
    bench.source.asked(1).await;
    let load = tokio::spawn(values.get_or_load("k", bench.source.loader()).answer().into_future());
    settled().await;
    bench.source.release();
    assert_eq!(find.await.unwrap().unwrap(), None);
    let loaded = load.await.unwrap().unwrap();
    assert_eq!((loaded.value, loaded.origin), (1, Origin::Stale));
}

/// Another server's lease stands. A load of this process was begun before that, and will be refused.
#[tokio::test]
async fn a_live_lease_of_another_server_is_not_displaced_by_who_shared_a_refused_load() {
    let bench = Bench::new();
    let (mine, other) = (bench.server(), bench.server());
    bench.source.hold();
    let lease = bench.store.hold(on(Op::Set).key(|key| *key == key_of("k")));
    let first = mine.load("k");
    lease.arrived().await;
    let theirs = {
        // Past the gate: the store takes it at once.
        bench.store.forget();
        let load = other.load("k");
        bench.source.asked(1).await;
        load
    };
    let second = mine.load("k");
    settled().await;
    lease.release();
    settled().await;
    assert_eq!(bench.source.loads(), 1);
    bench.source.release();
    assert_eq!(theirs.await.unwrap().unwrap().origin, Origin::Loaded);
    for waiter in [first, second] {
        assert_eq!(bench.passing(waiter).await.unwrap().unwrap().origin, Origin::Store);
    }
    assert_eq!(bench.source.loads(), 1);
}

/// A load over a pass mark is over, and its commit hangs.
#[tokio::test]
async fn whoever_may_not_share_a_load_that_is_over_loads_himself() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.breaks(true);
    assert!(server.load("k").await.unwrap().is_err());
    bench.source.breaks(false);
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));

    let call = || {
        let load = bench.source.loader();
        let tagged = |context: LoadContext| async move {
            context.tag("t").await;
            load().await
        };
        tokio::spawn(server.values.get_or_load_with("k", tagged).answer().into_future())
    };
    let commit = bench.store.hold(on(Op::Set).key(|key| *key == key_of("k")));
    let first = call();
    commit.arrived().await;
    bench.clock.advance(SECOND / 5);
    assert_eq!(first.await.unwrap().unwrap().value, 1);
    bench.source.set(2);
    server.invalidate_tag("t").await;
    let second =
        tokio::time::timeout(MINUTE, call()).await.expect("it does not go round in circles");
    assert_eq!(second.unwrap().unwrap().value, 2);
    drop(commit);
}

#[tokio::test]
async fn another_type_at_the_same_key_waits_its_turn() {
    let bench = Bench::new();
    let server = bench.server();
    let texts = server.larder.namespace("values").unwrap().typed::<String>().default_ttl(MINUTE);
    bench.source.hold();
    let number = server.load("k");
    bench.source.asked(1).await;
    let load = bench.source.loader();
    let text = async move || load().await.map(|value| value.to_string());
    let text = tokio::spawn(texts.get_or_load("k", text).into_future());
    settled().await;
    assert_eq!(bench.source.loads(), 1, "one load of a key at a time");
    bench.source.release();
    assert_eq!(number.await.unwrap().unwrap().value, 1);
    assert_eq!(bench.passing(text).await.unwrap().unwrap(), "1");
    assert!(server.is_idle());
}

#[tokio::test]
async fn a_load_within_a_load_is_one_of_another_key_or_an_error() {
    let bench = Bench::new();
    let server = bench.server();
    let (values, source) = (server.values.clone(), bench.source.clone());
    let nested = values.clone();
    let sum = values.get_or_load("sum", async move || {
        let parts = [("a", source.loader()), ("b", source.loader())];
        let mut sum = 0;
        for (key, load) in parts {
            sum += nested.get_or_load(key, load).await?;
        }
        Ok::<_, LoadError<Broken>>(sum)
    });
    assert_eq!(sum.await.unwrap(), 2);

    let nested = values.clone();
    let own = values.get_or_load("own", async move || {
        let inner = nested.clone();
        let other = nested.get_or_load("other", async move || {
            inner.get_or_load("own", async || Ok::<u64, Broken>(1)).await
        });
        other.await
    });
    let error = own.await.unwrap_err();
    let inner = error.loader().and_then(LoadError::loader);
    assert!(matches!(inner, Some(LoadError::Recursive)), "{error:?}");
    assert!(server.is_idle());
}

/// One larder before another, as a tier of its own.
#[tokio::test]
async fn a_load_of_the_same_key_from_another_larder_is_no_recursion() {
    let (near, far) = (Bench::new(), Bench::new());
    let (server, behind) = (near.server(), far.server());
    let values = behind.values.clone();
    let load = far.source.loader();
    let call = server.values.get_or_load("k", async move || values.get_or_load("k", load).await);
    assert_eq!(call.await.unwrap(), 1);
    assert_eq!(behind.values.get("k").await.unwrap(), Some(1));
}

/// Two loaders that want each other's keys. Nobody notices; their hard timeout ends it.
#[tokio::test]
async fn loads_that_wait_for_each_other_end_in_time() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().hard_timeout(10 * SECOND);
    let (meet, cross) = (std::sync::Arc::new(tokio::sync::Barrier::new(2)), values.clone());
    let load = |own: &'static str, other: &'static str| {
        let (meet, cross) = (Arc::clone(&meet), cross.clone());
        let loader = async move || {
            meet.wait().await;
            let load = async || Ok::<_, Broken>(0);
            cross.get_or_load(other, load).await.map_err(|_| Broken)
        };
        tokio::spawn(values.get_or_load(own, loader).into_future())
    };
    let (x, y) = (load("x", "y"), load("y", "x"));
    let both = async { (x.await.unwrap(), y.await.unwrap()) };
    let step = Duration::from_millis(100);
    let (x, y) = steps::passing_by(&bench.clock, step, both).await;
    assert!(x.is_err() && y.is_err());
    settled().await;
    assert!(server.is_idle());
}
