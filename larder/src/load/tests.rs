use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use backend_memory::MemoryCache;
use cache_api::{Cache, TestClock};

use crate::{Larder, Origin, Typed};

const MINUTE: Duration = Duration::from_secs(60);

struct Fixture {
    clock: TestClock,
    larder: Larder,
    values: Typed<u64>,
    source: Arc<AtomicUsize>,
}

fn fixture() -> Fixture {
    let clock = TestClock::new();
    let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    let values = larder.namespace("values").unwrap().typed().default_ttl(MINUTE);
    Fixture { clock, larder, values, source: Arc::default() }
}

#[tokio::test]
async fn a_miss_is_loaded_once_and_then_a_hit() {
    let Fixture { larder, values, source, .. } = fixture();
    let load = || {
        let source = Arc::clone(&source);
        move || async move { Ok::<_, Infallible>(source.fetch_add(1, Ordering::SeqCst) as u64) }
    };
    let first = values.get_or_load("k", load()).answer().await.unwrap();
    assert_eq!((first.value, first.origin), (0, Origin::Loaded));
    let second = values.get_or_load("k", load()).answer().await.unwrap();
    assert_eq!((second.value, second.origin), (0, Origin::Store));
    assert!(larder.inner.flights.is_empty());
}

#[tokio::test]
async fn a_thousand_callers_share_one_load() {
    let Fixture { values, source, .. } = fixture();
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let (values, source) = (values.clone(), Arc::clone(&source));
            tokio::spawn(async move {
                let load = move || async move {
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(source.fetch_add(1, Ordering::SeqCst) as u64)
                };
                values.get_or_load("k", load).await.unwrap()
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 0);
    }
    assert_eq!(source.load(Ordering::SeqCst), 1);
}
