//! `watch`: the server's own client tracking, on a connection of its own.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use cache_api::{Change, ChangeStream, Error, Key, Namespace, Result, Watch};
use futures_util::stream;
use redis::{PushKind, Value};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at},
};

use crate::{
    RedisCache, commands,
    connection::{LossKind, Wire},
    reply::{self, BACKEND, Operation},
};

const WATCH: Operation = Operation::read("watch");
const BEAT: Duration = Duration::from_secs(1);
/// A question that has waited so long for its answer ends the stream.
const SILENCE: Duration = Duration::from_secs(2);
/// How many changes a reader may be behind.
const BEHIND: usize = 16 << 10;

/// `CLIENT TRACKING ON BCAST`: every write of these namespaces is reported, that of a plain `redis-cli`
/// too. The server works for it on every write: 4–7 µs up to a hundred namespaces. So have one watch per
/// process with few namespaces.
///
/// A question is sent each second. The stream ends when one is not answered within two seconds (three,
/// then, after the connection fell silent), when the connection breaks, when the reader is 16,384
/// changes behind, and when the database is flushed. SWAPDB alone goes unnoticed.
///
/// Opening takes two round trips and is bound by the deadline of the cache.
#[async_trait]
impl Watch for RedisCache {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let dialer = &self.store.links.dialer;
        let mut wire = dialer.dial(None).await.map_err(|loss| match loss.kind {
            LossKind::Denied => Error::PermissionDenied {
                backend: BACKEND,
                operation: WATCH.name,
                reason: loss.reason,
                source: loss.source,
            },
            _ => unavailable(loss.reason, loss.source),
        })?;

        let mut names: Vec<_> = namespaces.iter().map(Namespace::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let armed = Instant::now();
        if !names.is_empty() {
            // Without a prefix the whole database would be tracked.
            match wire.ask(commands::track(names), armed + dialer.deadline).await {
                Ok(Value::Okay) => {}
                Ok(Value::ServerError(error)) => return Err(reply::refused(WATCH, &error)),
                Ok(_) => return Err(reply::unexpected(WATCH)),
                Err(error) => {
                    let reason = format!("the watch was not armed: {}", error.kind());
                    return Err(unavailable(reason.into(), reply::source(error)));
                }
            }
        }

        let (changes, receiver) = mpsc::channel(BEHIND);
        let watching = Watching { wire, namespaces: namespaces.to_vec(), changes };
        tokio::spawn(watching.run(armed));
        Ok(Box::pin(stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|change| (change, receiver))
        })))
    }
}

fn unavailable(reason: std::borrow::Cow<'static, str>, source: Option<cache_api::Source>) -> Error {
    let operation = WATCH.name;
    Error::Unavailable { backend: BACKEND, operation, reason, may_have_applied: false, source }
}

/// Takes the reports off the connection, so that they never pile up on the server.
struct Watching {
    wire: Wire,
    namespaces: Vec<Namespace>,
    changes: mpsc::Sender<Change>,
}

/// Why the stream ends.
struct Ended;

impl Watching {
    async fn run(mut self, armed: Instant) {
        // Dropping the sender is the end of the stream.
        let Err(Ended) = self.follow(armed).await;
        tracing::debug!("a watch has ended");
    }

    async fn follow(&mut self, armed: Instant) -> Result<std::convert::Infallible, Ended> {
        self.tell(Change::Beat { sent: armed })?;
        let mut asked: Option<Instant> = None;
        let mut beat = interval_at(tokio::time::Instant::from_std(armed) + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let silence = async {
                match asked {
                    Some(asked) => tokio::time::sleep_until((asked + SILENCE).into()).await,
                    None => std::future::pending().await,
                }
            };
            let gone = self.changes.clone();
            tokio::select! {
                received = self.wire.receive() => match received.map_err(|_| Ended)? {
                    Value::Push { kind: PushKind::Invalidate, data } => self.report(data)?,
                    Value::Push { .. } => {}
                    // An error is no answer: it says nothing of what came before it.
                    Value::ServerError(_) => {}
                    _ => if let Some(sent) = asked.take() {
                        self.tell(Change::Beat { sent })?;
                    },
                },
                _ = beat.tick() => if asked.is_none() {
                    let now = Instant::now();
                    asked = Some(now);
                    let ping = [commands::ping()];
                    let sent = tokio::time::timeout(SILENCE, self.wire.send(&ping)).await;
                    sent.map_err(|_| Ended)?.map_err(|_| Ended)?;
                },
                () = silence => return Err(Ended),
                () = gone.closed() => return Err(Ended),
            }
        }
    }

    fn report(&self, data: Vec<Value>) -> Result<(), Ended> {
        for value in data {
            let Value::Array(keys) = value else {
                // Nil: the database was flushed.
                return Err(Ended);
            };
            for key in keys {
                let Value::BulkString(bytes) = key else { return Err(Ended) };
                if let Some(key) = Key::parse(bytes)
                    && self.namespaces.iter().any(|namespace| key.is_in(namespace))
                {
                    self.tell(Change::Entry(key))?;
                }
            }
        }
        Ok(())
    }

    fn tell(&self, change: Change) -> Result<(), Ended> {
        self.changes.try_send(change).map_err(|_| Ended)
    }
}
