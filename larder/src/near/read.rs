//! A look at the near tier, and what a look at the store leaves there.

use std::{sync::Arc, time::Duration};

use cache_api::{Error, Key, Remaining, Result};

use super::{
    ReadToken,
    tier::{Copy, Fill, Tier, What},
};
use crate::{
    codec::Codec,
    envelope::{Entry, Lifetime, Mark, TagState},
    load::{Chain, Options},
    lookup::{self, Found},
    switches::Rule,
    tags::{TagName, View},
    tiered,
    typed::Typed,
};

/// Which copies a call takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Takes {
    #[default]
    Any,
    /// Only that of this write.
    Of(ReadToken),
    None,
}

/// What a look at the near tier came to.
pub(crate) enum Look<T> {
    /// A value, or that there is none.
    Hit(Option<Arc<T>>),
    /// A copy whose tags are not all here.
    Tagged(Box<Copy>),
    Miss,
}

impl<T: Send + Sync + 'static, C: Codec<T>> Typed<T, C> {
    /// The tier, if this call may use it.
    pub(super) fn tier(&self, takes: Takes) -> Option<&Tier> {
        let inner = &self.larder().inner;
        let tier = inner.near.as_deref()?;
        let is_usable = !matches!(takes, Takes::None)
            // Something that was invalidated may still stand in the store.
            && inner.outbox.is_empty()
            // What is made from other entries must not be made from copies.
            && !Chain::is_loading();
        is_usable.then_some(tier)
    }

    /// Looks for a copy. Does not wait for anything.
    pub(super) fn look_near(&self, key: &Key, takes: Takes) -> Look<T> {
        let Some(tier) = self.tier(takes) else { return Look::Miss };
        let copy = match tier.get(key) {
            Some(copy) if self.is_mine(&copy, takes) => copy,
            _ => return Look::Miss,
        };
        let Some(tags) = copy.tags.as_ref().filter(|_| self.compares_tags()) else {
            return hit(copy.what);
        };
        for (key, seen) in tags.iter() {
            match tier.tag(key) {
                Some(now) if now == *seen => {}
                // Dead, or past its time: the store's entry will say which.
                Some(_) => return Look::Miss,
                None => return Look::Tagged(Box::new(copy)),
            }
        }
        hit(copy.what)
    }

    fn compares_tags(&self) -> bool {
        self.larder().keeps(Rule::TagsOfCopiesCompared)
    }

    /// Reads the tags of a copy that are not here, and keeps them here. One call to the store.
    pub(super) async fn look_with_tags(&self, copy: Box<Copy>, takes: Takes) -> Look<T> {
        let (Some(tier), Some(tags)) = (self.tier(takes), &copy.tags) else { return Look::Miss };
        let keys: Vec<_> = tags.iter().map(|(key, _)| key.clone()).collect();
        let fills: Vec<_> = keys.iter().map(|key| tier.begin(key)).collect();
        let Ok(found) = self.store().get_many(&keys).await else { return Look::Miss };
        let mut holds = true;
        for (((key, seen), fill), record) in tags.iter().zip(fills).zip(found) {
            let Some(now) = record.as_ref().and_then(|record| TagState::parse(record)) else {
                return Look::Miss;
            };
            holds &= now == *seen;
            if let Some(fill) = fill {
                fill.keep(key, What::Tag(now), now.version, None, None, 0);
            }
        }
        if holds { hit(copy.what) } else { Look::Miss }
    }

    fn is_mine(&self, copy: &Copy, takes: Takes) -> bool {
        if let Takes::Of(token) = takes
            && copy.version != token.version()
        {
            return false;
        }
        // A copy that another handle made may be of an entry without a generation.
        if self.inner.space.has_generations() && copy.tags.is_none() {
            return false;
        }
        match copy.what {
            What::Value { codec, schema, .. } => codec == C::ID && schema == self.inner.schema,
            What::Nothing => true,
            What::Tag(_) => false,
        }
    }

    /// Looks at the store, and is ready to keep a copy of what it finds there.
    pub(super) async fn fetch(
        &self,
        key: &Key,
        names: &[TagName],
        takes: Takes,
    ) -> (Result<Found>, Option<Copying<'_>>) {
        // Whoever takes no copies, or only one, takes none of a store in front of another either.
        let find = lookup::find(&self.inner.space, key, names, self.expected());
        let find = async {
            match takes {
                Takes::Any => find.await,
                Takes::Of(_) | Takes::None => tiered::anew(find).await,
            }
        };
        // Of a call that takes no copies one is made all the same: the newest there is.
        let takes = if let Takes::None = takes { Takes::Any } else { takes };
        let Some(fill) = self.tier(takes).and_then(|tier| tier.begin(key)) else {
            return (find.await, None);
        };
        // Asked with it, so that a copy never outlives the entry, whatever our clock says.
        let (found, remaining) = tokio::join!(find, self.store().ttl(key));
        (found, remaining.ok().map(|remaining| Copying { fill, remaining }))
    }
}

fn hit<T: Send + Sync + 'static>(what: What) -> Look<T> {
    match what {
        What::Value { value, .. } => match value.downcast() {
            Ok(value) => Look::Hit(Some(value)),
            // The same key, read as another type.
            Err(_) => Look::Miss,
        },
        What::Nothing => Look::Hit(None),
        What::Tag(_) => Look::Miss,
    }
}

/// A copy to be made of what was just read.
pub(super) struct Copying<'a> {
    fill: Fill<'a>,
    /// What the store says of the lifetime of the entry.
    remaining: Remaining,
}

/// What is to be known of an entry besides its value.
pub(super) struct Facts {
    lifetime: Lifetime,
    version: crate::envelope::Version,
    tags: Vec<Mark>,
    bytes: usize,
}

impl Facts {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            lifetime: entry.lifetime,
            version: entry.stamp.version,
            tags: entry.tags.clone(),
            bytes: entry.payload.as_ref().map_or(0, bytes::Bytes::len),
        }
    }
}

impl Copying<'_> {
    /// Keeps a copy of a fresh answer.
    pub(super) fn keep<T: Send + Sync + 'static, C: Codec<T>>(
        self,
        typed: &Typed<T, C>,
        key: &Key,
        value: Option<&Arc<T>>,
        facts: Facts,
        options: &Options,
    ) {
        let Self { fill, remaining } = self;
        let Facts { lifetime, version, tags, bytes } = facts;
        let Some(lives) = lives(&lifetime, remaining, typed.larder().now_ms(), options) else {
            return;
        };
        let namespace = typed.inner.space.namespace();
        let names: Vec<_> =
            tags.iter().map(|mark| TagName::from_bytes(mark.name.clone())).collect();
        let Ok(keys) = View::keys(namespace, &names) else { return };
        let tags: Vec<_> = keys.into_iter().zip(tags.iter().map(|mark| mark.seen)).collect();
        let tags = (!tags.is_empty()).then(|| tags.into());
        let what = match value {
            Some(value) => What::Value {
                value: Arc::clone(value) as _,
                codec: C::ID,
                schema: typed.inner.schema,
            },
            None => What::Nothing,
        };
        fill.keep(key, what, version, tags, lives, bytes);
    }
}

/// How long a copy lives, from the moment when the store was asked: until the entry is past its time by
/// the store's clock or by ours, whichever comes first. `None`: it is not to be made.
fn lives(
    lifetime: &Lifetime,
    remaining: Remaining,
    now_ms: u64,
    options: &Options,
) -> Option<Option<Duration>> {
    let by_store = match remaining {
        Remaining::Missing => return None,
        Remaining::Never => None,
        Remaining::For(left) => Some(left.saturating_sub(lifetime.stale_for())),
    };
    let by_clock = lifetime.fresh_left(now_ms);
    let fresh = match (by_store, by_clock) {
        (Some(by_store), Some(by_clock)) => Some(by_store.min(by_clock)),
        (one, other) => one.or(other),
    };
    // Whoever refreshes ahead of time must look at the store to do so.
    let ahead = options.refresh_ahead.map_or(Duration::ZERO, |eagerness| {
        crate::load::ahead(lifetime, eagerness, 1.0 - rand::random::<f64>())
    });
    match fresh.map(|fresh| fresh.saturating_sub(ahead)) {
        Some(Duration::ZERO) => None,
        lives => Some(lives),
    }
}

/// An error of a handle whose key is none.
pub(super) fn key(key: &Result<Key>) -> Result<&Key, Error> {
    key.as_ref().map_err(Clone::clone)
}
