//! Every row of the fault table of streams, on every store. "Another server" is another handle over the
//! same store, which knows of the first by what is in the store alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod streams_support;

use std::time::Duration;

use bytes::Bytes;
use cache_api::{Condition, SetOptions, Ttl};
use futures_util::{FutureExt, StreamExt, stream};
use larder::stream::{Begin, StreamError, Unstored};
use streams_support::{Fleet, HEARTBEAT, body, drain, record, until};

const LONG: usize = 3 << 20;

on_every_store![
    a_chunk_that_is_missing_or_damaged_at_the_beginning_is_a_miss,
    a_chunk_that_is_lost_after_the_first_byte_is_an_error,
    a_chunk_of_another_recording_is_never_passed_off,
    a_manifest_that_is_damaged_or_another_keys_is_a_miss,
    a_body_is_followed_on_another_server_whole,
    a_short_body_is_followed_on_another_server_whole,
    a_follower_elsewhere_is_told_of_an_abort,
    a_source_that_fails_stores_nothing_and_cuts_every_reader,
    a_dead_writer_is_noticed_within_two_heartbeats_and_the_key_is_free,
    of_two_writers_the_displaced_one_does_not_commit,
    a_writer_that_slept_past_its_placeholder_does_not_commit,
    a_reader_reads_on_through_overwrite_and_delete,
    a_delete_while_recording_wins,
    a_clear_while_recording_wins,
    a_delete_that_races_the_commit_wins,
    a_delete_between_claim_and_head_wins,
    empty_chunks_no_body_and_trailers_are_kept_for_everyone,
    an_endless_stream_is_live_and_not_stored,
    too_long_a_body_is_handed_on_and_not_stored,
    an_old_stream_is_read_until_the_new_one_is_committed,
    a_stream_outlives_the_age_of_the_one_it_replaces,
];

async fn a_chunk_that_is_missing_or_damaged_at_the_beginning_is_a_miss(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    // Longer than what is verified whole: the second chunk is within the first window.
    for length in [300_000, LONG] {
        for damage in 0..3 {
            let body = body(1, length);
            record(&a, "r", &body, 100_000).await;
            let chunk = fleet.chunk(1).await;
            match damage {
                0 => assert!(fleet.store.delete(&chunk).await.unwrap()),
                1 => {
                    let mut bytes = fleet.store.get(&chunk).await.unwrap().unwrap().to_vec();
                    bytes[50] ^= 1;
                    let options = SetOptions::new(Duration::from_secs(60));
                    assert!(
                        fleet.store.set(&chunk, bytes.into(), options).await.unwrap().is_stored()
                    );
                }
                _ => {
                    let expired = fleet.store.expire(
                        &chunk,
                        Ttl::After(Duration::from_millis(1)),
                        Condition::Always,
                    );
                    assert!(expired.await.unwrap());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            let before = b.space().larder().stats().streams.damaged;
            assert!(b.open("r").await.unwrap().is_none());
            assert_eq!(b.space().larder().stats().streams.damaged, before + 1);
            assert_eq!(fleet.store.get(&fleet.key("r")).await.unwrap(), None, "it is removed");
            assert!(matches!(b.begin("r").await, Begin::Claimed(_)), "and can be recorded afresh");
            fleet.store.clear(&larder::Namespace::new("reports").unwrap()).await.unwrap();
        }
    }
}

async fn a_chunk_that_is_lost_after_the_first_byte_is_an_error(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let body = body(1, 2 * LONG);
    record(&a, "r", &body, 100_000).await;
    let pieces = fleet.pieces().await.len() as u32;
    for damaged in [false, true] {
        let last = fleet.chunk(pieces - 3 - u32::from(damaged)).await;
        let reader = b.open("r").await.unwrap().expect("its beginning is in order");
        if damaged {
            let options = SetOptions::new(Duration::from_secs(60));
            assert!(fleet.store.set(&last, "not it".into(), options).await.unwrap().is_stored());
        } else {
            assert!(fleet.store.delete(&last).await.unwrap());
        }
        let (got, ended) = drain(reader).await;
        assert!(got.len() < body.len() && body.starts_with(&got));
        match ended {
            Err(StreamError::ChunkLost { .. }) => assert!(!damaged),
            Err(StreamError::Damaged { .. }) => assert!(damaged),
            other => panic!("{other:?}"),
        }
        assert_eq!(b.space().larder().stats().streams.cut, 1 + u64::from(damaged));
    }
}

async fn a_chunk_of_another_recording_is_never_passed_off(fleet: Fleet) {
    let a = fleet.server();
    record(&a, "one", &body(1, 300_000), 100_000).await;
    let of_one = fleet.chunk(2).await;
    record(&a, "two", &body(2, 300_000), 100_000).await;
    let pieces = fleet.pieces().await;
    let of_two = pieces.iter().find(|key| key.user().ends_with(b":2") && **key != of_one).unwrap();
    let chunk = fleet.store.get(&of_one).await.unwrap().unwrap();
    let options = SetOptions::new(Duration::from_secs(60));
    assert!(fleet.store.set(of_two, chunk, options).await.unwrap().is_stored());
    assert!(a.open("two").await.unwrap().is_none());
    assert_eq!(a.open("one").await.unwrap().unwrap().collect().await.unwrap(), body(1, 300_000));
}

async fn a_manifest_that_is_damaged_or_another_keys_is_a_miss(fleet: Fleet) {
    let a = fleet.server();
    for length in [100, 300_000] {
        record(&a, "r", &body(1, length), 100_000).await;
        let manifest = fleet.store.get(&fleet.key("r")).await.unwrap().unwrap();
        let mut changed = manifest.to_vec();
        changed[40] ^= 1;
        let cut = manifest.slice(..manifest.len() - 1);
        for (key, record) in [("r", changed.into()), ("r", cut), ("other", manifest)] {
            let options = SetOptions::new(Duration::from_secs(60));
            assert!(fleet.store.set(&fleet.key(key), record, options).await.unwrap().is_stored());
            assert!(a.open(key).await.unwrap().is_none());
            assert!(a.follow(key).await.unwrap().is_none());
            let Begin::Claimed(claim) = a.begin(key).await else { panic!("it blocks its key") };
            claim.release().await;
        }
    }
}

async fn a_body_is_followed_on_another_server_whole(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let body = body(1, LONG);
    let mut recorder = a.record("r", "head".to_string()).await.unwrap();
    let mut followers = Vec::new();
    for (n, piece) in body.chunks(200_000).enumerate() {
        recorder.write(body.slice_ref(piece)).await.unwrap();
        if n % 4 == 0 {
            let follower = b.follow("r").await.unwrap().expect("it is being recorded");
            assert!(follower.is_live() && follower.head() == "head");
            followers.push(tokio::spawn(drain(follower)));
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
    assert!(recorder.commit().await.unwrap().stored);
    for follower in followers {
        let (got, ended) = follower.await.unwrap();
        ended.unwrap();
        assert!(got == body);
    }
    assert_eq!(b.space().larder().stats().streams.followed, 4);
}

/// Too short for chunks of its own: it is followed by its manifest.
async fn a_short_body_is_followed_on_another_server_whole(fleet: Fleet) {
    let (a, b) = (fleet.server().linger(Duration::from_secs(60)), fleet.server());
    let mut recorder = a.record("r", String::new()).await.unwrap();
    let mut follower = b.follow("r").await.unwrap().unwrap();
    recorder.write("short".into()).await.unwrap();
    assert!(follower.next().now_or_never().is_none());
    recorder.commit_with_trailers("t".into()).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap(), "short");
    assert!(follower.next().await.is_none());
    assert_eq!((follower.total(), follower.trailers()), (Some(5), Some(&Bytes::from("t"))));

    // Some of it in a chunk already, all of it in the manifest at last.
    let a = fleet.server();
    let mut recorder = a.record("s", String::new()).await.unwrap();
    let mut follower = b.follow("s").await.unwrap().unwrap();
    recorder.write("some ".into()).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap(), "some ");
    recorder.write("more".into()).await.unwrap();
    assert!(recorder.commit().await.unwrap().stored);
    assert_eq!(follower.next().await.unwrap().unwrap(), "more");
    assert!(follower.next().await.is_none());
    assert_eq!(b.open("s").await.unwrap().unwrap().collect().await.unwrap(), "some more");
}

async fn a_follower_elsewhere_is_told_of_an_abort(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    for pieces in [0, 1, 30] {
        let mut recorder = a.record("r", String::new()).await.unwrap();
        for _ in 0..pieces {
            recorder.write(body(1, 50_000)).await.unwrap();
        }
        let follower = tokio::spawn(drain(b.follow("r").await.unwrap().unwrap()));
        recorder.abort("enough").await;
        let (got, ended) = follower.await.unwrap();
        assert!(got.len() <= pieces * 50_000);
        assert!(
            matches!(&ended, Err(StreamError::Aborted { reason }) if &**reason == "enough"),
            "{ended:?}"
        );
        assert!(b.follow("r").await.unwrap().is_none());
    }
}

async fn a_source_that_fails_stores_nothing_and_cuts_every_reader(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    for declared in [None, Some(1_000_000)] {
        let Begin::Claimed(claim) = a.begin("r").await else { panic!("nothing is there") };
        let start = claim.start("head".to_string());
        let start = if let Some(length) = declared { start.length(length) } else { start };
        // It fails by an error, or by ending before it is as long as declared.
        let (hang_up, hung_up) = tokio::sync::oneshot::channel::<()>();
        let failure = stream::once(hung_up)
            .filter_map(move |_| async move { declared.is_none().then_some(Err("it hung up")) });
        let source = stream::iter((0..10).map(|_| Ok(body(1, 20_000)))).chain(failure);
        let near = start.await.fill(source);
        until(|| async { b.follow("r").await.unwrap().is_some() }).await;
        let far = b.follow("r").await.unwrap().unwrap();
        let (near, far) = (tokio::spawn(drain(near)), tokio::spawn(drain(far)));
        hang_up.send(()).unwrap();
        for (reader, is_near) in [(near, true), (far, false)] {
            let (got, ended) = reader.await.unwrap();
            assert!(body(1, 20_000).repeat(10).starts_with(&got));
            match (ended, declared) {
                (Err(StreamError::Source(source)), None) if is_near => {
                    assert_eq!(source.to_string(), "it hung up");
                }
                (Err(StreamError::Length { declared: 1_000_000, actual: 200_000 }), Some(_)) => {
                    assert!(is_near);
                }
                // What the source said is nobody's business elsewhere.
                (Err(StreamError::Aborted { reason }), _) if !is_near => {
                    assert!(!reason.contains("hung"), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
        until(|| async { fleet.store.get(&fleet.key("r")).await.unwrap().is_none() }).await;
    }
}

async fn a_dead_writer_is_noticed_within_two_heartbeats_and_the_key_is_free(fleet: Fleet) {
    let b = fleet.server();
    // A server of its own that is switched off: nothing of it runs any more, not even what cleans up.
    let server = std::thread::spawn({
        let a = fleet.server();
        let store_is_redis = fleet.redis.as_ref().map(|redis| redis.url());
        move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let a = match store_is_redis {
                    None => a,
                    Some(url) => {
                        let store = backend_redis::RedisCache::builder(&url).unwrap();
                        let store = store.open().await.unwrap();
                        Fleet::over(std::sync::Arc::new(store)).server()
                    }
                };
                let mut recorder = a.record("r", "head".to_string()).await.unwrap();
                recorder.write(body(1, 200_000)).await.unwrap();
                tokio::time::sleep(HEARTBEAT).await;
                std::mem::forget(recorder);
            });
            runtime.shutdown_background();
        }
    });
    until(|| async { b.follow("r").await.unwrap().is_some() }).await;
    let mut follower = b.follow("r").await.unwrap().unwrap();
    let mut got = Vec::new();
    server.join().unwrap();
    let died = std::time::Instant::now();
    let error = loop {
        match follower.next().await {
            Some(Ok(piece)) => got.extend_from_slice(&piece),
            Some(Err(error)) => break error,
            None => panic!("a clean end of a body that never ended"),
        }
    };
    assert!(matches!(error, StreamError::WriterLost), "{error}");
    assert!(body(1, 200_000).starts_with(&got));
    let noticed = died.elapsed();
    assert!(noticed < HEARTBEAT * 3, "{noticed:?}");
    // A head that is waited for longer than a placeholder lives.
    let b = b.head_wait(HEARTBEAT * 4);
    assert!(matches!(b.begin("r").await, Begin::Claimed(_)));
}

async fn of_two_writers_the_displaced_one_does_not_commit(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let mut first = a.record("r", "first".to_string()).await.unwrap();
    first.write(body(1, 100_000)).await.unwrap();
    let follower = b.follow("r").await.unwrap().unwrap();
    let mut second = b.record("r", "second".to_string()).await.unwrap();
    for _ in 0..3 {
        first.write(body(1, 100_000)).await.unwrap();
        second.write(body(2, 100_000)).await.unwrap();
    }
    let refused = first.commit().await.unwrap();
    assert_eq!((refused.stored, refused.reason), (false, Some(Unstored::Displaced)));
    assert!(a.open("r").await.unwrap().is_none(), "the second has not ended");
    assert!(second.commit().await.unwrap().stored);
    let committed = a.open("r").await.unwrap().unwrap();
    assert_eq!(committed.head(), "second");
    assert_eq!(committed.collect().await.unwrap(), body(2, 100_000).repeat(3));
    // Who followed the first has it whole, and nothing of the second.
    let (got, ended) = drain(follower).await;
    ended.unwrap();
    assert_eq!(got, body(1, 100_000).repeat(4));
}

async fn a_writer_that_slept_past_its_placeholder_does_not_commit(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    for taken in [false, true] {
        let mut slept = a.record("r", "slept".to_string()).await.unwrap();
        slept.write(body(1, 100_000)).await.unwrap();
        // As its lifetime ends while nobody renews it.
        assert!(fleet.store.delete(&fleet.key("r")).await.unwrap());
        if taken {
            record(&b, "r", &body(2, 100_000), 10_000).await;
        }
        tokio::time::sleep(HEARTBEAT).await;
        assert_eq!(slept.commit().await.unwrap().reason, Some(Unstored::Displaced));
        match b.open("r").await.unwrap() {
            Some(reader) => assert!(taken && reader.collect().await.unwrap() == body(2, 100_000)),
            None => assert!(!taken),
        }
        fleet.store.delete(&fleet.key("r")).await.unwrap();
    }
}

async fn a_reader_reads_on_through_overwrite_and_delete(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let old = body(1, 2 * LONG);
    record(&a, "r", &old, 100_000).await;
    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut reader = b.open("r").await.unwrap().unwrap();
        let first = reader.next().await.unwrap().unwrap();
        readers.push((first, reader));
    }
    record(&a, "r", &body(2, LONG), 100_000).await;
    let (first, reader) = readers.pop().unwrap();
    assert_eq!([first, drain(reader).await.0].concat(), old);
    assert!(a.delete("r").await.unwrap());
    let (first, reader) = readers.pop().unwrap();
    let (rest, ended) = drain(reader).await;
    ended.unwrap();
    assert_eq!([first, rest].concat(), old);
    assert!(b.open("r").await.unwrap().is_none());
}

async fn a_delete_while_recording_wins(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    for old in [false, true] {
        if old {
            record(&a, "r", &body(1, 100_000), 10_000).await;
        }
        let mut recorder = a.record("r", String::new()).await.unwrap();
        recorder.write(body(2, 100_000)).await.unwrap();
        assert_eq!(b.delete("r").await.unwrap(), old);
        let (got, ended) = {
            let reader = tokio::spawn(drain(recorder.reader()));
            recorder.write(body(3, 100_000)).await.unwrap();
            let committed = recorder.commit().await.unwrap();
            assert_eq!((committed.stored, committed.reason), (false, Some(Unstored::Displaced)));
            reader.await.unwrap()
        };
        ended.expect("its reader does not notice");
        assert_eq!(got.len(), 200_000);
        assert!(a.open("r").await.unwrap().is_none());
    }
    // Control: an unconditional write of the same manifest brings back what was deleted.
    record(&a, "r", &body(1, 100_000), 10_000).await;
    let manifest = fleet.store.get(&fleet.key("r")).await.unwrap().unwrap();
    b.delete("r").await.unwrap();
    let naive = SetOptions::new(Duration::from_secs(60));
    assert!(fleet.store.set(&fleet.key("r"), manifest, naive).await.unwrap().is_stored());
    assert!(a.open("r").await.unwrap().is_some());
}

async fn a_clear_while_recording_wins(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let mut recorder = a.record("r", String::new()).await.unwrap();
    recorder.write(body(2, 100_000)).await.unwrap();
    b.space().clear().await.unwrap();
    recorder.write(body(2, 100_000)).await.unwrap();
    assert!(!recorder.commit().await.unwrap().stored);
    assert!(a.open("r").await.unwrap().is_none());
}

/// Whichever of the two is first, nothing stands when both have returned.
async fn a_delete_that_races_the_commit_wins(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let (mut refused, mut deleted) = (0, 0);
    for round in 0..60 {
        let mut recorder = a.record("r", String::new()).await.unwrap();
        recorder.write(body(1, if round % 2 == 0 { 100 } else { 70_000 })).await.unwrap();
        let delete = tokio::spawn({
            let b = b.clone();
            async move {
                for _ in 0..round % 10 {
                    tokio::task::yield_now().await;
                }
                b.delete("r").await.unwrap()
            }
        });
        refused += u32::from(!recorder.commit().await.unwrap().stored);
        deleted += u32::from(delete.await.unwrap());
        assert!(a.open("r").await.unwrap().is_none());
    }
    assert_eq!(refused + deleted, 60);
}

async fn a_delete_between_claim_and_head_wins(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let Begin::Claimed(claim) = a.begin("r").await else { panic!("nothing is there") };
    // The source was asked before the delete, so what it answers may be old.
    assert!(!b.delete("r").await.unwrap(), "a lease is no stream");
    let mut recorder = claim.start(String::new()).await;
    let reader = tokio::spawn(drain(recorder.reader()));
    recorder.write(body(1, 100_000)).await.unwrap();
    let committed = recorder.commit().await.unwrap();
    assert_eq!((committed.stored, committed.reason), (false, Some(Unstored::Displaced)));
    assert_eq!(reader.await.unwrap().0.len(), 100_000);
    assert!(a.open("r").await.unwrap().is_none());
}

async fn empty_chunks_no_body_and_trailers_are_kept_for_everyone(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    for length in [0, 10, 200_000] {
        let mut recorder = a.record("r", String::new()).await.unwrap();
        let follower = tokio::spawn(drain(b.follow("r").await.unwrap().unwrap()));
        for piece in [Bytes::new(), body(1, length), Bytes::new(), body(2, length), Bytes::new()] {
            recorder.write(piece).await.unwrap();
        }
        assert!(recorder.commit_with_trailers("sum".into()).await.unwrap().stored);
        let whole = [body(1, length), body(2, length)].concat();
        let (got, ended) = follower.await.unwrap();
        ended.unwrap();
        assert_eq!(got, whole);
        let mut reader = b.open("r").await.unwrap().unwrap();
        assert_eq!(reader.total(), Some(2 * length as u64));
        let mut got = Vec::new();
        while let Some(piece) = reader.next().await {
            let piece = piece.unwrap();
            assert!(!piece.is_empty());
            got.extend_from_slice(&piece);
        }
        assert_eq!((got, reader.trailers()), (whole, Some(&Bytes::from("sum"))));
        a.delete("r").await.unwrap();
    }
}

async fn an_endless_stream_is_live_and_not_stored(fleet: Fleet) {
    let (a, b) = (fleet.server().max_fill_time(HEARTBEAT), fleet.server());
    let Begin::Claimed(claim) = a.begin("r").await else { panic!("nothing is there") };
    let ticks = stream::unfold(0_u32, |n| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from(format!("data: {n}\n\n"))), n + 1))
    });
    let mut near = claim.start(String::new()).await.fill(ticks);
    near.next().await.unwrap().unwrap();
    until(|| async { b.follow("r").await.unwrap().is_some() }).await;
    let far = tokio::spawn(drain(b.follow("r").await.unwrap().unwrap()));
    for _ in 0..30 {
        near.next().await.unwrap().unwrap();
    }
    let (got, ended) = far.await.unwrap();
    assert!(got.starts_with(b"data: 0\n\ndata: 1\n\n"));
    assert!(matches!(ended, Err(StreamError::Aborted { .. })), "{ended:?}");
    assert!(b.open("r").await.unwrap().is_none());
    near.next().await.unwrap().expect("it goes on while someone reads it");
    drop(near);
    until(|| async { a.space().larder().stats().streams.unstored == 1 }).await;
}

async fn too_long_a_body_is_handed_on_and_not_stored(fleet: Fleet) {
    let a = fleet.server();
    let mut recorder = a.record("r", String::new()).max_length(1 << 20).await.unwrap();
    let reader = tokio::spawn(drain(recorder.reader()));
    for _ in 0..20 {
        recorder.write(body(1, 100_000)).await.unwrap();
    }
    let committed = recorder.commit().await.unwrap();
    assert_eq!((committed.stored, committed.reason), (false, Some(Unstored::TooLong)));
    let (got, ended) = reader.await.unwrap();
    ended.unwrap();
    assert_eq!(got, body(1, 100_000).repeat(20));
    assert!(a.open("r").await.unwrap().is_none());
}

async fn an_old_stream_is_read_until_the_new_one_is_committed(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    record(&a, "r", &body(1, 100_000), 10_000).await;
    let mut recorder = a.record("r", "new".to_string()).await.unwrap();
    recorder.write(body(2, 100_000)).await.unwrap();
    for reader in [b.open("r").await, b.follow("r").await, a.follow("r").await] {
        assert_eq!(reader.unwrap().unwrap().collect().await.unwrap(), body(1, 100_000));
    }
    assert!(recorder.commit().await.unwrap().stored);
    assert_eq!(b.open("r").await.unwrap().unwrap().collect().await.unwrap(), body(2, 100_000));
}

/// A commit over an entry that has died of age would look like one over an entry that was deleted.
async fn a_stream_outlives_the_age_of_the_one_it_replaces(fleet: Fleet) {
    let (a, b) = (fleet.server(), fleet.server());
    let mut old = a.record("r", "old".to_string()).ttl(HEARTBEAT * 2).await.unwrap();
    old.write(body(1, 100_000)).await.unwrap();
    assert!(old.commit().await.unwrap().stored);
    let mut recorder = a.record("r", "new".to_string()).await.unwrap();
    recorder.write(body(2, 100_000)).await.unwrap();
    tokio::time::sleep(HEARTBEAT * 3).await;
    assert!(b.open("r").await.unwrap().is_none(), "the old one is dead");
    assert_eq!(b.follow("r").await.unwrap().unwrap().head(), "new");
    assert!(recorder.commit().await.unwrap().stored);
    assert_eq!(b.open("r").await.unwrap().unwrap().collect().await.unwrap(), body(2, 100_000));
}
