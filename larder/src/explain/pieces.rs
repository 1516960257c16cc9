use std::time::Duration;

use cache_api::{Cache, Remaining, Result};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Pieces, Recorded, Recording, What};
use crate::{
    handle::Space,
    stream::format::{self, Beat, ChunkKeys, End, Manifest},
};

/// How many chunks of a stream are looked for...
const MOST: u32 = 256;

/// ... and how many at a time.
const AT_ONCE: usize = 64;

/// A committed stream. Asks for the lifetimes of its chunks, 64 at a time: none is read.
pub(super) async fn recorded(space: &Space, manifest: &Manifest) -> Result<What> {
    let keys = ChunkKeys::new(space.namespace(), manifest.generation)?;
    let chunks = manifest.table.count();
    let pieces = Pieces { looked_for: chunks.min(MOST), missing: 0 };
    let missing = stream::iter(0..pieces.looked_for)
        .map(|nth| {
            let key = keys.chunk(nth_of(nth, chunks));
            let store = space.store();
            async move { store.ttl(&key).await }
        })
        .buffer_unordered(AT_ONCE)
        .try_fold(
            0,
            |missing, left| async move { Ok(missing + u32::from(left == Remaining::Missing)) },
        )
        .await?;
    Ok(What::Stream(Recorded {
        generation: format!("{:?}", manifest.generation),
        length: manifest.length,
        chunks,
        pieces: Pieces { missing, ..pieces },
        head: manifest.head.len(),
        trailers: manifest.trailers.as_ref().map(bytes::Bytes::len),
        chunks_expire_at_ms: since_1970(manifest),
    }))
}

/// A stream that is being written. One call to the store.
pub(super) async fn recording(
    space: &Space,
    recording: &format::Recording,
    remaining: Remaining,
) -> Result<What> {
    let generation = recording.generation;
    let keys = ChunkKeys::new(space.namespace(), generation)?;
    let beat = space.store().get(&keys.beat()).await?;
    let end = beat.as_ref().and_then(|beat| End::parse(generation, beat));
    let renewed = match remaining {
        // It lives for two of them after each renewal.
        Remaining::For(left) => Some((recording.heartbeat * 2).saturating_sub(left)),
        Remaining::Never | Remaining::Missing => None,
    };
    Ok(What::Recording(Recording {
        generation: format!("{generation:?}"),
        heartbeat: recording.heartbeat,
        renewed,
        chunks: beat.and_then(|beat| Beat::parse(generation, &beat)).map(|beat| beat.written),
        is_aborted: matches!(end, Some(End::Aborted { .. })),
        here: space.larder().inner.streams.live(generation).is_some(),
        head: recording.head.len(),
    }))
}

/// Which chunk is the `nth` that is looked for: the first, the last, and those between evenly.
fn nth_of(nth: u32, chunks: u32) -> u32 {
    if chunks <= MOST {
        return nth;
    }
    let place = u64::from(nth) * u64::from(chunks - 1) / u64::from(MOST - 1);
    // At most the last one.
    place as u32
}

fn since_1970(manifest: &Manifest) -> u64 {
    let since = manifest.chunks_expire_at.duration_since(std::time::UNIX_EPOCH);
    let millis = since.as_ref().map_or(0, Duration::as_millis);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_are_looked_for_and_none_twice() {
        for chunks in [1, 2, 255, 256, 257, 1000, 1 << 20] {
            let looked_for: Vec<_> = (0..chunks.min(MOST)).map(|n| nth_of(n, chunks)).collect();
            assert_eq!((looked_for[0], looked_for.last()), (0, Some(&(chunks - 1))));
            assert!(looked_for.is_sorted_by(|one, next| one < next), "{chunks}");
        }
    }
}
