use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Cache, Clock, Condition, Error, Key, SetOptions, SetOutcome, Ttl};

use crate::envelope::Stamp;

/// How long after a failure the key is looked at, and how much longer each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Where a record goes: a key of a store, and the clock that bounds the waits there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: Key,
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
/// - what the write was made against still stands: it may yet land, so it is sent again (it carries the
///   same version, so twice is once) until `patience` is over, and then the key is *fenced*: what it
///   was made against is removed, after which it can never land;
/// - anything else: it does not stand and never can.
///
/// An absent key cannot be fenced, nor can a kind of records: there the outcome stays
/// [`Written::Unknown`].
///
/// One round trip when all is well. May be dropped at any time; the write may still land.
pub(crate) async fn write(
    place: &Place,
    record: &Bytes,
    ttl: Ttl,
    against: Condition,
    patience: Duration,
) -> Written {
    let Place { store, clock, key } = place;
    let options = SetOptions::new(ttl).when(against);
    let deadline = clock.now() + patience;
    let mut pause = FIRST_PAUSE;
    // Whether any attempt so far was sent and left unanswered.
    let mut open = false;
    loop {
        let error = match store.set(key, record.clone(), options).await {
            Ok(SetOutcome::Stored) => return Written::Applied,
            // A first attempt that landed makes its own repetition be refused.
            Ok(SetOutcome::Refused { standing: Some(standing) })
                if open && is(&standing, record) =>
            {
                return Written::Applied;
            }
            Ok(SetOutcome::Refused { standing }) => return Written::Refused { standing },
            Err(error) => error,
        };
        if !error.may_have_applied() && !error.is_unavailable() {
            return if open {
                settle(place, record, against, error).await
            } else {
                Written::Failed(error)
            };
        }
        open |= error.may_have_applied();
        if open {
            match store.get(key).await {
                Ok(Some(standing)) if is(&standing, record) => return Written::Applied,
                Ok(standing) if !against.holds(standing.as_deref()) => {
                    return Written::Refused { standing };
                }
                Ok(_) | Err(_) => {}
            }
        }
        if clock.now() + pause >= deadline {
            return if open {
                settle(place, record, against, error).await
            } else {
                Written::Failed(error)
            };
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Sees to it that a write which may yet land does not.
async fn settle(place: &Place, record: &Bytes, against: Condition, error: Error) -> Written {
    let Place { store, key, .. } = place;
    // A shorter prefix means any record of a kind: what stands there may be somebody's good value.
    if let Condition::StartsWith(prefix) = against
        && prefix.as_bytes().len() >= Stamp::BYTES
        && let Ok(true) = store.delete_if(key, against).await
    {
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
