//! The kit, run over the stores of the house and over whatever wraps them.

mod stores;

use std::sync::Arc;

use cache_api::Cache;
use integration_tests::{
    conformance,
    faults::{Faulty, Scripted},
    kit::Wrapped,
};
use stores::{Memory, Redis, Sled};

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
