//! Tests that go step by step: time that passes when they say so, and calls that are given up at each of
//! their awaits in turn.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use cache_api::TestClock;
use tokio::task::yield_now;

/// How much time passes between two looks, if nothing is said.
const STEP: Duration = Duration::from_millis(5);

/// More steps, or more awaits, than any of these tests takes.
const MANY: usize = 200_000;

/// Lets time pass on a test's clock, 5 ms at a time, until a future is done.
///
/// ```
/// use cache_api::{Clock, TestClock};
/// use integration_tests::steps::passing;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = TestClock::new();
/// passing(&clock, clock.sleep(Duration::from_secs(60))).await;
/// # }
/// ```
///
/// # Panics
///
/// If it is not done for 1,000 s of the clock.
pub async fn passing<T>(clock: &TestClock, future: impl Future<Output = T>) -> T {
    passing_by(clock, STEP, future).await
}

/// As [`passing`], in steps of this length: longer ones where many sleep.
///
/// # Panics
///
/// If it is not done after 200,000 steps.
#[expect(clippy::panic, reason = "a test that waits for what does not come has failed")]
pub async fn passing_by<T>(
    clock: &TestClock,
    step: Duration,
    future: impl Future<Output = T>,
) -> T {
    let mut future = pin!(future);
    for _ in 0..MANY {
        tokio::select! {
            biased;
            done = &mut future => return done,
            () = yield_now() => clock.advance(step),
        }
    }
    panic!("waited {:?} on the test's clock", step * MANY as u32);
}

/// Lets all other tasks go as far as they can, on the present thread, without time passing.
pub async fn settled() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// Polls a future so many times, and lets other tasks run after each. `None`: it was not done by then, and
/// was dropped.
pub async fn abandoned<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

/// Runs a test once for each await of a call: it is given 0, 1, 2 … as the number of polls after which it
/// has to [abandon](abandoned) the call, until it says that the call was done before. Says how many runs
/// that were.
///
/// ```
/// use integration_tests::steps::{abandoned, at_every_await};
/// use tokio::task::yield_now;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let runs = at_every_await(async |polls| {
///     let call = async {
///         yield_now().await;
///         yield_now().await;
///     };
///     let done = abandoned(polls, call).await.is_some();
///     // Here the test looks at what an abandoned call has left behind.
///     done
/// });
/// assert_eq!(runs.await, 4);
/// # }
/// ```
///
/// # Panics
///
/// If the call is never done.
#[expect(clippy::panic, reason = "a test of a call that is never done has failed")]
pub async fn at_every_await(test: impl AsyncFn(usize) -> bool) -> usize {
    for polls in 0..MANY {
        if test(polls).await {
            return polls + 1;
        }
    }
    panic!("polled {MANY} times, and not done");
}
