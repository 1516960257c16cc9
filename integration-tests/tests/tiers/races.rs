//! What overtakes what, step by step. Each step is shown with a front that does not mind it too.

use std::sync::Arc;

use cache_api::{Cache, Op, TestClock};
use futures_util::StreamExt;
use integration_tests::faults::{Scripted, on};
use tokio::task::JoinHandle;

use crate::{
    bench::{Bench, SECOND, key, namespace, put, scripted, settle},
    naive::Naive,
};

/// Two scripted stores, and something over them that is to be right.
struct Race {
    front: Scripted,
    back: Scripted,
    store: Arc<dyn Cache>,
}

impl Race {
    async fn tiers() -> Self {
        let Bench { front, back, tiers, .. } = Bench::new().armed().await;
        Self { front, back, store: Arc::new(tiers) }
    }

    async fn naive(make: fn(Scripted, Scripted) -> Naive) -> Self {
        let clock = TestClock::new();
        let (front, back) = (scripted(&clock), scripted(&clock));
        let naive = make(front.clone(), back.clone());
        naive.listen(&namespace()).await;
        Self { front, back, store: Arc::new(naive) }
    }

    fn reading(&self) -> JoinHandle<Option<bytes::Bytes>> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.get(&key("k")).await.unwrap() })
    }

    async fn read(&self) -> String {
        let found = self.store.get(&key("k")).await.unwrap();
        String::from_utf8(found.unwrap().into()).unwrap()
    }

    /// What somebody else writes, and everyone is told.
    async fn others_write(&self, value: &'static str) {
        put(&**self.back.store(), &key("k"), value, 60 * SECOND).await;
        self.back.reports().delivered().await;
        settle().await;
    }

    async fn write(&self, value: &'static str) {
        put(&*self.store, &key("k"), value, 60 * SECOND).await;
    }
}

/// The back has answered, the answer is under way, and the entry changes.
async fn a_change_between_the_answer_and_the_copy(race: Race) -> String {
    race.others_write("old").await;
    let gate = race.back.hold_reply(Op::Get);
    let reader = race.reading();
    gate.arrived().await;
    race.others_write("new").await;
    gate.release();
    assert_eq!(reader.await.unwrap().unwrap(), "old", "it began before the change");
    settle().await;
    race.read().await
}

#[tokio::test]
async fn a_copy_that_is_older_than_a_change_is_not_kept() {
    let race = Race::tiers().await;
    assert_eq!(a_change_between_the_answer_and_the_copy(race).await, "new");
    let control = Race::naive(Naive::new).await;
    assert_eq!(a_change_between_the_answer_and_the_copy(control).await, "old");
}

/// The copy is on its way to the front, the entry is changed by this process and acknowledged, and only then
/// the front takes the copy, and takes its time to remove it again.
async fn a_copy_that_the_front_takes_late(race: Race) -> String {
    race.others_write("old").await;
    let taking = race.front.hold(Op::Set);
    let reader = race.reading();
    taking.arrived().await;
    race.write("new").await;
    settle().await;
    let removing = race.front.hold(Op::DeleteIf);
    taking.release();
    removing.arrived().await;
    let read = race.read().await;
    removing.release();
    assert_eq!(reader.await.unwrap().unwrap(), "old");
    settle().await;
    assert_eq!(race.read().await, "new", "in the end it is removed");
    read
}

#[tokio::test]
async fn nobody_looks_for_a_copy_that_is_being_made() {
    let race = Race::tiers().await;
    assert_eq!(a_copy_that_the_front_takes_late(race).await, "new");
    let control = Race::naive(Naive::with_tokens).await;
    assert_eq!(a_copy_that_the_front_takes_late(control).await, "old");
}

/// The removal of a copy takes its time.
async fn a_removal_that_takes_time(race: Race) -> String {
    race.others_write("old").await;
    for _ in 0..2 {
        assert_eq!(race.read().await, "old");
    }
    let removing = race.front.hold(Op::DeleteIf);
    put(&**race.back.store(), &key("k"), "new", 60 * SECOND).await;
    removing.arrived().await;
    settle().await;
    let read = race.read().await;
    removing.release();
    settle().await;
    assert_eq!(race.read().await, "new", "in the end it is removed");
    read
}

#[tokio::test]
async fn nobody_looks_for_a_copy_that_is_being_removed() {
    assert_eq!(a_removal_that_takes_time(Race::tiers().await).await, "new");
    assert_eq!(a_removal_that_takes_time(Race::naive(Naive::new).await).await, "old");
}

#[tokio::test]
async fn of_many_readers_one_makes_the_copy_and_none_waits_for_it() {
    let race = Race::tiers().await;
    race.others_write("v").await;
    let taking = race.front.hold(Op::Set);
    for _ in 0..10 {
        assert_eq!(race.read().await, "v");
    }
    taking.arrived().await;
    assert_eq!((race.front.calls(Op::Set), race.back.calls(Op::Ttl)), (1, 1));
    taking.release();
    settle().await;
    let before = race.back.calls(Op::Get);
    assert_eq!(race.read().await, "v");
    assert_eq!(race.back.calls(Op::Get), before);
}

#[tokio::test]
async fn a_reader_who_goes_away_leaves_the_copy_to_be_made() {
    let race = Race::tiers().await;
    race.others_write("v").await;
    let taking = race.front.hold(Op::Set);
    let reader = race.reading();
    taking.arrived().await;
    reader.abort();
    taking.release();
    settle().await;
    assert_eq!(race.read().await, "v");
    assert_eq!(race.back.calls(Op::Get), 1);
}

#[tokio::test]
async fn who_watches_the_tiers_is_told_when_the_front_serves_the_old_copy_no_more() {
    for late in [Op::Ttl, Op::DeleteIf] {
        let race = Race::tiers().await;
        race.others_write("old").await;
        let watch = race.store.watch().unwrap();
        let mut changes = watch.changes(&[namespace()]).await.unwrap();
        for _ in 0..2 {
            race.read().await;
        }
        let before = race.back.calls(Op::Get);
        race.read().await;
        assert_eq!(race.back.calls(Op::Get), before, "it is in the front");
        // Whatever the front takes its time for.
        let gate = race.front.hold(on(late).always());
        put(&**race.back.store(), &key("k"), "new", 60 * SECOND).await;
        changes.next().await.unwrap();
        assert_eq!(race.read().await, "new");
        drop(gate);
    }
}

#[tokio::test]
async fn what_a_watch_does_not_tell_of_any_more_the_front_does_not_serve() {
    let bench = Bench::new().armed().await;
    let key = key("k");
    bench.write_and_tell(&key, "old").await;
    bench.get(&key).await;
    // The front does not hear of it, and whoever watches from now on will not be told.
    bench.back.reports().hold();
    put(&**bench.back.store(), &key, "new", 60 * SECOND).await;
    assert_eq!(bench.get(&key).await.unwrap(), "old", "the control: before the watch");
    let watch = bench.tiers.watch().unwrap();
    let _changes = watch.changes(&[namespace()]).await.unwrap();
    assert_eq!(bench.get(&key).await.unwrap(), "new");
}
