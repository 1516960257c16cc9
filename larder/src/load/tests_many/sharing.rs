//! Keys that others load too, in this process and on other servers.

use cache_api::Op;
use integration_tests::faults::on;

use super::*;
use crate::LoadError;

#[tokio::test]
async fn a_batch_shares_the_load_of_one_key() {
    let Fixture { larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let one = tokio::spawn({
        let (values, held) = (values.clone(), held.clone());
        async move { values.get_or_load(2, || held.one(2)).await }
    });
    held.door.reached_by(1).await;
    let batch = tokio::spawn(source.load(&values, [1, 2, 3]).into_future());
    settled().await;
    // What nobody else loads is loaded and stored before it waits.
    assert_eq!(values.get_many([1, 3]).await.unwrap(), [Some(10), Some(30)]);
    assert!(!batch.is_finished());
    held.door.open();
    assert_eq!(batch.await.unwrap().unwrap(), [Some(10), Some(20), Some(30)]);
    assert_eq!(one.await.unwrap().unwrap(), 20);
    assert_eq!(source.asked(), [vec![2], vec![1, 3]]);
    landed(&larder).await;
}

#[tokio::test]
async fn a_call_for_one_key_shares_the_load_of_a_batch() {
    let Fixture { larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let batch = tokio::spawn(held.load(&values, [1, 2]).into_future());
    held.door.reached_by(1).await;
    let ones: Vec<_> = [1, 2, 1]
        .map(|key| {
            let (values, source) = (values.clone(), source.clone());
            tokio::spawn(async move { values.get_or_load(key, move || source.one(key)).await })
        })
        .into();
    let other = tokio::spawn(source.load(&values, [2, 3]).into_future());
    settled().await;
    held.door.open();
    for (one, value) in ones.into_iter().zip([10, 20, 10]) {
        assert_eq!(one.await.unwrap().unwrap(), value);
    }
    assert_eq!(batch.await.unwrap().unwrap(), [Some(10), Some(20)]);
    assert_eq!(other.await.unwrap().unwrap(), [Some(20), Some(30)]);
    assert_eq!(source.asked(), [vec![1, 2], vec![3]]);
    landed(&larder).await;
}

/// Two servers want `{1, 2}` and `{2, 1}`, and each has its first key.
#[tokio::test]
async fn two_batches_that_want_each_others_keys_do_not_wait_for_each_other() {
    let Fixture { clock, store, source, values: a, .. } = fixture();
    let (_, b) = server(&store, &clock);
    let source = source.behind_a_door();
    let lease = store.hold(on(Op::Set).key(|key| key.user() == b"2"));
    let first = tokio::spawn(source.load(&a, [1, 2]).into_future());
    lease.arrived().await;
    settled().await;
    let second = tokio::spawn(source.load(&b, [2, 1]).into_future());
    source.door.reached_by(1).await;
    lease.release();
    source.door.reached_by(2).await;
    source.door.open();
    within(&clock, Duration::from_secs(2), || first.is_finished() && second.is_finished())
        .await
        .expect("nobody waits for who waits for him");
    assert_eq!(first.await.unwrap().unwrap(), [Some(10), Some(20)]);
    assert_eq!(second.await.unwrap().unwrap(), [Some(20), Some(10)]);
    assert_eq!(source.asked(), [[2], [1]], "each key was loaded once in the fleet");
}

/// The control: one key is held while the other is waited for.
#[tokio::test]
async fn two_that_hold_one_key_and_want_the_other_do_wait() {
    let Fixture { clock, store, values: a, .. } = fixture();
    let (_, b) = server(&store, &clock);
    let meeting = Arc::new(tokio::sync::Barrier::new(2));
    let nested = |values: Typed<u64>, [first, second]: [u64; 2]| {
        let meeting = Arc::clone(&meeting);
        tokio::spawn(async move {
            let of_second = values.get_or_load(second, async move || Ok::<_, ()>(second * 10));
            let both = values.get_or_load(first, async move || {
                meeting.wait().await;
                let _ = of_second.await;
                Ok::<_, ()>(first * 10)
            });
            both.await
        })
    };
    let (first, second) = (nested(a, [1, 2]), nested(b, [2, 1]));
    let done = || first.is_finished() && second.is_finished();
    assert!(within(&clock, Duration::from_secs(2), done).await.is_err());
    // Only patience ends it.
    within(&clock, Duration::from_secs(10), done).await.unwrap();
}

/// Lets this much time pass, in the steps in which a key is looked at.
async fn within(clock: &TestClock, time: Duration, done: impl Fn() -> bool) -> Result<(), ()> {
    let step = Duration::from_millis(20);
    for _ in 0..time.as_millis() / step.as_millis() {
        settled().await;
        if done() {
            return Ok(());
        }
        clock.advance(step);
    }
    Err(())
}

#[tokio::test]
async fn the_loader_is_asked_again_for_what_came_to_nothing_elsewhere() {
    let Fixture { clock, store, values: a, source, .. } = fixture();
    let (_, b) = server(&store, &clock);
    let failing = source.behind_a_door();
    failing.fail(Failure::Error);
    let elsewhere = tokio::spawn(failing.load(&a, [2, 3]).into_future());
    failing.door.reached_by(1).await;
    // What it was asked stays to be seen, but not its failure.
    let sound = Source { failing: Arc::default(), ..source.clone() };
    let batch = tokio::spawn(sound.load(&b, [1, 2, 3]).into_future());
    settled().await;
    failing.door.open();
    let error = elsewhere.await.unwrap().unwrap_err();
    assert_eq!(error.loader(), Some(&Failure::Error));
    within(&clock, Duration::from_secs(2), || batch.is_finished()).await.unwrap();
    assert_eq!(batch.await.unwrap().unwrap(), [Some(10), Some(20), Some(30)]);
    let asked = source.asked();
    assert_eq!(asked[..2], [vec![2, 3], vec![1]]);
    assert_eq!(sorted(&asked[2..].concat()), sorted(&[2, 3]));
}

#[tokio::test]
async fn a_loader_that_asks_for_its_own_keys_is_told() {
    let Fixture { larder, values, source, .. } = fixture();
    let own = values.clone();
    let load = async move |keys: Vec<u64>| {
        assert_eq!(keys, [1, 2]);
        let inner = source.load(&own, [7, 2]).await;
        assert!(matches!(inner, Err(LoadError::Recursive)), "{inner:?}");
        // Others may be asked for.
        let value = source.load(&own, [8, 9]).await.unwrap()[1].unwrap();
        Ok::<_, ()>(keys.into_iter().map(move |key| (key, value)))
    };
    assert_eq!(values.get_or_load_many([1, 2], load).await.unwrap(), [Some(90), Some(90)]);
    landed(&larder).await;
}
