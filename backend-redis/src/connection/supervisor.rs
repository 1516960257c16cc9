//! Keeps one connection alive: dials, runs it, and dials again.

use std::{sync::Arc, time::Duration, time::Instant};

use tokio::sync::oneshot;

use super::{
    Loss, LossKind,
    deadline::TICK,
    dial::{Dialer, Wire},
    driver::Driver,
    queue::Queue,
};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// A connection that did not live longer was no good from the start.
const SHORT_LIFE: Duration = Duration::from_millis(100);
/// Whom the server does not know, it need not hear of so often.
const DENIED_PAUSE: Duration = Duration::from_secs(1);

/// Runs until it is aborted. The first attempt's result goes to `first`.
pub(crate) async fn supervise(
    queue: Arc<Queue>,
    dialer: Arc<Dialer>,
    first: oneshot::Sender<Result<(), Loss>>,
) {
    let _closes = CloseOnDrop(&queue);
    let mut first = Some(first);
    let mut replaces = None;
    let mut pause = FIRST_PAUSE;
    loop {
        // Callers may queue up during the first attempt after a loss; after a failed one they fail
        // fast until there is a connection.
        match dial(&queue, &dialer, replaces).await {
            Ok(Wire { socket, decoder, id }) => {
                replaces = id;
                pause = FIRST_PAUSE;
                queue.open();
                if let Some(first) = first.take() {
                    let _ = first.send(Ok(()));
                }
                let begin = Instant::now();
                let loss = Driver::new(&queue, socket, decoder, dialer.deadline).run().await;
                tracing::debug!(address = %dialer.address, reason = %loss.reason, "redis connection replaced");
                if begin.elapsed() < SHORT_LIFE {
                    // A server that ends each connection is not to be dialled without a break. Callers
                    // may wait as long: it is short against a deadline.
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
            }
            Err(loss) => {
                queue.close(&loss);
                tracing::debug!(address = %dialer.address, reason = %loss.reason, "redis connection failed");
                let longest = match loss.kind {
                    LossKind::Unreachable => LONGEST_PAUSE,
                    LossKind::Denied | LossKind::Misconfigured => DENIED_PAUSE,
                };
                if let Some(first) = first.take() {
                    let _ = first.send(Err(loss));
                }
                // Full jitter over the upper half: many clients of one server do not come together.
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

/// Dials, and meanwhile keeps the deadlines of those who wait for it.
async fn dial(queue: &Queue, dialer: &Dialer, replaces: Option<i64>) -> Result<Wire, Loss> {
    let mut dialling = std::pin::pin!(dialer.dial(replaces));
    loop {
        match tokio::time::timeout(TICK, &mut dialling).await {
            Ok(result) => return result,
            Err(_) => queue.expire(Instant::now()),
        }
    }
}

/// Without its task a queue would be waited at for ever.
struct CloseOnDrop<'a>(&'a Queue);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close(&Loss::new(
            LossKind::Unreachable,
            "the runtime that the cache was opened on has ended",
        ));
    }
}
