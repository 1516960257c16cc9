use std::sync::Arc;

use cache_api::Error;

use super::shared::Product;
use crate::{codec::Codec, envelope::Entry, typed::Typed};

/// How values are handed out: to each caller one of its own, or one for all.
pub(crate) trait Hand<T, C>: Send + Sync + 'static {
    type Value: Send;

    /// The value of an entry in the store: `Some(None)` if it says that there is none, `None` if it does
    /// not decode.
    fn entry(&self, typed: &Typed<T, C>, entry: Entry) -> Option<Option<Self::Value>>;

    /// The value of a load.
    fn product(
        &self,
        typed: &Typed<T, C>,
        product: &Product<T>,
    ) -> Result<Option<Self::Value>, Error>;
}

/// To each its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own;

impl<T: Send + 'static, C: Codec<T>> Hand<T, C> for Own {
    type Value = T;

    fn entry(&self, typed: &Typed<T, C>, entry: Entry) -> Option<Option<T>> {
        typed.decode(entry)
    }

    fn product(&self, typed: &Typed<T, C>, product: &Product<T>) -> Result<Option<T>, Error> {
        product.value(typed)
    }
}

/// One for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One;

impl<T: Send + Sync + 'static, C: Codec<T>> Hand<T, C> for One {
    type Value = Arc<T>;

    fn entry(&self, typed: &Typed<T, C>, entry: Entry) -> Option<Option<Arc<T>>> {
        typed.decode(entry).map(|value| value.map(Arc::new))
    }

    fn product(&self, typed: &Typed<T, C>, product: &Product<T>) -> Result<Option<Arc<T>>, Error> {
        product.shared(typed)
    }
}
