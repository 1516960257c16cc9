//! Streams: committed, being written, with chunks that are gone.

use super::*;
use crate::stream::{Recorder, Streams};

fn streams(space: &Space) -> Streams<String> {
    space.streams::<String>()
}

async fn begin(space: &Space) -> Recorder<String> {
    streams(space).record("k", "text/csv".into()).ttl(MINUTE).await.unwrap()
}

/// A body of many chunks, which does not repeat.
fn long() -> bytes::Bytes {
    (0..100_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>().into()
}

#[tokio::test]
async fn a_committed_stream_is_whole_until_a_chunk_is_gone() {
    let fixture = fixture();
    let mut recorder = begin(&fixture.space).await;
    recorder.write(long()).await.unwrap();
    assert!(recorder.commit().await.unwrap().stored);

    let found = fixture.explain().await;
    assert_eq!((found.verdict, found.remaining), (Verdict::Fresh, Remaining::For(MINUTE)));
    let What::Stream(stream) = found.what else { panic!("{found:?}") };
    assert_eq!((stream.length, stream.trailers), (400_000, None));
    assert_eq!((stream.pieces.looked_for, stream.pieces.missing), (stream.chunks, 0));
    assert!(stream.chunks > 1 && stream.head == 9, "{stream:?}");
    let now = fixture.space.larder().now_ms();
    assert!(stream.chunks_expire_at_ms > now + 60_000, "{stream:?}");

    let chunk = fixture.space.namespace().reserved("chunk").unwrap();
    let chunk = chunk.key(format!("{}:1", stream.generation)).unwrap();
    assert!(fixture.store.delete(&chunk).await.unwrap());
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Miss(Cause::Chunks));
    let What::Stream(stream) = found.what else { panic!("{found:?}") };
    assert_eq!(stream.pieces.missing, 1);
}

#[tokio::test]
async fn a_short_stream_stands_in_its_manifest() {
    let fixture = fixture();
    let mut recorder = begin(&fixture.space).await;
    recorder.write("a,b\n".into()).await.unwrap();
    recorder.commit().await.unwrap();
    let found = fixture.explain().await;
    let What::Stream(stream) = found.what else { panic!("{found:?}") };
    assert_eq!((found.verdict, stream.length, stream.chunks), (Verdict::Fresh, 4, 0));
    // Under another key it is a copy that somebody planted.
    let record = fixture.store.get(&fixture.key()).await.unwrap().unwrap();
    fixture.plant_at(&fixture.space.key("other").unwrap(), record).await;
    let found = fixture.space.explain("other").await.unwrap();
    let what = What::Damaged { damage: Damage::Corrupt, kind: Some(Kind::Manifest) };
    assert_eq!((found.verdict, found.what), (Verdict::Miss(Cause::Damaged), what));
}

#[tokio::test]
async fn a_recording_is_told_while_it_is_written() {
    let fixture = fixture();
    let mut recorder = begin(&fixture.space).await;
    recorder.write(long()).await.unwrap();
    let found = loop {
        // The placeholder is written in the background.
        let found = fixture.explain().await;
        if matches!(found.what, What::Recording(_)) {
            break found;
        }
        tokio::task::yield_now().await;
    };
    let What::Recording(recording) = &found.what else { panic!("{found:?}") };
    assert_eq!((found.verdict, recording.here), (Verdict::Working, true));
    assert_eq!(recording.heartbeat, Duration::from_millis(1500));
    assert_eq!((recording.renewed, recording.is_aborted), (Some(Duration::ZERO), false));
    assert_eq!(recording.head, 9);
    let elsewhere = space(&fixture.clock, &fixture.store).explain("k").await.unwrap();
    assert!(matches!(elsewhere.what, What::Recording(Recording { here: false, .. })));
    recorder.abort("enough").await;
}
