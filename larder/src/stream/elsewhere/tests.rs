//! A short body whose key is taken between its head and the moment when its follower looks.

use cache_api::{Cache as _, Op};
use integration_tests::faults::on;

use crate::{
    stream::{Recorder, StreamError, Streams, format::ChunkKeys},
    testing::{Bench, bench, soon},
};

fn streams(bench: &Bench) -> (Streams<u32>, Streams<u32>) {
    (bench.space().streams(), bench.elsewhere().streams())
}

async fn recorder(streams: &Streams<u32>, body: &'static str) -> Recorder<u32> {
    let mut recorder = streams.record("k", 1).await.unwrap();
    recorder.write(body.into()).await.unwrap();
    recorder
}

#[tokio::test]
async fn who_follows_gets_it_whole_although_it_was_removed_before_the_next_look() {
    for body in ["", "a,b\n"] {
        let bench = bench();
        let (here, there) = streams(&bench);
        let recorder = recorder(&here, body).await;
        let follower = there.follow("k").await.unwrap().unwrap();
        assert!(follower.is_live());
        assert_eq!(soon(recorder.commit()).await.unwrap().chunks, 0);
        assert!(there.delete("k").await.unwrap());
        assert_eq!(bench.passing(follower.collect()).await.unwrap(), body);
    }
}

#[tokio::test]
async fn who_follows_gets_it_whole_although_it_cannot_be_committed() {
    for body in ["", "a,b\n"] {
        let bench = bench();
        let (here, there) = streams(&bench);
        let recorder = recorder(&here, body).await;
        let follower = there.follow("k").await.unwrap().unwrap();
        there.delete("k").await.unwrap();
        let committed = soon(recorder.commit_with_trailers("sum: 2".into())).await.unwrap();
        assert!(!committed.stored);
        assert_eq!(bench.passing(follower.collect()).await.unwrap(), body);
    }
}

/// The control: a follower that the writer knows nothing of waits in vain. That is an error, and no end.
#[tokio::test]
async fn who_does_not_show_up_waits_in_vain() {
    let bench = bench();
    let (here, there) = streams(&bench);
    let recorder = recorder(&here, "a,b\n").await;
    let follower = there.follow("k").await.unwrap().unwrap();
    let key = here.space().key("k").unwrap();
    let record = bench.store.get(&key).await.unwrap().unwrap();
    let generation = super::Recording::parse(&record).unwrap().generation;
    let keys = ChunkKeys::new(here.space().namespace(), generation).unwrap();
    assert!(bench.store.delete(&keys.follower()).await.unwrap());
    assert!(soon(recorder.commit()).await.unwrap().stored);
    there.delete("k").await.unwrap();
    let lost = bench.passing(follower.collect()).await;
    assert!(matches!(lost, Err(StreamError::WriterLost)), "{lost:?}");
}

#[tokio::test]
async fn who_shows_up_after_the_commit_has_it_from_the_manifest_or_not_at_all() {
    for taken in [false, true] {
        let bench = bench();
        let (here, there) = streams(&bench);
        let recorder = recorder(&here, "a,b\n").await;
        let shows_up = on(Op::Set).key(|key| key.user().ends_with(b":follower"));
        let gate = bench.store.hold(shows_up);
        let follows = tokio::spawn(async move { there.follow("k").await });
        soon(gate.arrived()).await;
        assert!(soon(recorder.commit()).await.unwrap().stored);
        // The writer looks for followers, and finds none.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        if taken {
            here.delete("k").await.unwrap();
        }
        gate.release();
        let reader = soon(follows).await.unwrap().unwrap();
        assert_eq!(reader.is_some(), !taken);
        if let Some(reader) = reader {
            here.delete("k").await.unwrap();
            assert_eq!(soon(reader.collect()).await.unwrap(), "a,b\n");
        }
    }
}
