//! What goes on while nobody waits for it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use futures_util::FutureExt;
use tokio::runtime::Handle;

/// How many bytes of values may wait for the front.
const MOST: usize = 32 << 20;

/// What anything counts at least: up to 4,096 of them at once.
const LEAST: usize = 8 << 10;

/// How much is under way. A front that is too slow for it does not make it pile up.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Arc<AtomicUsize>);

/// Something under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Load {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl UnderWay {
    /// One thing more, of so many bytes, if there is room for it; there always is for one alone.
    pub(super) fn begin(&self, bytes: usize) -> Option<Load> {
        let load = Load { bytes: bytes.max(LEAST), all: Arc::clone(&self.0) };
        let before = self.0.fetch_add(load.bytes, Relaxed);
        // Dropping it takes it back.
        (before == 0 || before + load.bytes <= MOST).then_some(load)
    }
}

#[cfg(test)]
impl UnderWay {
    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Relaxed) == 0
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Relaxed);
    }
}

/// Does what is done at once at once, without the cost of a task, and leaves the rest to a task of its own:
/// whoever asked for it may go away. Outside of a runtime the rest is dropped.
pub(super) fn go_on(work: impl Future<Output = ()> + Send + 'static) {
    let mut work = Box::pin(work);
    if (&mut work).now_or_never().is_none()
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_much_and_for_one_thing_of_any_size() {
        let under_way = UnderWay::default();
        let large = under_way.begin(10 * MOST).unwrap();
        assert!(under_way.begin(1).is_none());
        drop(large);
        let many: Vec<_> = (0..MOST / LEAST).map(|_| under_way.begin(1).unwrap()).collect();
        assert!(under_way.begin(1).is_none());
        drop(many);
        assert!(under_way.begin(MOST).is_some());
    }

    #[tokio::test]
    async fn what_takes_time_goes_on_without_whoever_asked() {
        let (say, hear) = tokio::sync::oneshot::channel();
        let (open, gate) = tokio::sync::oneshot::channel::<()>();
        go_on(async move {
            let _ = gate.await;
            let _ = say.send(());
        });
        open.send(()).unwrap();
        hear.await.unwrap();
    }
}
