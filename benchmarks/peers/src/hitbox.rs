//! hitbox on memory. It keeps encoded values in moka and decodes at each hit.

use std::{convert::Infallible, hint::black_box, time::Duration};

use benchmarks::record::User;
use hitbox::{CacheContext, CacheKey, CacheValue, policy::PolicyConfig};
use hitbox_backend::{CacheBackend, format::BincodeFormat};
use hitbox_derive::{CacheableResponse, cached};
use hitbox_fn::Cache;
use hitbox_moka::MokaBackend;
use serde::{Deserialize, Serialize};

use crate::Bench;

/// The record, as its traits want it.
#[derive(Debug, Clone, Serialize, Deserialize, CacheableResponse)]
struct Kept {
    user: User,
}

pub(crate) fn run(bench: &mut Bench<'_>) {
    let (runtime, keys) = (bench.runtime, bench.keys as u64);

    // The fastest of its formats that needs no derive of its own; its default, JSON, is slower.
    let backend =
        MokaBackend::builder().max_entries(10_000_000).value_format(BincodeFormat).build();
    runtime.block_on(async {
        for id in 0..keys {
            let value = CacheValue::new(Kept { user: User::new(id) }, None, None);
            let mut context = CacheContext::default().boxed();
            let set = backend.set::<Kept>(&key(id), &value, &mut context).await;
            set.expect("memory takes it");
        }
    });
    // Per call: the key (a name and the number's text), a context, the look-up in moka, decompression (of
    // nothing), decoding.
    bench.beside("hitbox typed get on moka", Some(0.25), async |id| {
        let mut context = CacheContext::default().boxed();
        let found = backend.get::<Kept>(&key(id as u64), &mut context).await;
        black_box(found).is_ok_and(|value| value.is_some())
    });

    // Its way to remember what a function gives, as its README does it. Per call: the same, and the state
    // machine that would call the function.
    let cache = Cache::builder()
        .backend(backend)
        .policy(PolicyConfig::builder().ttl(Duration::from_secs(3600)).build())
        .build();
    runtime.block_on(async {
        for id in 0..keys {
            assert!(user(id).cache(&cache).await.is_ok());
        }
    });
    bench.beside("hitbox #[cached] on moka", None, async |id| {
        black_box(user(id as u64).cache(&cache).await).is_ok()
    });
}

fn key(id: u64) -> CacheKey {
    CacheKey::from_str("id", &id.to_string())
}

#[cached(prefix = "users")]
async fn user(id: u64) -> Result<Kept, Infallible> {
    Ok(Kept { user: User::new(id) })
}
