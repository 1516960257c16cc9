use cache_api::{Key, Remaining, Result};
use futures_util::future::try_join;

use super::{
    Cause, Explanation, Form, Time, Verdict, What, explanation::TagHold, pieces, record::Record,
};
use crate::{
    envelope::{Kind, Outline},
    handle::Space,
    lookup::{Standing, weigh},
    tags::{Hold, View},
    to_key::ToKey,
};

impl Space {
    /// What stands at a key, and what a reader makes of it: why it is a miss, or stale.
    ///
    /// Nothing is changed and nothing is counted, and a value is not decoded: that a value does not decode
    /// into somebody's type, or is of another codec or schema than he reads, is for him to compare. If
    /// invalidations wait in this process, they are not made by this.
    ///
    /// One round trip; one more for an entry that has tags; for a stream one more, or up to four if it has
    /// more than 64 chunks.
    ///
    /// ```
    /// # use larder::{Larder, explain::{Cause, Verdict, What}};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let users = larder.namespace("users")?;
    /// let values = users.typed::<String>();
    /// values.set(42, &"Ada".into()).ttl(Duration::from_secs(60)).tag("staff").await?;
    ///
    /// let found = users.explain(42).await?;
    /// assert_eq!(found.verdict, Verdict::Fresh);
    /// assert!(matches!(found.what, What::Value(time, _) if time.age < Duration::from_secs(60)));
    ///
    /// users.invalidate_tag("staff").await.applied()?;
    /// assert_eq!(users.explain(42).await?.verdict, Verdict::Miss(Cause::Tag));
    /// assert_eq!(users.explain(43).await?.verdict, Verdict::Miss(Cause::Nothing));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's. What stands there is none,
    /// whatever it is.
    pub fn explain<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Explanation>> + Send + use<K> {
        let (space, key) = (self.clone(), self.key(key));
        async move { explain(&space, &key?).await }
    }
}

async fn explain(space: &Space, key: &Key) -> Result<Explanation> {
    let (larder, store) = (space.larder(), space.store());
    let (found, remaining) = try_join(store.get(key), store.ttl(key)).await?;
    let Some(bytes) = found else {
        return Ok(Explanation {
            verdict: Verdict::Miss(Cause::Nothing),
            what: What::Nothing,
            version: None,
            bytes: 0,
            remaining: Remaining::Missing,
            tags: Vec::new(),
            queued: larder.distrusts(key, &[]),
        });
    };
    let record = Record::read(&bytes, key, larder.inner.max_value);
    let marks = record.marks();
    let names: Vec<_> = View::default().unknown(marks);
    let tags = View::read(store.as_ref(), space.namespace(), &names).await?;
    let holds: Vec<_> = marks.iter().map(|mark| TagHold::new(mark, tags.hold(mark))).collect();

    let queued = larder.distrusts(key, marks);
    let weigh = |answer| weigh(space, &bytes, answer, &tags);
    let (what, verdict) = match &record {
        Record::Answer(answer) => {
            let verdict = judged(space, &weigh(Some(answer.entry())), &holds);
            (answered(answer, larder.now_ms(), remaining), verdict)
        }
        Record::Lease(stamp, _) => {
            let here = larder.inner.flights.holds(key, *stamp);
            (What::Lease { here }, judged(space, &weigh(None), &holds))
        }
        Record::Pass(_) => (What::Pass, judged(space, &weigh(None), &holds)),
        Record::Stream(manifest) => {
            let what = pieces::recorded(space, manifest).await?;
            let missing = matches!(&what, What::Stream(stream) if stream.pieces.missing > 0);
            (what, if missing { Verdict::Miss(Cause::Chunks) } else { Verdict::Fresh })
        }
        Record::Recording(recording) => {
            (pieces::recording(space, recording, remaining).await?, Verdict::Working)
        }
        Record::Tag(_) => (What::Tag, Verdict::Miss(Cause::Part)),
        Record::Piece(stamp) => (What::Piece(stamp.kind), Verdict::Miss(Cause::Part)),
        Record::Raw { is_number } => (What::Raw { is_number: *is_number }, Verdict::Raw),
        Record::Damaged(damage, stamp) => {
            let what = What::Damaged { damage: *damage, kind: stamp.map(|stamp| stamp.kind) };
            (what, Verdict::Miss(Cause::Damaged))
        }
    };
    // Of streams and raw bytes nobody asks the queue.
    let is_asked = matches!(record, Record::Answer(_) | Record::Lease(..) | Record::Pass(_));
    Ok(Explanation {
        verdict: if queued && is_asked { Verdict::Miss(Cause::Queued) } else { verdict },
        what,
        version: record.version(),
        bytes: bytes.len(),
        remaining,
        tags: holds,
        queued,
    })
}

fn answered(answer: &Outline, now_ms: u64, remaining: Remaining) -> What {
    let time = Time::of(&answer.lifetime, now_ms, remaining);
    match answer.stamp.kind {
        Kind::Absent => What::Absent(time),
        _ => What::Value(time, Form::of(answer)),
    }
}

/// The verdict that a reader comes to, and why.
fn judged(space: &Space, standing: &Standing, tags: &[TagHold]) -> Verdict {
    let any = |hold| tags.iter().any(|tag| tag.hold == hold);
    let by_tag = any(Hold::Changed) || any(Hold::Gone);
    let has_generation = tags.iter().any(TagHold::is_generation);
    match standing {
        Standing::Fresh(_) => Verdict::Fresh,
        Standing::Stale(_) if any(Hold::Soft) => Verdict::Stale(Cause::Tag),
        Standing::Stale(_) => Verdict::Stale(Cause::Time),
        Standing::Working(_) => Verdict::Working,
        Standing::Passing(_) => Verdict::Passing,
        Standing::Open(_) if by_tag => Verdict::Miss(Cause::Tag),
        Standing::Open(_) if space.has_generations() && !has_generation => {
            Verdict::Miss(Cause::NoGeneration)
        }
        Standing::Open(_) if any(Hold::Soft) => Verdict::Miss(Cause::Tag),
        Standing::Open(_) => Verdict::Miss(Cause::Time),
    }
}
