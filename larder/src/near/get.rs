use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use cache_api::{Key, Result};

use super::{
    ReadToken,
    read::{Facts, Look, Takes},
};
use crate::{
    codec::Codec,
    handle::count,
    lookup::{Found, Standing},
    typed::Typed,
};

/// A look-up, by [`Near::get`](crate::Near::get): a future, which does nothing until it is awaited.
///
/// A hit on the near tier waits for nothing and allocates nothing.
#[must_use = "nothing is looked up until it is awaited"]
pub struct NearGet<T, C> {
    stage: Stage<T, C>,
    takes: Takes,
}

enum Stage<T, C> {
    Ready(Typed<T, C>, Result<Key>),
    Asking(Pin<Box<dyn Future<Output = Answer<T>> + Send>>),
    Done,
}

type Answer<T> = Result<Option<Arc<T>>>;

impl<T, C> NearGet<T, C> {
    pub(super) const fn new(typed: Typed<T, C>, key: Result<Key>) -> Self {
        Self { stage: Stage::Ready(typed, key), takes: Takes::Any }
    }

    /// Reads the store, whatever is kept in this process.
    pub const fn fresh(mut self) -> Self {
        self.takes = Takes::None;
        self
    }

    /// Sees at least this write: takes no older copy. See [`ReadToken`].
    pub const fn after(mut self, token: &ReadToken) -> Self {
        self.takes = Takes::Of(*token);
        self
    }
}

impl<T: Send + Sync + 'static, C: Codec<T>> Future for NearGet<T, C> {
    type Output = Answer<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<T>> {
        if let Stage::Ready(typed, name) = &self.stage {
            let look = match name {
                Ok(key) => typed.look_near(key, self.takes),
                // Told by the look at the store.
                Err(_) => Look::Miss,
            };
            let copy = match look {
                Look::Hit(value) => {
                    count(&typed.counters().near_hits);
                    self.stage = Stage::Done;
                    return Poll::Ready(Ok(value));
                }
                Look::Tagged(copy) => Some(copy),
                Look::Miss => None,
            };
            let takes = self.takes;
            let Stage::Ready(typed, key) = std::mem::replace(&mut self.stage, Stage::Done) else {
                return Poll::Pending;
            };
            self.stage = Stage::Asking(Box::pin(async move {
                let key = key?;
                if let Some(copy) = copy
                    && let Look::Hit(value) = typed.look_with_tags(copy, takes).await
                {
                    count(&typed.counters().near_hits);
                    return Ok(value);
                }
                ask(typed, key, takes).await
            }));
        }
        match &mut self.stage {
            Stage::Asking(asking) => asking.as_mut().poll(context),
            Stage::Ready(..) | Stage::Done => Poll::Pending,
        }
    }
}

/// Nothing in it is pinned: what is awaited is in a box.
impl<T, C> Unpin for NearGet<T, C> {}

/// Asks the store, and keeps what it says.
async fn ask<T: Send + Sync + 'static, C: Codec<T>>(
    typed: Typed<T, C>,
    key: Key,
    takes: Takes,
) -> Answer<T> {
    count(&typed.counters().near_misses);
    let options = &typed.inner.options;
    let (found, copying) = typed.fetch(&key, options.tags.get()?, takes).await;
    let Found { standing, .. } = typed.counted(found)?;
    let Standing::Fresh(entry) = standing else {
        count(&typed.counters().misses);
        return Ok(None);
    };
    let facts = Facts::of(&entry);
    let Some(value) = typed.decode(entry) else {
        count(&typed.counters().misses);
        return Ok(None);
    };
    let value = value.map(Arc::new);
    count(if value.is_some() { &typed.counters().hits } else { &typed.counters().misses });
    if let Some(copying) = copying {
        copying.keep(&typed, &key, value.as_ref(), facts, options);
    }
    Ok(value)
}

impl<T, C> fmt::Debug for NearGet<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearGet").field("takes", &self.takes).finish_non_exhaustive()
    }
}
