use std::{future::poll_fn, pin::pin, task::Poll};

use backend_memory::MemoryCache;
use cache_api::{Condition, Namespace, SetItem, SetOptions, Ttl};
use integration_tests::faults::Scripted;
use tokio::task::yield_now;

use super::*;

/// Polls a call so many times and drops it then. `true`: it was over before.
async fn dropped_after<F: Future>(polls: usize, call: F) -> bool {
    let mut call = pin!(call);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await {
            return true;
        }
        yield_now().await;
    }
    false
}

fn hesitating() -> Scripted {
    let store = Scripted::new(Arc::new(MemoryCache::new()));
    store.hesitate();
    store
}

/// Waits until nothing is under way any more, which is bounded.
async fn is_idle(tiers: &Tiered) -> bool {
    for _ in 0..1000 {
        if tiers.inner.front.is_idle() {
            return true;
        }
        yield_now().await;
    }
    false
}

#[tokio::test]
async fn nothing_is_left_of_calls_that_are_given_up_wherever_they_wait() {
    let (front, back) = (hesitating(), hesitating());
    let tiers = Tiered::new(front, back.clone());
    let namespace = Namespace::new("n").unwrap();
    let keys = ["a", "b"].map(|user| namespace.key(user).unwrap());
    let [key, _] = &keys;
    let (value, options) = (Bytes::from_static(b"0"), SetOptions::new(Ttl::Never));
    let item = |key: &Key| SetItem { key: key.clone(), value: value.clone(), options };
    for polls in 0.. {
        let mut all = true;
        for call in 0..8 {
            let call: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = match call {
                0 => Box::pin(async { drop(tiers.get(key).await) }),
                1 => Box::pin(async { drop(tiers.set(key, value.clone(), options).await) }),
                2 => Box::pin(async { drop(tiers.get_many(&keys).await) }),
                3 => {
                    Box::pin(async { drop(tiers.set_many(keys.iter().map(item).collect()).await) })
                }
                4 => Box::pin(async { drop(tiers.delete_if(key, Condition::Always).await) }),
                5 => Box::pin(async { drop(tiers.increment(key, 1, Ttl::Never).await) }),
                6 => Box::pin(async { drop(tiers.ttl(key).await) }),
                _ => Box::pin(async { drop(tiers.clear(&namespace).await) }),
            };
            all &= dropped_after(polls, call).await;
            // A reader comes while what was given up is under way.
            let _ = dropped_after(polls % 7, tiers.get(key)).await;
        }
        assert!(is_idle(&tiers).await, "after {polls} polls");
        if all {
            break;
        }
        assert!(polls < 1000, "calls do not end");
    }
    // And it works: what is written is what is read, from the front too.
    assert!(tiers.set(key, "1".into(), options).await.unwrap().is_stored());
    let before = tiers.stats().hits;
    while tiers.stats().hits == before {
        assert_eq!(tiers.get(key).await.unwrap().unwrap(), "1");
        yield_now().await;
    }
}
