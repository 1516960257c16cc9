use std::sync::{Arc, Mutex, PoisonError};

use super::{
    LoadWith,
    context::Chain,
    fly::{Departure, Job, fly},
    readings::Readings,
};
use crate::{codec::Codec, tags::View, typed::Typed};

/// What loads for a call.
pub(crate) trait Source<T: Send + 'static, E: Send + Sync + 'static>:
    Send + Sync + 'static
{
    /// Sends a load on its way, whose tags were read as these, and which is a part of those.
    fn send(self: Arc<Self>, departure: Departure<T, E>, tags: View, chain: Option<Arc<Chain>>);
}

/// A loader of one key, until a load asks it. Most calls never do: they share somebody else's.
pub(crate) struct OneKey<T, C, L> {
    typed: Typed<T, C>,
    loader: Mutex<Option<L>>,
    /// Whether what it gives may have tags of its own.
    names_tags: bool,
}

impl<T, C, L: LoadWith<T>> OneKey<T, C, L> {
    pub(crate) fn new(typed: Typed<T, C>, loader: L) -> Self {
        Self { typed, names_tags: loader.names_tags(), loader: Mutex::new(Some(loader)) }
    }
}

impl<T, C, L> Source<T, L::Error> for OneKey<T, C, L>
where
    T: Send + 'static,
    C: Codec<T>,
    L: LoadWith<T>,
{
    fn send(
        self: Arc<Self>,
        departure: Departure<T, L::Error>,
        tags: View,
        chain: Option<Arc<Chain>>,
    ) {
        let typed = self.typed.clone();
        let readings = Readings::new(tags, self.names_tags);
        let loader = Box::new(move || {
            let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
            loader.take().map(LoadWith::into_loader)
        });
        tokio::spawn(fly(vec![departure], Job { typed, loader, readings, chain }));
    }
}
