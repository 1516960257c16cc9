use std::{convert::Infallible, time::Duration};

use async_trait::async_trait;
use cache_api::{Change, ChangeStream, Namespace, Result, Watch};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::Faulty;

/// What happens to the reports of changes, as on a connection of its own: each change is told up to a
/// while later, and heartbeats come along.
///
/// ```
/// use integration_tests::faults::Telling;
/// use std::time::Duration;
///
/// let telling = Telling { cut: 0.001, ..Telling::USUAL };
/// assert_eq!(telling.beat, Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Telling {
    /// Between two heartbeats.
    pub beat: Duration,
    /// How often the connection breaks, per change: this change and those that follow are lost, and the
    /// stream ends within a while.
    pub cut: f64,
    /// How often it falls silent, per change: nothing comes any more, heartbeats included, and the stream
    /// ends after ten of them were due.
    pub silent: f64,
}

/// What becomes of a change.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// So much later.
    Told(Duration),
    /// Lost, with all that follows; so much later the stream ends.
    Ends(Duration),
}

/// The stream is at its end, or its reader gone.
struct Ended;

impl Telling {
    /// Those of a server where nothing goes wrong.
    pub const USUAL: Self = Self { beat: Duration::from_secs(1), cut: 0.0, silent: 0.0 };
}

/// With a [telling](super::FaultyBuilder::telling) of its own.
#[async_trait]
impl Watch for Faulty {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let changes = match self.store().watch() {
            Some(watch) => watch.changes(namespaces).await?,
            None => stream::pending().boxed(),
        };
        let telling = self.own_telling().unwrap_or(Telling::USUAL);
        let (teller, told) = mpsc::unbounded_channel();
        tokio::spawn(tell(self.clone(), telling, changes, teller));
        Ok(Box::pin(stream::unfold(told, |mut told| async move {
            told.recv().await.map(|change| (change, told))
        })))
    }
}

/// However it ends, dropping the teller is the end of the stream.
async fn tell(
    faulty: Faulty,
    telling: Telling,
    mut changes: ChangeStream,
    teller: mpsc::UnboundedSender<Change>,
) -> Result<Infallible, Ended> {
    let clock = faulty.clock();
    let tell = |change| teller.send(change).map_err(|_| Ended);
    tell(Change::Beat { sent: clock.now() })?;
    let mut beat = clock.sleep(telling.beat);
    loop {
        tokio::select! {
            change = changes.next() => {
                let change = change.ok_or(Ended)?;
                match telling.fate(&faulty) {
                    Fate::Told(later) => clock.sleep(later).await,
                    Fate::Ends(later) => {
                        clock.sleep(later).await;
                        return Err(Ended);
                    }
                }
                tell(change)?;
            }
            () = &mut beat => {
                beat = clock.sleep(telling.beat);
                let sent = clock.now();
                // What was changed before that moment is told before the answer to the heartbeat.
                while let Some(Some(change)) = changes.next().now_or_never() {
                    tell(change)?;
                }
                tell(Change::Beat { sent })?;
            }
            () = teller.closed() => return Err(Ended),
        }
    }
}

impl Telling {
    fn fate(self, faulty: &Faulty) -> Fate {
        let (drawn, later) = faulty.draw_change();
        match drawn {
            drawn if drawn < self.cut => Fate::Ends(later),
            drawn if drawn < self.cut + self.silent => Fate::Ends(self.beat * 10),
            _ => Fate::Told(later),
        }
    }
}
