//! Waiting for bytes, but not for ever.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

/// How long nothing moves although someone waits for it. Whoever waits for nothing starts no timer.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    limit: Duration,
    since: Option<Pin<Box<Sleep>>>,
}

/// Nothing moved for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing moved for {0:?}")]
pub(crate) struct TooLong(Duration);

impl Silence {
    pub(crate) const fn of(limit: Duration) -> Self {
        Self { limit, since: None }
    }

    pub(crate) fn broken(&mut self) {
        self.since = None;
    }

    pub(crate) fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<TooLong> {
        let limit = self.limit;
        let since = self.since.get_or_insert_with(|| Box::pin(sleep(limit)));
        since.as_mut().poll(cx).map(|()| TooLong(limit))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_unbroken_is_too_long() {
        let second = Duration::from_secs(1);
        let mut silence = Silence::of(2 * second);
        for _ in 0..3 {
            let waited = poll_fn(|cx| silence.poll_too_long(cx));
            assert!(tokio::time::timeout(second, waited).await.is_err());
            silence.broken();
        }
        let waited = poll_fn(|cx| silence.poll_too_long(cx));
        assert!(tokio::time::timeout(3 * second, waited).await.is_ok());
    }
}
