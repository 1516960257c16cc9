use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use cache_api::Result;

use super::gate::Tally;

type Landing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Calls whose callers were told that no answer came, and which are applied when the test says so: what
/// [`Scripted::late`](super::Scripted::late) gives.
#[derive(Debug, Clone)]
#[must_use = "what is late never lands unless it is told to"]
pub struct Late(pub(super) Arc<UnderWay>);

impl Late {
    /// Waits until a call is under way, or was.
    ///
    /// # Panics
    ///
    /// If none comes for a minute.
    pub async fn arrived(&self) {
        self.0.arrived.at_least(1, "a call that was to be late").await;
    }

    /// Applies what is under way, in the order in which it was sent, and says how many calls that were.
    ///
    /// Whether it changed anything is for the store to show: a condition may not hold any more.
    ///
    /// # Errors
    ///
    /// The store's. What came after that call is lost.
    pub async fn land(&self) -> Result<usize> {
        let landing = std::mem::take(&mut *self.0.calls());
        let count = landing.len();
        for call in landing {
            call.await?;
        }
        Ok(count)
    }
}

/// What is on its way to the store.
#[derive(Default)]
pub(super) struct UnderWay {
    arrived: Tally,
    calls: Mutex<Vec<Landing>>,
}

impl UnderWay {
    pub(super) fn send(&self, call: impl Future<Output = Result<()>> + Send + 'static) {
        self.calls().push(Box::pin(call));
        self.arrived.add();
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<Landing>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnderWay").field("calls", &self.calls().len()).finish_non_exhaustive()
    }
}
