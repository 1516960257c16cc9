//! Who is at work on a key.

use std::convert::Infallible;

use tokio::sync::oneshot;

use super::*;
use crate::LoadError;

#[tokio::test]
async fn a_load_is_told_with_what_is_left_of_its_lease_and_its_tags() {
    let fixture = fixture();
    let values = fixture.space.typed::<u8>().default_ttl(MINUTE);
    let (go, wait) = oneshot::channel();
    let (started, starts) = oneshot::channel();
    let load = move || async move {
        let _ = started.send(());
        let _ = wait.await;
        Ok::<_, Infallible>(1)
    };
    let loading = tokio::spawn(values.get_or_load("k", load).tag("t").into_future());
    starts.await.unwrap();

    let found = fixture.explain().await;
    assert_eq!((found.verdict, &found.what), (Verdict::Working, &What::Lease { here: true }));
    assert!(matches!(found.remaining, Remaining::For(left) if left <= SECOND * 3), "{found:?}");
    assert_eq!(found.tags[0].hold, Hold::Same);
    let elsewhere = space(&fixture.clock, &fixture.store).explain("k").await.unwrap();
    assert_eq!(elsewhere.what, What::Lease { here: false });

    fixture.space.invalidate_tag("t").await.applied().unwrap();
    let found = fixture.explain().await;
    assert_eq!((found.verdict, found.tags[0].hold), (Verdict::Miss(Cause::Tag), Hold::Gone));
    go.send(()).unwrap();
    loading.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failed_load_leaves_a_mark_that_nobody_should_queue() {
    let fixture = fixture();
    let values = fixture.space.typed::<u8>().default_ttl(MINUTE);
    let failed = values.get_or_load("k", || async { Err::<u8, _>("down") }).await;
    assert!(matches!(failed, Err(LoadError::Loader(_))), "{failed:?}");
    let found = fixture.explain().await;
    assert_eq!((found.verdict, found.what), (Verdict::Passing, What::Pass));
}

#[tokio::test]
async fn that_there_is_none_is_an_answer_with_a_cost() {
    let fixture = fixture();
    let values = fixture.space.typed::<u8>().default_ttl(MINUTE).negative_ttl(SECOND * 10);
    let clock = fixture.clock.clone();
    let none = move || async move {
        clock.advance(SECOND);
        Ok::<Option<u8>, Infallible>(None)
    };
    assert_eq!(values.get_or_find("k", none).await.unwrap(), None);
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Fresh);
    let What::Absent(time) = found.what else { panic!("{found:?}") };
    assert_eq!((time.load_cost, time.fresh_for), (SECOND, Some(SECOND * 10)));
}
