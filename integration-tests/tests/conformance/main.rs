//! The kit, run over the stores of the house and over whatever wraps them.

mod stores;
mod tiers;

use std::{sync::Arc, time::Duration};

use cache_api::Cache;
use integration_tests::{
    conformance,
    faults::{Faulty, Scripted},
    kit::Wrapped,
};
use larder::layer::{Breaker, Layer, Metrics, Prefix, Retry, Timeout, Trace};
use stores::{Memory, Redis, Sled};
use tiers::{Disk, Tiers};

conformance!(memory, Memory::new());
conformance!(memory_in_real_time, Memory::in_real_time());
conformance!(redis, Redis::new());
conformance!(sled, Sled::new());
conformance!(arc_dyn, Wrapped::new(Memory::new(), |store| Arc::new(store)));
conformance!(
    box_dyn,
    Wrapped::new(Memory::new(), |store| Arc::new(Box::new(store) as Box<dyn Cache>))
);

// Where nothing is to go wrong, nothing does.
conformance!(scripted, Wrapped::new(Memory::new(), |store| Arc::new(Scripted::new(store))));
conformance!(faulty, Wrapped::new(Memory::new(), |store| Arc::new(Faulty::builder(store).build())));

/// Memory with this around it.
fn around(layer: fn(Arc<dyn Cache>) -> Arc<dyn Cache>) -> Wrapped<Memory> {
    Wrapped::new(Memory::new(), layer)
}

fn timeout() -> Timeout {
    Timeout::new(Duration::from_secs(10))
}

fn prefix() -> Prefix {
    Prefix::new("application/of-ours").expect("it is a namespace")
}

conformance!(layer_timeout, around(|store| timeout().layer(store)));
conformance!(layer_retry, around(|store| Retry::new().layer(store)));
conformance!(layer_breaker, around(|store| Breaker::new().layer(store)));
conformance!(layer_metrics, around(|store| Metrics::new().layer(store)));
conformance!(layer_trace, around(|store| Trace::new().layer(store)));
conformance!(layer_prefix, around(|store| prefix().layer(store)));
conformance!(
    all_layers,
    around(|store| {
        let layers: [&dyn Layer; 6] =
            [&prefix(), &timeout(), &Retry::new(), &Breaker::new(), &Metrics::new(), &Trace::new()];
        layers.into_iter().fold(store, |inner, layer| layer.layer(inner))
    })
);

// Tiers claim and do what their last store does.
conformance!(tiers_memory_memory, Tiers::new(Memory::new(), Memory::new()));
conformance!(tiers_memory_redis, Tiers::new(Memory::new(), Redis::new()));
conformance!(tiers_disk_redis, Tiers::new(Disk::default(), Redis::new()));
conformance!(
    tiers_memory_disk_redis,
    Tiers::new(Memory::new(), Tiers::new(Disk::default(), Redis::new()))
);
conformance!(tiers_memory_memory_warm, Tiers::warm(Memory::new(), Memory::new()));
conformance!(tiers_memory_sled_warm, Tiers::warm(Memory::in_real_time(), Sled::new()));
conformance!(tiers_disk_memory_warm, Tiers::warm(Disk::default(), Memory::in_real_time()));
