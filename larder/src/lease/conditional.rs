use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Cache, Clock, Condition, Error, Key, SetOptions, SetOutcome, Ttl};

use super::GivenUp;
use crate::{
    envelope::Stamp,
    switches::{Rule, Switches},
    to_key::shown,
};

/// How long after a failure the key is looked at, and how much longer each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Where a record goes: a key of a store, and the clock that bounds the waits there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: Key,
    pub(crate) switches: Switches,
    /// What this process has put there and left alone.
    pub(crate) given_up: Arc<GivenUp>,
}

impl Place {
    /// What a log says of the key.
    pub(crate) fn shown(&self) -> String {
        shown(&self.key)
    }
}

/// What became of a conditional write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It was applied, and stood there when last looked at.
    Applied,
    /// It does not stand and never will: what it left behind may be cleaned up.
    Refused {
        /// What stood there instead, or at least its first bytes.
        standing: Option<Bytes>,
    },
    /// It does not stand, and the store did not take it: what it was written against may still stand.
    Failed(Error),
    /// Nobody knows. Nothing that it refers to may be cleaned up; lifetimes take care of it.
    Unknown(Error),
}

/// Writes a record under a condition, and finds out what became of it when the answer is lost.
///
/// A conditional write that timed out must neither be repeated blindly nor taken for refused. A commit
/// that was applied, whose answer was lost and whose repetition was then refused, would have its writer
/// remove the chunks of a committed stream; a holder would wait for its own lease. So after an error
/// that leaves it open, the key is read:
///
/// - it starts with the record's own stamp: the write was applied;
/// - what the write was made against still stands: it may yet land. If that was one exact record, the
///   write is sent again until `patience` is over, and then the key is *fenced*: what it was made against
///   is removed, after which it can never land;
/// - anything else: it does not stand and never can.
///
/// Only what replaces one exact record is sent twice: that record never stands again, so twice is once.
/// Over nothing, or over any record of a kind, a first attempt that is still on its way could land
/// *behind* the second and everything that followed it: a lease that was placed, used and deleted would
/// stand again, and the commit of what was read before the delete would hold. There the key is only
/// looked at, and cannot be fenced either: the outcome stays [`Written::Unknown`].
///
/// One round trip when all is well. May be dropped at any time; the write may still land.
pub(crate) async fn write(
    place: &Place,
    record: &Bytes,
    ttl: Ttl,
    against: Condition,
    patience: Duration,
) -> Written {
    write_in_doubt(place, record, ttl, against, patience, |_| {}).await
}

/// The same, for someone who can go on without knowing: he is told, perhaps more than once, when the store
/// has let its first chance go by, and it is enquired after all the same.
///
/// That is when a request took long to fail, or when what became of it is neither seen by looking at the key
/// nor settled by sending it once more.
pub(crate) async fn write_in_doubt(
    place: &Place,
    record: &Bytes,
    ttl: Ttl,
    against: Condition,
    patience: Duration,
    mut doubted: impl FnMut(&Error),
) -> Written {
    let Place { store, clock, key, switches, .. } = place;
    let options = SetOptions::new(ttl).when(against);
    let deadline = clock.now() + patience;
    let mut pause = FIRST_PAUSE;
    // The error of an attempt that was sent and left unanswered.
    let mut open: Option<Error> = None;
    loop {
        let sent = clock.now();
        let error = match open.clone().filter(|_| !is_exact(against)) {
            Some(unanswered) => unanswered,
            None => match store.set(key, record.clone(), options).await {
                Ok(SetOutcome::Stored) => return Written::Applied,
                // A first attempt that landed makes its own repetition be refused.
                Ok(SetOutcome::Refused { standing: Some(standing) })
                    if open.is_some() && is(&standing, record) =>
                {
                    return Written::Applied;
                }
                Ok(SetOutcome::Refused { standing }) => return Written::Refused { standing },
                Err(error) => error,
            },
        };
        if !switches.keep(Rule::LostAnswersRead) {
            return Written::Failed(error);
        }
        if error.may_have_applied() {
            open = Some(error.clone());
        }
        if clock.now().saturating_duration_since(sent) >= FIRST_PAUSE {
            doubted(&error);
        }
        let is_final = !error.may_have_applied() && !error.is_unavailable();
        // Whether the store answers, and the write is about to be sent once more.
        let mut repeats = false;
        if open.is_some() && !is_final {
            match store.get(key).await {
                Ok(Some(standing)) if is(&standing, record) => return Written::Applied,
                Ok(standing) if !against.holds(standing.as_deref()) => {
                    return Written::Refused { standing };
                }
                Ok(_) => repeats = is_exact(against),
                Err(_) => {}
            }
        }
        if is_final || clock.now() + pause >= deadline {
            return match open {
                // What is told is the error of the attempt that may still land.
                Some(unanswered) => settle(place, record, against, unanswered).await,
                None => Written::Failed(error),
            };
        }
        if !repeats {
            doubted(&error);
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether it holds for one record alone, which never stands again once it is replaced. A shorter prefix
/// means any record of a kind: what stands there may be somebody's good value.
fn is_exact(condition: Condition) -> bool {
    matches!(condition, Condition::StartsWith(prefix) if prefix.as_bytes().len() >= Stamp::BYTES)
}

/// Sees to it that a write which may yet land does not.
async fn settle(place: &Place, record: &Bytes, against: Condition, error: Error) -> Written {
    let Place { store, key, .. } = place;
    if is_exact(against) && store.delete_if(key, against).await.is_ok_and(|removed| removed) {
        return Written::Refused { standing: None };
    }
    match store.get(key).await {
        Ok(Some(standing)) if is(&standing, record) => Written::Applied,
        Ok(standing) if !against.holds(standing.as_deref()) => Written::Refused { standing },
        Ok(_) | Err(_) => Written::Unknown(error),
    }
}

fn is(standing: &Bytes, record: &Bytes) -> bool {
    let stamp = &record[..record.len().min(Stamp::BYTES)];
    standing.starts_with(stamp)
}
