use tokio::sync::OnceCell;

use super::footing::Site;
use crate::{
    envelope::Mark,
    tags::{Sequence, View},
};

/// What a load reads in the store before its source is asked, besides what stands at its keys: once,
/// however many those are.
#[derive(Debug)]
pub(crate) struct Readings {
    /// The tags, as the call has read them.
    tags: View,
    /// Whether the loader may name more of them.
    names_tags: bool,
    marks: OnceCell<Option<Vec<Mark>>>,
    sequence: OnceCell<Option<Sequence>>,
}

impl Readings {
    pub(crate) const fn new(tags: View, names_tags: bool) -> Self {
        Self { tags, names_tags, marks: OnceCell::const_new(), sequence: OnceCell::const_new() }
    }

    /// The tags of the call. `None`: the store did not say what they are.
    ///
    /// One call to the store for each that was not there.
    pub(super) async fn marks(&self, site: &Site) -> Option<&[Mark]> {
        let read = async || {
            let (store, namespace) = (site.space.store().as_ref(), site.space.namespace());
            let names = site.options.tags.get().ok()?;
            self.tags.clone().marks(store, namespace, names).await.ok()
        };
        self.marks.get_or_init(read).await.as_deref()
    }

    /// To find out whether tags that the loader names were invalidated during the load. Without it they are
    /// not trusted, and what has some is not kept.
    ///
    /// One call to the store if the loader may name tags, else none.
    pub(super) async fn sequence(&self, site: &Site) -> Option<Sequence> {
        let read = async || {
            let (store, namespace) = (site.space.store().as_ref(), site.space.namespace());
            if self.names_tags { Sequence::read(store, namespace).await.ok() } else { None }
        };
        self.sequence.get_or_init(read).await.clone()
    }
}
