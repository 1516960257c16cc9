//! Loads of many keys, and of one, that want the same.

use std::{collections::HashMap, time::Duration};

use cache_api::{Clock as _, Op};
use integration_tests::{
    faults::on,
    steps::{passing_by, settled},
};
use tokio::task::JoinHandle;

use super::bench::{Bench, Broken, SECOND, Server, key_of};
use crate::{LoadError, switches::Rule};

type Many = Result<Vec<Option<u64>>, LoadError<Broken>>;

fn many(bench: &Bench, server: &Server, keys: &[&'static str]) -> JoinHandle<Many> {
    let source = bench.source.clone();
    let load = async move |keys: Vec<&'static str>| {
        let value = source.read().await?;
        Ok::<_, Broken>(keys.into_iter().map(|key| (key, value)).collect::<HashMap<_, _>>())
    };
    tokio::spawn(server.values.get_or_load_many(keys.to_vec(), load).into_future())
}

/// One has {x, y} and the other {y, x}, and each gets the lease of its first key.
#[tokio::test]
async fn what_was_won_is_loaded_before_anyone_waits_for_the_rest() {
    let trace = async |bench: Bench| {
        let (one, other) = (bench.server(), bench.server());
        let at = |user: &'static str| on(Op::Set).key(move |key| *key == key_of(user));
        // Each finds nothing, and reaches for both; of each the second one comes late.
        let looks = bench.store.hold_reply(Op::GetMany);
        let first = many(&bench, &one, &["x", "y"]);
        looks.arrived().await;
        let other_looks = bench.store.hold_reply(Op::GetMany);
        let other = many(&bench, &other, &["y", "x"]);
        other_looks.arrived().await;
        let late = [bench.store.hold(at("y")), bench.store.hold(at("x").times(2))];
        looks.release();
        late[0].arrived().await;
        late[1].arrived().await;
        late[1].release();
        settled().await;
        other_looks.release();
        settled().await;
        late[0].release();
        let begun = bench.clock.now();
        let both = async { (first.await.unwrap().unwrap(), other.await.unwrap().unwrap()) };
        let step = Duration::from_millis(20);
        let (first, other) = passing_by(&bench.clock, step, both).await;
        assert_eq!((&first[..], &other[..]), (&[Some(1), Some(1)][..], &[Some(1), Some(1)][..]));
        (bench.clock.now() - begun < SECOND, bench.source.loads())
    };
    assert_eq!(trace(Bench::new()).await, (true, 2));
    let (is_quick, _) = trace(Bench::without(Rule::BatchWaitsLast)).await;
    assert!(!is_quick, "they wait for each other");
}

#[tokio::test]
async fn a_delete_of_one_key_during_a_load_of_many_wins_over_that_one_alone() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let call = many(&bench, &server, &["x", "y"]);
        bench.source.asked(1).await;
        bench.source.set(2);
        server.invalidate("x").await;
        // Whoever comes now shares nothing of the one, and all of the other.
        let after = many(&bench, &server, &["x", "y"]);
        settled().await;
        bench.source.release();
        assert_eq!(call.await.unwrap().unwrap(), [Some(1), Some(1)]);
        let after = bench.passing(after).await.unwrap().unwrap();
        assert!(server.is_idle());
        (after, server.value("x").await, server.value("y").await)
    };
    assert_eq!(trace(Bench::new()).await, (vec![Some(2), Some(1)], 2, 1));
    let broken = trace(Bench::without(Rule::LookBeforeJoin)).await;
    assert_eq!(broken.0, [Some(1), Some(1)]);
    let broken = trace(Bench::without(Rule::CommitIsConditional)).await;
    assert_eq!((broken.1, broken.2), (1, 1));
}

#[tokio::test]
async fn of_many_and_of_one_there_is_one_load() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.hold();
    let one = server.load("x");
    bench.source.asked(1).await;
    let all = many(&bench, &server, &["x", "y", "z"]);
    bench.source.asked(2).await;
    let other = server.load("y");
    settled().await;
    bench.source.release();
    assert_eq!(all.await.unwrap().unwrap(), [Some(1); 3]);
    assert_eq!(one.await.unwrap().unwrap().value, 1);
    assert_eq!(bench.passing(other).await.unwrap().unwrap().value, 1);
    assert!(server.is_idle());
}
