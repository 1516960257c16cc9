//! Flushes, grouped: all who wait while one runs are served by the next.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_api::{Error, Result};
use tokio::sync::Mutex;

use crate::{
    fault::{self, NAME},
    inner::Inner,
};

/// How long a caller waits for its flush.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Flushes {
    turn: Mutex<()>,
    asked: AtomicU64,
    done: AtomicU64,
}

impl Inner {
    /// Returns when what was written before the call outlives the process.
    ///
    /// `losses` is [`Inner::losses`] from before the write. The write itself has been applied: an
    /// error means that it may be undone.
    pub(crate) async fn flush(
        self: &Arc<Self>,
        operation: &'static str,
        losses: u64,
    ) -> Result<()> {
        match tokio::time::timeout(DEADLINE, self.take_turn(operation)).await {
            // Meanwhile the database was opened again without it.
            Ok(Ok(())) if self.losses() != losses => Err(not_durable(operation)),
            Ok(flushed) => flushed,
            Err(_) => Err(Error::Timeout {
                backend: NAME,
                operation,
                after: DEADLINE,
                may_have_applied: true,
            }),
        }
    }

    async fn take_turn(self: &Arc<Self>, operation: &'static str) -> Result<()> {
        let ticket = self.flushes.asked.fetch_add(1, SeqCst) + 1;
        let _turn = self.flushes.turn.lock().await;
        if self.flushes.done.load(SeqCst) >= ticket {
            return Ok(());
        }
        // Whoever asked until now wrote before it asked.
        let served = self.flushes.asked.load(SeqCst);
        let inner = Arc::clone(self);
        let flushed = tokio::task::spawn_blocking(move || inner.flush_now(operation)).await;
        flushed.unwrap_or_else(|_| Err(fault::uncertain(operation, "the runtime is ending")))?;
        self.flushes.done.fetch_max(served, SeqCst);
        Ok(())
    }

    fn flush_now(&self, operation: &'static str) -> Result<()> {
        self.read(operation, |store| store.db.flush().map(|_| ()))
            .map_err(|_| not_durable(operation))
    }
}

fn not_durable(operation: &'static str) -> Error {
    fault::uncertain(operation, "it was applied, but the disk did not take it: it may be undone")
}
