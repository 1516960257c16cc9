//! What becomes of conditional writes whose answers are lost, and of leases whose holders are.

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Namespace, Op, SetOptions, TestClock, Ttl};
use integration_tests::faults::{Calls, Late, Scripted, full, not_connected, on};

use super::*;
use crate::{
    envelope::{Kind, Stamp},
    testing::{dropped_after, passing, until},
};

const TTL: Ttl = Ttl::After(Duration::from_secs(60));
const PATIENCE: Duration = Duration::from_secs(2);

struct Bench {
    place: Place,
    store: Scripted,
    clock: TestClock,
}

fn bench() -> Bench {
    let clock = TestClock::new();
    let memory = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let store = Scripted::new(Arc::new(memory));
    let key = Namespace::new("n").unwrap().key("k").unwrap();
    let place = Place {
        store: Arc::new(store.clone()),
        clock: Arc::new(clock.clone()),
        key,
        switches: Default::default(),
        given_up: Arc::default(),
    };
    Bench { place, store, clock }
}

impl Bench {
    async fn stand(&self, stamp: Stamp) -> Condition {
        let record = Bytes::copy_from_slice(&stamp.to_bytes());
        let put = self.store.store().set(&self.place.key, record, SetOptions::new(TTL)).await;
        assert!(put.unwrap().is_stored());
        stamp.condition()
    }

    async fn standing(&self) -> Option<Stamp> {
        Stamp::parse(&self.store.store().get(&self.place.key).await.unwrap()?)
    }

    /// What stands there when what was late has arrived.
    async fn landed(&self, late: &Late) -> Option<Stamp> {
        assert!(late.land().await.unwrap() > 0, "something was under way");
        self.standing().await
    }

    async fn passing<T>(&self, future: impl Future<Output = T>) -> T {
        passing(&self.clock, future).await
    }

    async fn write(&self, stamp: Stamp, against: Condition) -> Written {
        let record = [&stamp.to_bytes()[..], b" and more"].concat().into();
        self.passing(write(&self.place, &record, TTL, against, PATIENCE)).await
    }
}

fn lease() -> Stamp {
    Stamp::new(Kind::Lease)
}

fn manifest() -> Stamp {
    Stamp::new(Kind::Manifest)
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out() {
    let losses: [fn(&Scripted); 3] = [
        |store| store.lose_reply(Op::Set),
        |store| store.lose_request(Op::Set),
        |store| {
            store.fail(Op::Set, not_connected(Op::Set));
            store.lose_reply(Op::Set);
        },
    ];
    for lose in losses {
        let bench = bench();
        lose(&bench.store);
        let against = bench.stand(lease()).await;
        let mine = manifest();
        assert!(matches!(bench.write(mine, against).await, Written::Applied));
        assert_eq!(bench.standing().await, Some(mine));
    }
}

/// The naive way: after an error, send it again and believe the answer.
#[tokio::test]
async fn control_repeating_blindly_takes_a_commit_that_stands_for_refused() {
    let bench = bench();
    bench.store.lose_reply(Op::Set);
    let against = bench.stand(lease()).await;
    let (mine, key) = (manifest(), &bench.place.key);
    let record = Bytes::copy_from_slice(&mine.to_bytes());
    let options = SetOptions::new(TTL).when(against);
    assert!(bench.store.set(key, record.clone(), options).await.is_err());
    let again = bench.store.set(key, record, options).await.unwrap();
    assert!(!again.is_stored(), "so its chunks would be removed");
    assert_eq!(bench.standing().await, Some(mine), "from under a manifest that stands");
}

#[tokio::test]
async fn what_was_deleted_meanwhile_does_not_stand_and_never_will() {
    let bench = bench();
    let late = bench.store.late(Op::Set);
    let against = bench.stand(lease()).await;
    bench.store.store().delete(&bench.place.key).await.unwrap();
    let written = bench.write(manifest(), against).await;
    assert!(matches!(written, Written::Refused { standing: None }), "{written:?}");
    assert_eq!(bench.landed(&late).await, None);
}

#[tokio::test]
async fn what_may_land_later_is_fenced() {
    let bench = bench();
    let late = bench.store.late(on(Op::Set).always());
    let against = bench.stand(lease()).await;
    let written = bench.write(manifest(), against).await;
    assert!(matches!(written, Written::Refused { standing: None }), "{written:?}");
    assert_eq!(bench.landed(&late).await, None);
    // Control: not fenced, it lands after its writer has cleaned up behind it.
    let bench = self::bench();
    let late = bench.store.late(Op::Set);
    let against = bench.stand(lease()).await;
    let options = SetOptions::new(TTL).when(against);
    let naive = manifest();
    let record = Bytes::copy_from_slice(&naive.to_bytes());
    assert!(bench.store.set(&bench.place.key, record, options).await.is_err());
    assert_eq!(bench.landed(&late).await, Some(naive));
}

#[tokio::test]
async fn over_nothing_an_unknown_outcome_stays_unknown() {
    let bench = bench();
    bench.store.lose_request(on(Op::Set).always());
    let written = bench.write(lease(), Condition::Absent).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
}

/// What was sent may land, whatever became of the attempts after it.
#[tokio::test]
async fn an_error_tells_of_the_attempt_that_may_still_land() {
    let bench = bench();
    let against = bench.stand(lease()).await;
    let late = bench.store.late(Op::Set);
    bench.store.fail(Calls::all().always(), not_connected(Op::Set));
    let written = bench.write(manifest(), against).await;
    let Written::Unknown(error) = written else { panic!("{written:?}") };
    assert!(error.may_have_applied(), "{error:?}");
    late.land().await.unwrap();
    assert_eq!(bench.standing().await.map(|stamp| stamp.kind), Some(Kind::Manifest));
}

/// A lease is on its way, the source is read, someone deletes, and then the lease arrives.
#[tokio::test]
async fn a_lease_over_nothing_is_sent_once_so_that_none_stands_again_after_a_delete() {
    let bench = bench();
    let late = bench.store.late(Op::Set);
    let taken = bench.passing(bench.take()).await;
    // Nobody may go on to read the source under a lease that may land later.
    assert!(matches!(taken, Taken::Failed(_)), "{taken:?}");
    assert!(bench.landed(&late).await.is_some(), "it dies of age");

    // One that landed while it was looked for is held: it can land no second time.
    let bench = self::bench();
    bench.store.lose_reply(Op::Set);
    let Taken::Held(held) = bench.passing(bench.take()).await else { panic!("it stands") };
    assert_eq!(bench.standing().await, Some(held.stamp()));

    // Control: sent again under the same stamp it is held, deleted, and stands once more, so that the
    // commit of what was read before the delete is taken.
    let bench = self::bench();
    let late = bench.store.late(Op::Set);
    let (stamp, key) = (lease(), &bench.place.key);
    let record = Bytes::copy_from_slice(&stamp.to_bytes());
    let options = SetOptions::new(TTL).when(Condition::Absent);
    assert!(bench.store.set(key, record.clone(), options).await.is_err());
    assert!(bench.store.set(key, record, options).await.unwrap().is_stored());
    assert!(bench.store.delete(key).await.unwrap());
    assert_eq!(bench.landed(&late).await, Some(stamp));
    assert!(matches!(bench.write(manifest(), stamp.condition()).await, Written::Applied));
}

#[tokio::test]
async fn what_was_not_sent_or_not_taken_has_failed_and_leaves_what_stood() {
    for error in [not_connected(Op::Set), full(Op::Set)] {
        let bench = bench();
        bench.store.fail(on(Op::Set).always(), error);
        let before = lease();
        let against = bench.stand(before).await;
        let written = bench.write(manifest(), against).await;
        assert!(matches!(written, Written::Failed(_)), "{written:?}");
        assert_eq!(bench.standing().await, Some(before));
    }
}

fn terms() -> Terms {
    Terms {
        heartbeat: Duration::from_millis(1500),
        renew_for: Duration::from_secs(60),
        patience: PATIENCE,
    }
}

impl Bench {
    async fn take(&self) -> Taken {
        take(self.place.clone(), Condition::Absent, terms(), &[]).await
    }

    async fn wait(&self, time: Duration) {
        let until = cache_api::Clock::now(&self.clock) + time;
        self.passing(cache_api::Clock::sleep(&self.clock, time)).await;
        assert!(cache_api::Clock::now(&self.clock) >= until);
    }

    async fn until_gone(&self) {
        until("the lease is gone", async || self.standing().await.is_none()).await;
    }
}

#[tokio::test]
async fn a_lease_is_renewed_while_it_is_held_and_gone_when_it_is_not() {
    let bench = bench();
    let Taken::Held(held) = bench.take().await else { panic!("nothing was there") };
    assert!(matches!(bench.take().await, Taken::Refused));
    bench.wait(Duration::from_secs(20)).await;
    assert_eq!(bench.standing().await, Some(held.stamp()));
    held.release().await;
    assert_eq!(bench.standing().await, None);

    let Taken::Held(held) = bench.take().await else { panic!("it was released") };
    drop(held);
    bench.until_gone().await;

    let Taken::Held(held) = bench.take().await else { panic!("it was dropped") };
    let stamp = held.hand_over();
    bench.wait(Duration::from_secs(2)).await;
    assert_eq!(bench.standing().await, Some(stamp), "left for what replaces it");
    bench.wait(Duration::from_secs(2)).await;
    assert_eq!(bench.standing().await, None, "and renewed no more");
}

#[tokio::test]
async fn a_hanging_holder_does_not_block_its_key_for_ever() {
    let bench = bench();
    let Taken::Held(_held) = bench.take().await else { panic!("nothing was there") };
    bench.wait(Duration::from_secs(59)).await;
    assert!(bench.standing().await.is_some());
    bench.wait(Duration::from_secs(5)).await;
    assert!(bench.standing().await.is_none());
}

#[tokio::test]
async fn a_lost_lease_is_never_placed_again_and_removes_nobody_elses() {
    let bench = bench();
    let Taken::Held(held) = bench.take().await else { panic!("nothing was there") };
    bench.store.store().delete(&bench.place.key).await.unwrap();
    bench.wait(Duration::from_secs(5)).await;
    assert!(bench.standing().await.is_none());
    let other = lease();
    bench.stand(other).await;
    held.release().await;
    assert_eq!(bench.standing().await, Some(other));
}

#[tokio::test]
async fn whoever_is_cancelled_while_taking_leaves_no_lease() {
    let bench = bench();
    for polls in 0..5 {
        let _ = dropped_after(polls, bench.take()).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        bench.until_gone().await;
    }
}

#[test]
fn a_log_does_not_print_what_the_user_calls_an_entry() {
    let mut place = bench().place;
    place.key = Namespace::new("sessions").unwrap().key("c00kie").unwrap();
    let shown = place.shown();
    assert!(shown.starts_with("sessions:#") && !shown.contains("c00kie"), "{shown}");
}

#[test]
fn the_format_of_each_release_stays_readable() {
    let version = crate::envelope::Version::from_bytes(*b"version1");
    let golden: &[u8] = include_bytes!("../../tests/golden/lease-v1.bin");
    let lease = Stamp { kind: Kind::Lease, version };
    assert_eq!(lease.to_bytes(), golden);
    assert_eq!(Stamp::parse(golden), Some(lease));
}
