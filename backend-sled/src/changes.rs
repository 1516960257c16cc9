//! The watch: a bounded queue for each subscriber, filled by whoever changed an entry.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use cache_api::{Change, ChangeStream, Namespace};
use futures_util::stream;
use tokio::sync::mpsc;

use crate::inner::lock;

/// How many changes may wait for a subscriber before it counts as too slow, and its stream ends.
const QUEUE: usize = 4096;

#[derive(Default)]
pub(crate) struct Changes {
    subscribers: Mutex<Vec<Subscriber>>,
    /// Their number, so that a write which nobody watches costs one load.
    count: AtomicUsize,
}

struct Subscriber {
    namespaces: Vec<Namespace>,
    queue: mpsc::Sender<Change>,
}

impl Changes {
    /// Reports a change that is readable by now.
    pub(crate) fn publish(&self, change: impl FnOnce() -> Change) {
        // Pairs with the store in `subscribe`: a subscriber that was answered is seen here.
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let change = change();
        let mut subscribers = lock(&self.subscribers);
        // One whose queue is full, or whose stream is gone, is forgotten: that ends its stream.
        subscribers.retain(|subscriber| {
            !subscriber.concerns(&change) || subscriber.queue.try_send(change.clone()).is_ok()
        });
        self.count.store(subscribers.len(), Ordering::SeqCst);
    }

    pub(crate) fn subscribe(&self, namespaces: &[Namespace]) -> ChangeStream {
        let (queue, changes) = mpsc::channel(QUEUE);
        let mut subscribers = lock(&self.subscribers);
        subscribers.retain(|subscriber| !subscriber.queue.is_closed());
        subscribers.push(Subscriber { namespaces: namespaces.to_vec(), queue });
        self.count.store(subscribers.len(), Ordering::SeqCst);
        Box::pin(stream::unfold(changes, async |mut changes| {
            changes.recv().await.map(|change| (change, changes))
        }))
    }

    /// Anything may have changed: every stream ends.
    pub(crate) fn end_all(&self) {
        let mut subscribers = lock(&self.subscribers);
        subscribers.clear();
        self.count.store(0, Ordering::SeqCst);
    }
}

impl Subscriber {
    fn concerns(&self, change: &Change) -> bool {
        match change {
            Change::Entry(key) => self.namespaces.iter().any(|namespace| key.is_in(namespace)),
            Change::Namespace(cleared) => {
                self.namespaces.iter().any(|namespace| cleared.contains(namespace))
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[tokio::test]
    async fn a_subscriber_hears_of_its_namespace_and_of_the_clear_of_an_ancestor() {
        let (shop, carts) =
            (Namespace::new("shop").unwrap(), Namespace::new("shop/carts").unwrap());
        let changes = Changes::default();
        let mut stream = changes.subscribe(std::slice::from_ref(&carts));
        let (far, near) = (shop.key("1").unwrap(), carts.key("1").unwrap());
        changes.publish(|| Change::Entry(far));
        changes.publish(|| Change::Entry(near.clone()));
        changes.publish(|| Change::Namespace(shop.clone()));
        assert_eq!(stream.next().await, Some(Change::Entry(near)));
        assert_eq!(stream.next().await, Some(Change::Namespace(shop)));
        assert_eq!(stream.next().now_or_never(), None);
    }

    #[tokio::test]
    async fn a_slow_subscribers_stream_ends_and_a_quick_ones_does_not() {
        let namespace = Namespace::new("n").unwrap();
        let changes = Changes::default();
        let slow = changes.subscribe(std::slice::from_ref(&namespace));
        let mut quick = changes.subscribe(std::slice::from_ref(&namespace));
        for index in 0..=QUEUE {
            let key = namespace.key(index.to_string()).unwrap();
            changes.publish(|| Change::Entry(key));
            assert!(quick.next().await.is_some());
        }
        assert_eq!(slow.count().await, QUEUE);
    }
}
