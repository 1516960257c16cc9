//! The front: a store that keeps copies. They are looked for, made, and removed.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Cache, Error, Key, Remaining, Result, SetOptions};

use super::{
    copy::Copy,
    kept::{Hit, Kept},
    namespaces::Namespaces,
    under_way::{Load, go_on},
};
use crate::{
    envelope::Stamp,
    near::{
        Copies,
        tokens::{Block, Token, Tokens},
        trust::{Mode, Trust},
    },
};

/// How long the front is told to keep a copy at most: what is of nobody any more goes in the end.
const LONGEST: Duration = Duration::from_secs(3600);

/// Copies of entries, in a store. Cheap to clone.
///
/// A reader looks there only when nothing is [under way](Tokens) at the key. So it does not matter how
/// long the front takes to keep a copy or to remove one, and in which order it does: what it says of a
/// key at which nothing is under way is what was last done there.
#[derive(Clone)]
pub(super) struct Front(Arc<Kept>);

/// A copy to be made, which a change that is told meanwhile prevents.
#[derive(Debug)]
pub(super) struct Fill {
    token: Token<Arc<Tokens>>,
    asked: Duration,
}

impl Front {
    pub(super) fn new(kept: Kept) -> Self {
        Self(Arc::new(kept))
    }

    pub(super) fn namespaces(&self) -> &Namespaces {
        &self.0.namespaces
    }

    pub(super) fn is_serving(&self) -> bool {
        self.0.is_serving()
    }

    /// Whether nothing is under way, at any key.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.0.tokens.is_empty() && self.0.under_way.is_idle()
    }

    /// The copy of an entry, if it may be served.
    pub(super) async fn look(&self, key: &Key) -> Option<Hit> {
        let kept = &*self.0;
        if !kept.may_look(key) {
            return None;
        }
        match kept.quick.get(key).await {
            Ok(found) => kept.judge(&found?),
            Err(error) => {
                kept.failed(&error);
                None
            }
        }
    }

    /// The copies of several entries, of those of which there may be one. One call to the front.
    pub(super) async fn look_many(&self, keys: &[Key], may_be_kept: &[bool]) -> Vec<Option<Hit>> {
        let kept = &*self.0;
        let mut hits: Vec<_> = keys.iter().map(|_| None).collect();
        let may_look = |&at: &usize| may_be_kept[at] && kept.may_look(&keys[at]);
        let places: Vec<_> = (0..keys.len()).filter(may_look).collect();
        if places.is_empty() {
            return hits;
        }
        let asked: Vec<_> = places.iter().map(|&at| keys[at].clone()).collect();
        match kept.quick.get_many(&asked).await {
            Ok(found) => {
                for (at, found) in places.into_iter().zip(found) {
                    hits[at] = found.and_then(|found| kept.judge(&found));
                }
            }
            Err(error) => kept.failed(&error),
        }
        hits
    }

    /// Begins a copy. To be called before the back is asked. `None`: none is to be made now.
    pub(super) fn begin(&self, key: &Key) -> Option<Fill> {
        let kept = &*self.0;
        // First the epoch, then whether it rests: whoever makes it rest begins a new epoch afterwards.
        let epoch = kept.trust.epoch();
        if Trust::mode(epoch) == Mode::Gap || kept.rests() {
            return None;
        }
        let token = kept.tokens.begin_alone(key, epoch)?;
        Some(Fill { token, asked: kept.passed() })
    }

    /// Keeps a copy of what the back said, unless something was told of the entry since it was asked. Nobody
    /// waits for that.
    pub(super) fn keep(&self, back: &Arc<dyn Cache>, fill: Fill, value: Bytes) {
        let fits = value.len() <= self.0.longest_value;
        // Who works there, and whether he still does, is asked of the store itself.
        let is_transient = || Stamp::parse(&value).is_some_and(|stamp| stamp.kind.is_transient());
        if !fits || is_transient() {
            return;
        }
        if let Some(load) = self.0.under_way.begin(value.len()) {
            go_on(self.clone().put(Arc::clone(back), fill, value, load));
        }
    }

    async fn put(self, back: Arc<dyn Cache>, fill: Fill, value: Bytes, _load: Load) {
        let kept = &*self.0;
        let Fill { token, asked } = &fill;
        let asked_ttl = kept.passed();
        let dies = match back.ttl(token.key()).await {
            Ok(Remaining::For(left)) => asked_ttl.checked_add(left),
            Ok(Remaining::Never) => None,
            Ok(Remaining::Missing) | Err(_) => return,
        };
        let copy = Copy { epoch: token.epoch(), asked: *asked, dies, value };
        let lives = match kept.served_for(&copy, kept.passed()) {
            Remaining::For(left) => left.min(LONGEST),
            Remaining::Never => LONGEST,
            Remaining::Missing => return,
        };
        if !token.is_alive() || kept.trust.epoch() != copy.epoch {
            return;
        }
        // Given back after what is unsure is settled: `fill` was there first.
        let unsure = self.unsure();
        let set = kept.patient.set(token.key(), copy.seal(kept.owner), SetOptions::new(lives));
        unsure.settle(match set.await {
            Ok(_) if token.is_alive() => Ok(()),
            // It was removed already, perhaps before it was kept.
            Ok(_) => kept.patient.delete(token.key()).await.map(drop),
            Err(Error::TooLarge { .. }) => Ok(()),
            Err(error) => Err(error),
        });
    }

    async fn remove(self, key: Key, block: Block, load: Load) {
        // Given back after what is unsure is settled.
        let _under_way = (block, load);
        let unsure = self.unsure();
        let front = &self.0.patient;
        unsure.settle(match front.ttl(&key).await {
            // Most writes are of what is not kept, and a removal costs sled a flush.
            Ok(Remaining::Missing) => Ok(()),
            Ok(_) => front.delete(&key).await.map(drop),
            Err(error) => Err(error),
        });
    }

    /// Whatever happens now, what is left in the front is known afterwards or void.
    fn unsure(&self) -> Unsure {
        Unsure(Some(self.clone()))
    }
}

impl Copies for Front {
    fn trust(&self) -> &Trust {
        &self.0.trust
    }

    /// From the moment when this returns no reader looks for the copy; that it is removed, nobody waits for.
    fn kill(&self, key: &Key) {
        let kept = &*self.0;
        if !kept.namespaces.hold(key) {
            return;
        }
        let block = kept.tokens.block(key);
        if Trust::mode(kept.trust.epoch()) == Mode::Gap {
            // There are none.
            return;
        }
        let load = if kept.rests() { None } else { kept.under_way.begin(key.as_bytes().len()) };
        match load {
            Some(load) => go_on(self.clone().remove(key.clone(), block, load)),
            // It is not removed, but nothing that was kept until now is served any more.
            None => kept.trust.renew(),
        }
    }
}

/// Something that the front was told and that may or may not be done, now or later.
struct Unsure(Option<Front>);

impl Unsure {
    /// It is done, or may be done even later.
    fn settle(mut self, done: Result<()>) {
        if let (Some(front), Err(error)) = (self.0.take(), done) {
            front.0.failed(&error);
        }
    }
}

impl Drop for Unsure {
    fn drop(&mut self) {
        if let Some(front) = self.0.take() {
            front.0.failed(&"it was given up");
        }
    }
}

/// Without what is kept.
impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Front").field(&self.0.patient).finish()
    }
}
