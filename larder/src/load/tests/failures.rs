//! Sources that fail, panic, hang, or have what cannot be kept.

use std::time::Duration;

use cache_api::{Error, Op};
use futures_util::future::join_all;
use integration_tests::steps::{passing, settled};
use tokio::task::JoinHandle;

use super::bench::{Bench, Broken, MINUTE, SECOND, Server};
use crate::{
    Larder, LoadError, Loaded, Origin,
    codec::{Codec, CodecError, Output},
    envelope::Kind,
};

type Failed = Result<u64, LoadError<Broken>>;

/// Many callers of one load, whose loader waits to be released and then does this.
async fn shared(
    bench: &Bench,
    server: &Server,
    ends: fn() -> Result<u64, Broken>,
) -> Vec<Result<u64, LoadError<Broken>>> {
    bench.source.hold();
    let before = bench.source.loads();
    let call = || -> JoinHandle<Failed> {
        let load = bench.source.loader();
        let load = async move || {
            load().await?;
            ends()
        };
        tokio::spawn(server.values.get_or_load("k", load).into_future())
    };
    let first = call();
    bench.source.asked(before + 1).await;
    let mut calls: Vec<_> = (0..20).map(|_| call()).collect();
    calls.push(first);
    settled().await;
    bench.source.release();
    let answers = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(bench.source.loads(), before + 1, "nobody asks again");
    settled().await;
    assert!(server.is_idle());
    answers
}

#[tokio::test]
async fn an_error_reaches_everyone_who_waits_once_and_nobody_asks_again() {
    let bench = Bench::new();
    let server = bench.server();
    for answer in shared(&bench, &server, || Err(Broken)).await {
        let error = answer.unwrap_err();
        assert_eq!(error.loader(), Some(&Broken));
        assert_eq!(error.to_string(), "the loader failed");
    }
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));
    // Who comes later asks for himself.
    assert_eq!(server.value("k").await, 1);
    assert_eq!(server.larder.stats().loads.failed, 1);
    assert_eq!(server.larder.stats().loads.done, 1);
}

#[tokio::test]
async fn so_does_a_panic() {
    let bench = Bench::new();
    let server = bench.server();
    for answer in shared(&bench, &server, || panic!("a mistake of the loader's")).await {
        assert!(matches!(answer, Err(LoadError::Panicked)), "{answer:?}");
    }
    assert_eq!(server.value("k").await, 1);
    bench.evict("k").await;
    // Not only in its future, but already when it is called.
    fn panics() -> futures_util::future::BoxFuture<'static, Result<u64, Broken>> {
        panic!("a mistake of the closure's")
    }
    let answer = server.values.get_or_load("k", panics).await;
    assert!(matches!(answer, Err(LoadError::Panicked)), "{answer:?}");
    assert_eq!(server.value("k").await, 1);
    assert!(server.is_idle());
}

#[tokio::test]
async fn a_loader_that_hangs_is_given_up_in_time() {
    let bench = Bench::new();
    let (server, other) = (bench.server(), bench.server());
    bench.source.hold();
    let calls: Vec<_> = (0..10).map(|_| server.load("k")).collect();
    bench.source.asked(1).await;
    bench.wait(29 * SECOND).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    assert_eq!(bench.standing("k").await, Some(Kind::Lease));
    bench.wait(SECOND + SECOND / 100).await;
    for call in calls {
        let answer = call.await.unwrap();
        assert!(matches!(answer, Err(LoadError::TimedOut)), "{answer:?}");
    }
    assert_eq!(bench.source.loads(), 1);
    bench.source.release();
    settled().await;
    assert_eq!(bench.standing("k").await, Some(Kind::Pass), "its key is free");
    assert_eq!(other.value("k").await, 1);
    assert!(server.is_idle());
}

/// The runtime that a load is on ends, and who waits is on another one.
#[test]
fn a_load_that_is_cut_off_is_told_to_those_who_wait() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let bench = Bench::new();
    let server = bench.server();
    let (first, second) = (runtime(), runtime());
    bench.source.hold();
    let call = |runtime: &tokio::runtime::Runtime| {
        let call = server.values.get_or_load("k", bench.source.loader());
        runtime.spawn(call.into_future())
    };
    let _begins = call(&first);
    let until = |is: &dyn Fn() -> bool| {
        while !is() {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    until(&|| bench.source.loads() == 1);
    let waits = call(&second);
    until(&|| server.larder.stats().loads.waits == 2);
    first.shutdown_timeout(Duration::from_secs(10));
    let answer = second.block_on(waits).unwrap();
    let is_told = matches!(answer, Err(LoadError::Cache(Error::Unavailable { .. })));
    assert!(is_told, "{answer:?}");
    assert!(server.is_idle());
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_shared_all_the_same() {
    let bench = Bench::new();
    let builder = Larder::builder(bench.store.clone());
    let small = builder.clock(std::sync::Arc::new(bench.clock.clone())).max_value(8).build();
    let texts = small.namespace("values").unwrap().typed::<String>().default_ttl(MINUTE);
    let long = || async { Ok::<_, Broken>("longer than eight bytes".to_owned()) };
    for load in [texts.get_or_load("k", long), texts.get_or_load("k", long)] {
        let answer = load.answer().await.unwrap();
        assert_eq!((answer.value.len(), answer.origin), (23, Origin::Uncached));
    }
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));

    let server = bench.server();
    bench.evict("k").await;
    let once = || async { Ok::<_, Broken>(Loaded::new(1).ttl(Duration::ZERO)) };
    assert_eq!(server.values.get_or_load("k", once).await.unwrap(), 1);
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));
    bench.evict("k").await;
    let once = || async { Ok::<_, Broken>(Loaded::new(1).do_not_store()) };
    assert_eq!(server.values.get_or_load("k", once).await.unwrap(), 1);
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));
}

/// A codec that writes nothing.
#[derive(Clone)]
struct Mute;

impl Codec<u64> for Mute {
    const ID: u8 = 200;

    fn encode(&self, _: &u64, _: &mut Output) -> Result<(), CodecError> {
        Err("not today".into())
    }

    fn decode(&self, _: bytes::Bytes) -> Result<u64, CodecError> {
        Err("not today".into())
    }
}

#[tokio::test]
async fn a_value_that_does_not_encode_is_the_first_callers_alone() {
    let bench = Bench::new();
    let server = bench.server();
    let mute = server.values.codec(Mute);
    bench.source.hold();
    let call = || {
        let call = mute.get_or_load("k", bench.source.loader());
        tokio::spawn(call.into_future())
    };
    let first = call();
    bench.source.asked(1).await;
    let second = call();
    settled().await;
    bench.source.release();
    let answers = [first.await.unwrap(), second.await.unwrap()];
    let told = answers.iter().filter(|answer| matches!(answer, Ok(1))).count();
    let errors = answers.iter().filter(|answer| matches!(answer, Err(LoadError::Cache(_)))).count();
    assert_eq!((told, errors), (1, 1), "{answers:?}");
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_asked() {
    let bench = Bench::new();
    let server = bench.server();
    let untimed = server.larder.namespace("values").unwrap().typed::<u64>();
    let long = "x".repeat(2000);
    let answers = [
        untimed.get_or_load("k", bench.source.loader()).await,
        server.values.get_or_load(&*long, bench.source.loader()).await,
        server.values.get_or_load("k", bench.source.loader()).tag(&*long).await,
    ];
    for answer in answers {
        assert!(matches!(answer, Err(LoadError::Cache(_))), "{answer:?}");
    }
    assert_eq!((bench.store.log().len(), bench.source.loads()), (0, 0));
    let load = bench.source.loader();
    let with_ttl = async move || Ok::<_, Broken>(Loaded::new(load().await?).ttl(SECOND));
    assert_eq!(untimed.get_or_load("k", with_ttl).answer().await.unwrap().origin, Origin::Loaded);
}

/// A miss is three round trips, two of them before the loader is asked.
#[tokio::test]
async fn what_a_call_costs() {
    let bench = Bench::new();
    let server = bench.server();
    assert_eq!(server.origin("k").await, Origin::Loaded);
    let ops = |bench: &Bench| bench.store.log().into_iter().map(|(op, _)| op).collect::<Vec<_>>();
    assert_eq!(ops(&bench), [Op::Get, Op::Set, Op::Set]);
    bench.store.clear_log();
    assert_eq!(server.origin("k").await, Origin::Store);
    assert_eq!(ops(&bench), [Op::Get]);
    passing(&bench.clock, settled()).await;
}
