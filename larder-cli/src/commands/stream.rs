//! What `record` and `replay` have in common.

use larder::stream::Streams;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

use crate::context::Context;

/// The head of a recording that the program makes: nothing. Of one that an application made, whatever
/// its type, it is passed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyHead;

impl Serialize for AnyHead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for AnyHead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}

/// The streams of the namespace.
pub(crate) fn streams(context: &Context) -> Streams<AnyHead> {
    context.space.streams::<AnyHead>()
}
