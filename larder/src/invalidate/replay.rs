use std::{collections::HashSet, sync::Arc, time::Duration};

use super::call::is_passing;
use crate::handle::WeakLarder;

/// How long after a failure they are tried again: at first, and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Makes what is in the queue, again and again until nothing is left.
pub(super) async fn replay(larder: WeakLarder) {
    let mut pause = PAUSES.0;
    let mut refused = HashSet::new();
    loop {
        let Some(clock) = larder.upgrade().map(|larder| Arc::clone(larder.clock())) else { return };
        clock.sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
        let Some(larder) = larder.upgrade() else { return };
        for order in larder.inner.outbox.all() {
            match order.make(&larder).await {
                Ok(()) => pause = PAUSES.0,
                // The others would not get through either.
                Err(error) if error.is_unavailable() => break,
                Err(error) if is_passing(&error) => {}
                // It may never be made: what it concerns is distrusted for as long as we live.
                Err(error) => {
                    if refused.insert(order.target) {
                        tracing::error!(%error, "an invalidation in the queue was refused");
                    }
                }
            }
        }
        if larder.inner.outbox.rests() {
            tracing::info!("all invalidations that were queued are made");
            return;
        }
    }
}
