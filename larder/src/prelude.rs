//! `use larder::prelude::*;` brings what most programs name.
//!
//! Neither the trait [`Cache`](crate::Cache), whose methods would stand beside those of the handles,
//! nor a `Result`, which would hide the usual one.

pub use crate::{
    Bytes, Key, Larder, Namespace, Raw, Remaining, Reserved, Space, ToKey, Ttl, Typed, Value,
    codec::{Json, MessagePack, RawBytes},
};
