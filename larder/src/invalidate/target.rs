use cache_api::{Key, Namespace, Result};

use super::soften::soften;
use crate::{
    handle::Larder,
    tags::{self, TagName},
};

/// What is invalidated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Key(Key),
    Tag(Namespace, TagName),
    /// A namespace and its descendants.
    Clear(Namespace),
}

/// Whether what is invalidated may still be served, past its time. The greater is the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    Softly,
    Hard,
}

impl Target {
    /// Invalidates it. May be repeated after any error.
    pub(super) async fn apply(&self, larder: &Larder, how: How) -> Result<()> {
        let store = larder.store().as_ref();
        match self {
            Self::Key(key) => {
                match how {
                    How::Hard => {
                        store.delete(key).await?;
                    }
                    How::Softly => soften(larder, key).await?,
                }
                larder.inner.wake.changed(key);
                Ok(())
            }
            Self::Tag(namespace, name) => {
                let names = std::slice::from_ref(name);
                let is_soft = how == How::Softly;
                tags::invalidate(store, namespace, names, is_soft, larder.inner.switches).await
            }
            Self::Clear(namespace) => {
                store.clear(namespace).await?;
                larder.inner.wake.all_changed();
                Ok(())
            }
        }
    }
}
