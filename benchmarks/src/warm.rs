//! A near tier that holds what it is asked for.

use std::sync::Arc;

use backend_memory::MemoryCache;
use larder::{Larder, Near};
use tokio::runtime::Runtime;

use crate::{measure::hits, record::User, zipf};

const CALLS: usize = 400_000;

/// A near tier, and which of its users are asked for: some often, most seldom.
#[derive(Debug)]
pub struct Warm {
    near: Near<User>,
    /// Numbers of users.
    pub asked: Vec<usize>,
}

impl Warm {
    /// With so many users.
    ///
    /// # Panics
    ///
    /// If memory does not keep them.
    pub fn with(keys: usize, runtime: &Runtime) -> Self {
        let store = MemoryCache::builder().max_bytes(1 << 30).build();
        let larder = Larder::builder(store).near(1 << 30).build();
        let users = larder.namespace("users").expect("a valid name").typed::<User>();
        let near = runtime.block_on(async {
            let near = users.near();
            for id in 0..keys as u64 {
                near.set(id, &User::new(id)).forever().await.expect("memory takes it");
            }
            for id in 0..keys as u64 {
                // Kept once it is read while changes are told.
                let before = larder.stats().near.hits;
                while larder.stats().near.hits == before {
                    near.get(id).await.expect("memory answers");
                    tokio::task::yield_now().await;
                }
            }
            near
        });
        Self { near, asked: zipf::indices(keys, 0.99, CALLS) }
    }

    /// The users, in order: what a hit gives.
    ///
    /// # Panics
    ///
    /// Never: they are there.
    pub fn users(&self, runtime: &Runtime) -> Vec<Arc<User>> {
        let keys = self.asked.iter().max().map_or(0, |last| last + 1);
        let get = async |id| self.near.get(id as u64).await;
        let users = (0..keys).map(|id| runtime.block_on(get(id)));
        users.map(|user| user.expect("memory answers").expect("it was set")).collect()
    }

    /// Asks for all of them: nanoseconds per hit. The key is made from a number in each call.
    pub fn hits(&self, runtime: &Runtime) -> f64 {
        hits(runtime, self.asked.iter().copied(), async |id| {
            self.near.get(id as u64).await.is_ok_and(|user| user.is_some())
        })
    }
}
