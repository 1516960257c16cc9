//! Recording, replaying, following and giving up, in one process on the memory store.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::SetOptions;
use futures_util::{FutureExt, StreamExt, stream};
use larder::{
    Larder, Remaining,
    stream::{Begin, PassReason, RecordError, StreamError, Streams},
};

fn streams() -> Streams<String> {
    let larder = Larder::new(MemoryCache::builder().build());
    larder.namespace("reports").unwrap().streams()
}

/// Bytes that tell at each place where they stand.
fn body(length: usize) -> Bytes {
    (0..length).map(|i| (i / 7 + i / 1021) as u8).collect()
}

async fn record(streams: &Streams<String>, key: &str, body: &Bytes, piece: usize) {
    let mut recorder = streams.record(key, "head".to_string()).await.unwrap();
    for piece in body.chunks(piece) {
        recorder.write(body.slice_ref(piece)).await.unwrap();
    }
    let committed = recorder.commit().await.unwrap();
    assert!(committed.stored, "{committed:?}");
    assert_eq!(committed.length, body.len() as u64);
}

#[tokio::test]
async fn a_body_of_any_length_in_pieces_of_any_length_is_replayed() {
    let streams = streams();
    for length in [0, 1, 16 << 10, (16 << 10) + 1, 65_472, 65_473, 3 << 20, 9 << 20] {
        let body = body(length);
        for piece in [100_000, 1 << 20, 40 << 20] {
            record(&streams, "r", &body, piece).await;
            let reader = streams.open("r").await.unwrap().unwrap();
            assert_eq!((reader.head().as_str(), reader.total()), ("head", Some(length as u64)));
            assert!(!reader.is_live());
            assert!(reader.collect().await.unwrap() == body, "{length} by {piece}");
        }
    }
}

#[tokio::test]
async fn any_range_is_read() {
    let streams = streams();
    for length in [100, 300_000, 9 << 20] {
        let body = body(length);
        record(&streams, "r", &body, 70_001).await;
        let n = length as u64;
        for range in
            [0..n, 0..1, n - 1..n, n / 3..n / 2, n / 2..n / 2, n..n + 5, n + 5..n + 9, 0..u64::MAX]
        {
            let reader = streams.open_range("r", range.clone()).await.unwrap().unwrap();
            let cut = range.start.min(n)..range.end.min(n);
            assert_eq!((reader.total(), reader.range()), (Some(n), Some(cut.clone())));
            let bytes = reader.collect().await.unwrap();
            assert!(bytes == body[cut.start as usize..cut.end as usize], "{range:?} of {length}");
        }
    }
}

#[tokio::test]
async fn empty_pieces_end_nothing_and_trailers_are_kept() {
    let streams = streams();
    let mut recorder = streams.record("r", String::new()).await.unwrap();
    for piece in ["", "a", "", "", "b", ""] {
        recorder.write(piece.into()).await.unwrap();
    }
    assert!(recorder.commit_with_trailers("sum: 2".into()).await.unwrap().stored);
    let mut reader = streams.open("r").await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap(), "ab");
    assert_eq!(reader.trailers(), None);
    assert!(reader.next().await.is_none());
    assert_eq!(reader.trailers(), Some(&Bytes::from_static(b"sum: 2")));
    assert!(reader.next().await.is_none(), "an end stays an end");
}

#[tokio::test]
async fn nothing_is_seen_before_the_commit_and_all_of_it_is_followed() {
    let streams = streams();
    let mut recorder = streams.record("r", "head".to_string()).await.unwrap();
    recorder.write("one".into()).await.unwrap();
    assert!(streams.open("r").await.unwrap().is_none());

    let mut follower = streams.follow("r").await.unwrap().unwrap();
    assert!(follower.is_live() && follower.head() == "head");
    assert_eq!(follower.next().await.unwrap().unwrap(), "one");
    assert!(follower.next().now_or_never().is_none(), "nothing more has come");
    recorder.write("two".into()).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap(), "two");
    recorder.commit_with_trailers("t".into()).await.unwrap();
    assert!(follower.next().await.is_none());
    assert_eq!((follower.total(), follower.trailers()), (Some(6), Some(&"t".into())));
    assert_eq!(streams.follow("r").await.unwrap().unwrap().collect().await.unwrap(), "onetwo");
}

#[tokio::test]
async fn an_abort_a_drop_and_a_failing_source_store_nothing_and_tell_who_follows() {
    let streams = streams();
    let mut recorder = streams.record("r", String::new()).await.unwrap();
    recorder.write("half".into()).await.unwrap();
    let mut follower = recorder.reader();
    recorder.abort("no more").await;
    assert_eq!(follower.next().await.unwrap().unwrap(), "half");
    let error = follower.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, StreamError::Aborted { reason } if &**reason == "no more"), "{error}");
    assert!(follower.next().await.is_none());
    assert!(streams.follow("r").await.unwrap().is_none(), "the key is free when it returns");

    let recorder = streams.record("r", String::new()).await.unwrap();
    let mut follower = recorder.reader();
    drop(recorder);
    assert!(matches!(follower.next().await.unwrap(), Err(StreamError::Aborted { .. })));

    let recorder = streams.record("r", String::new()).await.unwrap();
    let source = stream::iter([Ok(Bytes::from("half")), Err("broken")]);
    let mut follower = recorder.fill(source);
    assert_eq!(follower.next().await.unwrap().unwrap(), "half");
    let error = follower.next().await.unwrap().unwrap_err();
    assert!(
        matches!(&error, StreamError::Source(source) if source.to_string() == "broken"),
        "{error}"
    );
    assert!(streams.open("r").await.unwrap().is_none());
}

/// Its placeholder is removed a moment after it failed, and someone may come in that moment.
#[tokio::test]
async fn a_recording_that_failed_is_not_joined_while_its_placeholder_still_stands() {
    let streams = streams();
    let store = Arc::clone(streams.space().larder().store());
    let key = streams.space().key("r").unwrap();
    let recorder = streams.record("r", String::new()).await.unwrap();
    let placeholder = store.get(&key).await.unwrap().unwrap();
    let first = recorder.reader();
    // Control: as long as it lives it is joined.
    assert!(streams.follow("r").await.unwrap().is_some());

    recorder.abort("the source broke").await;
    let back = SetOptions::new(Duration::from_secs(3));
    assert!(store.set(&key, placeholder, back).await.unwrap().is_stored());
    assert!(streams.follow("r").await.unwrap().is_none());
    drop(first);
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_declared_is_not_stored() {
    let streams = streams();
    for (pieces, actual) in [(1, 4), (3, 12)] {
        let mut recorder = streams.record("r", String::new()).length(8).await.unwrap();
        let mut follower = recorder.reader();
        let mut written = Ok(());
        for _ in 0..pieces {
            written = recorder.write("four".into()).await;
        }
        let error = match written {
            Ok(()) => recorder.commit().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(
            matches!(error, StreamError::Length { declared: 8, actual: a } if a == actual),
            "{error}"
        );
        while follower.next().await.unwrap().is_ok() {}
        assert!(streams.open("r").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn one_records_and_the_others_follow() {
    let streams = streams();
    let Begin::Claimed(claim) = streams.begin("r").await else { panic!("nothing was there") };
    let waiting = tokio::spawn({
        let streams = streams.clone();
        async move { streams.begin("r").await }
    });
    let mut recorder = claim.start("head".to_string()).ttl(Duration::from_secs(60)).await;
    recorder.write("bytes".into()).await.unwrap();
    let Begin::Following(follower) = waiting.await.unwrap() else { panic!("it is recorded") };
    assert!(recorder.commit().await.unwrap().stored);
    assert_eq!(follower.collect().await.unwrap(), "bytes");
    assert!(matches!(streams.begin("r").await, Begin::Ready(_)));
    let Remaining::For(left) = streams.ttl("r").await.unwrap() else { panic!("it has a lifetime") };
    assert!(left <= Duration::from_secs(60));
    assert!(streams.delete("r").await.unwrap());
    assert!(!streams.delete("r").await.unwrap());
}

#[tokio::test]
async fn a_claim_given_back_or_dropped_is_claimed_by_the_next_and_a_mark_lets_all_pass() {
    let streams = streams();
    let Begin::Claimed(claim) = streams.begin("r").await else { panic!("nothing was there") };
    claim.release().await;
    let Begin::Claimed(claim) = streams.begin("r").await else { panic!("it was released") };
    drop(claim);
    let Begin::Claimed(claim) = streams.begin("r").await else { panic!("it was dropped") };
    claim.pass(Duration::from_secs(60)).await;
    assert!(matches!(streams.begin("r").await, Begin::Pass(PassReason::Marked)));
    assert!(!streams.delete("r").await.unwrap(), "a mark is no stream");
    assert!(matches!(streams.begin("r").await, Begin::Claimed(_)));
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_source_is_called() {
    let streams = streams();
    let calls = Arc::new(AtomicUsize::new(0));
    let readers = (0..50).map(|_| {
        let (streams, calls) = (streams.clone(), Arc::clone(&calls));
        tokio::spawn(async move {
            let source = move || async move {
                calls.fetch_add(1, Relaxed);
                let pieces = (0..20).map(|_| Ok::<_, Infallible>(body(10_000)));
                Ok::<_, Infallible>(("head".to_string(), stream::iter(pieces)))
            };
            streams.get_or_record("r", source).await.unwrap().collect().await.unwrap()
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(reader.await.unwrap().len(), 200_000);
    }
    assert_eq!(calls.load(Relaxed), 1);
}

#[tokio::test]
async fn a_source_that_fails_or_panics_is_an_error_and_blocks_nobody() {
    let streams = streams();
    type Body = stream::Empty<Result<Bytes, Infallible>>;
    let failed = streams.get_or_record("f", || async { Err::<(String, Body), _>("no") }).await;
    assert!(matches!(failed, Err(RecordError::Source("no"))));
    assert!(matches!(streams.begin("f").await, Begin::Pass(PassReason::Marked)));

    async fn panics() -> Result<(String, Body), &'static str> {
        panic!("a source that panics")
    }
    let panicked = streams.get_or_record("p", panics).await;
    assert!(matches!(panicked, Err(RecordError::Panicked)));
    assert!(matches!(streams.begin("p").await, Begin::Claimed(_)));
}

#[tokio::test]
async fn a_stream_has_a_lifetime_with_an_end() {
    let streams = streams();
    for ttl in [larder::Ttl::Never, larder::Ttl::After(Duration::ZERO)] {
        let refused = streams.record("r", String::new()).ttl(ttl).await;
        assert!(matches!(refused, Err(StreamError::Store(_))));
    }
}
