//! cachet on memory. It keeps values as they are in moka, and gives a clone at each hit.

use std::{hint::black_box, sync::Arc};

use benchmarks::record::User;
use cachet::{Cache, CacheEntry};
use tick::Clock;

use crate::Bench;

pub(crate) fn run(bench: &mut Bench<'_>) {
    let (runtime, users) = (bench.runtime, bench.warm.users(bench.runtime));

    // As its README does it: text for a key, the value itself. Per call: the key, a copy of it for the tier,
    // a number for the request, a stopwatch, the look-up in moka, a clone of the record.
    let cache = runtime.block_on(async {
        let cache = Cache::builder::<String, User>(Clock::new_tokio()).memory().build();
        for (id, user) in users.iter().enumerate() {
            let entry = CacheEntry::new(User::clone(user));
            cache.insert(id.to_string(), entry).await.expect("memory takes it");
        }
        cache
    });
    bench.beside("cachet get, String to User", Some(0.25), async |id| {
        black_box(cache.get(&id.to_string()).await).is_ok_and(|user| user.is_some())
    });

    // As lean as it gets: the number is the key, and what is cloned is a pointer.
    let cache = runtime.block_on(async {
        let cache = Cache::builder::<u64, Arc<User>>(Clock::new_tokio()).memory().build();
        for (id, user) in users.iter().enumerate() {
            let entry = CacheEntry::new(Arc::clone(user));
            cache.insert(id as u64, entry).await.expect("memory takes it");
        }
        cache
    });
    bench.beside("cachet get, u64 to Arc<User>", None, async |id| {
        black_box(cache.get(&(id as u64)).await).is_ok_and(|user| user.is_some())
    });
}
