//! The stores themselves, as far as they are built in.

use std::sync::Arc;

use cache_api::{Cache, Result};

use super::{options::Options, scheme::Scheme};

pub(super) async fn open(
    scheme: &Scheme,
    place: &str,
    options: &Options<'_>,
) -> Result<Arc<dyn Cache>> {
    match scheme.store {
        #[cfg(feature = "memory")]
        super::scheme::Store::Memory => memory(place, options),
        #[cfg(feature = "sled")]
        super::scheme::Store::Sled => sled(place, options).await,
        #[cfg(feature = "redis")]
        super::scheme::Store::Redis => redis(scheme, place, options).await,
        // Of tiers it is the store behind them that is opened.
        _ => {
            let _ = (place, options);
            Err(super::not_built_in(scheme))
        }
    }
}

#[cfg(feature = "memory")]
fn memory(place: &str, options: &Options<'_>) -> Result<Arc<dyn Cache>> {
    if !place.is_empty() {
        let reason = format!("there is no place to name; write {}", "memory:?max=64MiB");
        return Err(super::refused("memory", reason));
    }
    let mut builder = backend_memory::MemoryCache::builder();
    if let Some(bytes) = options.size("max")? {
        builder = builder.max_bytes(bytes);
    }
    if let Some(bytes) = options.length("max_value")? {
        builder = builder.max_value(bytes);
    }
    Ok(Arc::new(builder.build()))
}

#[cfg(feature = "sled")]
async fn sled(place: &str, options: &Options<'_>) -> Result<Arc<dyn Cache>> {
    use crate::envelope::Kind;

    if place.is_empty() {
        let reason = "which directory? Write sled:./cache or sled:/var/cache/service";
        return Err(super::refused("sled", reason.into()));
    }
    let mut builder = backend_sled::SledCache::builder(place);
    if let Some(bytes) = options.size("max")? {
        builder = builder.max_bytes(bytes);
    }
    if let Some(bytes) = options.length("max_value")? {
        builder = builder.max_value(bytes);
    }
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_transient()) {
        builder = builder.drop_at_open(kind.prefix());
    }
    Ok(Arc::new(builder.open().await?))
}

#[cfg(feature = "redis")]
async fn redis(scheme: &Scheme, place: &str, options: &Options<'_>) -> Result<Arc<dyn Cache>> {
    // What is the store's own affair stays in its URL.
    let own = ["db", "user", "pass"].into_iter();
    let own = own.filter_map(|name| Some(format!("{name}={}", options.get(name)?)));
    let own: Vec<_> = own.collect();
    let query = if own.is_empty() { String::new() } else { format!("?{}", own.join("&")) };
    let url = format!("{}:{place}{query}", scheme.name);
    let mut builder = backend_redis::RedisCache::builder(&url)?;
    if let Some(deadline) = options.duration("deadline")? {
        builder = builder.deadline(deadline);
    }
    if let Some(connections) = options.number("connections")? {
        builder = builder.connections(connections);
    }
    if let Some(bytes) = options.length("max_value")? {
        builder = builder.max_value(bytes);
    }
    Ok(Arc::new(builder.open().await?))
}
