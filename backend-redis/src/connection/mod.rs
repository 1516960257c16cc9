//! Connections of our own, because the stock ones were measured to hang: a half-open one was never
//! replaced, and while a server was gone each call waited for seconds.
//!
//! ```text
//! caller ─ Link ─ Queue ══ supervisor ─ Driver ─ Decoder ─ Socket ─ server
//!                          └ Dialer, when there is no connection
//! ```
//!
//! - A key's requests always take the same connection: an abandoned write there cannot land after a
//!   later one.
//! - Answers match requests by their order alone. A request keeps its place when its caller has gone.
//! - While there is no connection, calls fail at once; one task dials, with jittered pauses.
//!
//! TLS is another [`socket::Socket`]; a sentinel is asked in [`dial::Dialer`]; a cluster has one
//! [`Links`] for each node.

pub(crate) mod deadline;
pub(crate) mod decoder;
pub(crate) mod dial;
mod driver;
mod loss;
pub(crate) mod queue;
mod socket;
mod supervisor;

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Instant,
};

use cache_api::Key;
use tokio::{sync::oneshot, task::AbortHandle};

use self::queue::{Answer, Queue, Request};
pub(crate) use self::{
    dial::{Dialer, Wire},
    loss::{Loss, LossKind},
};

/// One connection, whatever becomes of it. Ends with its handle.
#[derive(Debug)]
pub(crate) struct Link {
    queue: Arc<Queue>,
    task: AbortHandle,
}

impl Link {
    fn spawn(dialer: &Arc<Dialer>, max_in_flight: usize) -> (Self, FirstDial) {
        let queue = Arc::new(Queue::new(max_in_flight));
        let (report, first) = oneshot::channel();
        let task =
            tokio::spawn(supervisor::supervise(Arc::clone(&queue), Arc::clone(dialer), report));
        (Self { queue, task: task.abort_handle() }, first)
    }

    pub(crate) async fn call(&self, request: Request<'_>, until: Instant) -> Answer {
        self.queue.call(request, until).await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type FirstDial = oneshot::Receiver<Result<(), Loss>>;

/// The connections to one node.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) dialer: Arc<Dialer>,
    links: Box<[Link]>,
    /// For pieces of long bodies, so that nothing small waits behind them.
    bulk: Link,
}

impl Links {
    /// Opens the connections, and waits for the first attempt of each.
    ///
    /// # Errors
    ///
    /// Only what no later attempt can mend.
    pub(crate) async fn open(
        dialer: Dialer,
        connections: usize,
        max_in_flight: usize,
    ) -> Result<Self, Loss> {
        let dialer = Arc::new(dialer);
        let (links, mut first): (Vec<_>, Vec<_>) =
            (0..connections).map(|_| Link::spawn(&dialer, max_in_flight)).unzip();
        let (bulk, dial) = Link::spawn(&dialer, max_in_flight);
        first.push(dial);
        for dial in first {
            match dial.await {
                Ok(Err(loss)) if loss.kind != LossKind::Unreachable => return Err(loss),
                Ok(Err(loss)) => {
                    tracing::warn!(reason = %loss.reason, "redis is not there yet");
                }
                Ok(Ok(())) | Err(_) => {}
            }
        }
        Ok(Self { dialer, links: links.into(), bulk })
    }

    /// The connection of this key's.
    pub(crate) fn of(&self, key: &Key) -> &Link {
        if is_chunk(key) { &self.bulk } else { &self.links[self.index(key)] }
    }

    /// As [`of`](Self::of), as a number below [`count`](Self::count).
    pub(crate) fn number(&self, key: &Key) -> usize {
        if is_chunk(key) { self.links.len() } else { self.index(key) }
    }

    pub(crate) fn count(&self) -> usize {
        self.links.len() + 1
    }

    pub(crate) fn by_number(&self, number: usize) -> &Link {
        self.links.get(number).unwrap_or(&self.bulk)
    }

    pub(crate) fn bulk(&self) -> &Link {
        &self.bulk
    }

    /// Whether it has no connection among the many.
    pub(crate) fn is_bulk(&self, key: &Key) -> bool {
        is_chunk(key)
    }

    fn index(&self, key: &Key) -> usize {
        if self.links.len() == 1 {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        (hasher.finish() % self.links.len() as u64) as usize
    }
}

/// Whether it lies in a namespace for pieces of long bodies, `…/.chunk`.
fn is_chunk(key: &Key) -> bool {
    let bytes = key.as_bytes();
    bytes[..bytes.len() - key.user().len() - 1].ends_with(b"/.chunk")
}
