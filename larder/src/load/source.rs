use std::sync::{Arc, Mutex};

use super::{
    LoadWith,
    context::Chain,
    fly::{Departure, Job, LoaderCell, fly},
    readings::Readings,
};
use crate::{codec::Codec, tags::View, typed::Typed};

/// What loads for a call.
pub(crate) trait Source<T: Send + 'static, E: Send + Sync + 'static>:
    Send + Sync + 'static
{
    /// Sends a load on its way, whose tags were read as these, and which is a part of those.
    fn send(&self, departure: Departure<T, E>, tags: View, chain: Option<Arc<Chain>>);
}

/// A loader of one key.
pub(crate) struct OneKey<T, C, E> {
    typed: Typed<T, C>,
    loader: LoaderCell<T, E>,
    /// Whether what it gives may have tags of its own.
    names_tags: bool,
}

impl<T, C, E> OneKey<T, C, E> {
    pub(crate) fn new(typed: Typed<T, C>, loader: impl LoadWith<T, Error = E>) -> Self {
        let names_tags = loader.names_tags();
        Self { typed, names_tags, loader: Arc::new(Mutex::new(Some(loader.into_loader()))) }
    }
}

impl<T, C, E> Source<T, E> for OneKey<T, C, E>
where
    T: Send + 'static,
    C: Codec<T>,
    E: Send + Sync + 'static,
{
    fn send(&self, departure: Departure<T, E>, tags: View, chain: Option<Arc<Chain>>) {
        let job = Job {
            typed: self.typed.clone(),
            loader: Arc::clone(&self.loader),
            readings: Readings::new(tags, self.names_tags),
            chain,
        };
        tokio::spawn(fly(vec![departure], job));
    }
}
