//! The operations on single entries, as they run on whatever thread calls them.

use bytes::Bytes;
use cache_api::{Condition, Error, Key, Remaining, Result, SetOutcome, Ttl};
use std::{sync::atomic::Ordering::Relaxed, time::Duration};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    fault::NAME,
    inner::Inner,
    record::{INLINE_BYTES, NEVER, Record},
    store::{Effect, Look},
};

/// How often a reader looks again whose entry was replaced under it, before it keeps writers out.
const LOOKS: usize = 8;

/// Up to how many bytes a value is read and written where the call is made, and not on a blocking
/// thread: about as long as the hop there takes.
pub(crate) const IN_PLACE: usize = 32 << 10;

/// What a quick look for a value found.
pub(crate) enum Peek {
    Value(Option<Bytes>),
    /// Too long to be read on a thread that others wait for.
    Long,
}

/// A write that was done, and whether it may not be undone by a crash.
pub(crate) struct Done<T> {
    pub(crate) answer: T,
    pub(crate) must_last: bool,
}

impl Inner {
    /// The value, if it is short.
    pub(crate) fn peek(&self, key: &Key) -> Result<Peek> {
        let now = self.now();
        let bytes = key.as_bytes();
        let found = self.read("get", |store| {
            Ok(match store.look(bytes)? {
                Look::Nothing => Peek::Value(None),
                Look::Damaged(raw) => {
                    self.drop_damaged(store, bytes, &raw)?;
                    Peek::Value(None)
                }
                Look::Found(record) if !record.is_alive(now.ms) => Peek::Value(None),
                Look::Found(record) => {
                    self.touched.mark(xxh3_64(bytes));
                    match record.generation {
                        Some(_) if record.length > IN_PLACE => Peek::Long,
                        // A part that is missing is a matter for the longer way.
                        Some(_) => store
                            .value(&record)?
                            .map_or(Peek::Long, |value| Peek::Value(Some(value))),
                        None => Peek::Value(store.value(&record)?),
                    }
                }
            })
        });
        self.or_miss(found, Peek::Value(None))
    }

    /// The value, wherever it lies.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.or_miss(self.get_wherever(key), None)
    }

    fn get_wherever(&self, key: &Key) -> Result<Option<Bytes>> {
        for _ in 0..LOOKS {
            let Some(record) = self.record(key)? else { return Ok(None) };
            if let Some(value) = self.read("get", |store| store.value(&record))? {
                return Ok(Some(value));
            }
            // A part is missing. If the record is still the same, it is missing for good.
            let again = self.record(key)?;
            if again.is_some_and(|again| again.generation == record.generation) {
                break;
            }
        }
        self.write("get", key, |store, standing, _| {
            let Some(record) = standing.live() else { return Ok((None, None)) };
            match store.value(record)? {
                Some(value) => Ok((Some(value), None)),
                None => {
                    self.damaged.fetch_add(1, Relaxed);
                    tracing::warn!(%key, "sled: an entry with a damaged part was dropped");
                    Ok((None, Some(store.remove(key.as_bytes(), record)?)))
                }
            }
        })
    }

    fn record(&self, key: &Key) -> Result<Option<Record>> {
        let now = self.now();
        self.read("get", |store| match store.look(key.as_bytes())? {
            Look::Found(record) if record.is_alive(now.ms) => Ok(Some(record)),
            _ => Ok(None),
        })
    }

    pub(crate) fn set(
        &self,
        key: &Key,
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<Done<SetOutcome>> {
        if value.len() > self.max_value {
            return Err(Error::TooLarge {
                backend: NAME,
                size: value.len(),
                limit: self.max_value,
            });
        }
        // Who replaces something under a condition, or a tag, invalidates what stood there.
        let invalidates = condition != Condition::Always || is_tag(key);
        self.write("set", key, |store, standing, now| {
            let live = standing.live();
            if !condition.holds(live.map(Record::head)) {
                let standing = live.map(Record::standing);
                let answer = SetOutcome::Refused { standing };
                return Ok((Done { answer, must_last: false }, None));
            }
            let any = standing.any.as_ref();
            let (effect, must_last) = match (now.expiry(ttl), any) {
                (None, None) => (None, false),
                (None, Some(old)) => (Some(store.remove(key.as_bytes(), old)?), live.is_some()),
                (Some(expires_ms), _) => (
                    Some(store.put(key.as_bytes(), value, now.second(), expires_ms, any)?),
                    invalidates && live.is_some(),
                ),
            };
            Ok((Done { answer: SetOutcome::Stored, must_last }, effect))
        })
    }

    pub(crate) fn delete_if(&self, key: &Key, condition: Condition) -> Result<Done<bool>> {
        self.write("delete", key, |store, standing, _| match standing.live() {
            Some(record) if condition.holds(Some(record.head())) => {
                Ok((removal(true), Some(store.remove(key.as_bytes(), record)?)))
            }
            None => Ok((removal(false), None)),
            Some(_) => Ok((Done { answer: false, must_last: false }, None)),
        })
    }

    pub(crate) fn take(&self, key: &Key) -> Result<Done<Option<Bytes>>> {
        self.write("take", key, |store, standing, _| {
            let Some(record) = standing.live() else { return Ok((removal(None), None)) };
            let value = store.value(record)?;
            if value.is_none() {
                self.damaged.fetch_add(1, Relaxed);
            }
            Ok((removal(value), Some(store.remove(key.as_bytes(), record)?)))
        })
    }

    pub(crate) fn ttl(&self, key: &Key) -> Result<Remaining> {
        let now = self.now();
        self.read("ttl", |store| {
            Ok(match store.look(key.as_bytes())? {
                Look::Found(record) if record.is_alive(now.ms) => match record.expires_ms {
                    NEVER => Remaining::Never,
                    at => Remaining::For(Duration::from_millis(at - now.ms)),
                },
                _ => Remaining::Missing,
            })
        })
    }

    pub(crate) fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<Done<bool>> {
        self.write("expire", key, |store, standing, now| match standing.live() {
            Some(record) if condition.holds(Some(record.head())) => {
                let Some(expires_ms) = now.expiry(ttl) else {
                    return Ok((removal(true), Some(store.remove(key.as_bytes(), record)?)));
                };
                store.extend(key.as_bytes(), record, expires_ms)?;
                // A life cut short is an invalidation too.
                let must_last = expires_ms < record.expires_ms;
                Ok((Done { answer: true, must_last }, Some(Effect::default())))
            }
            _ => Ok((Done { answer: false, must_last: false }, None)),
        })
    }

    pub(crate) fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<Done<i64>> {
        if ttl.is_zero() {
            return Err(Error::InvalidArgument {
                operation: "increment",
                reason: "a counter needs a lifetime over zero".into(),
            });
        }
        self.write("increment", key, |store, standing, now| {
            let live = standing.live();
            let present = match live {
                None => Some(0),
                Some(record) if record.length <= INLINE_BYTES => canonical(record.head()),
                Some(_) => None,
            };
            let Some(present) = present else {
                return Ok((Err(Error::NotANumber { backend: NAME }), None));
            };
            let Some(sum) = present.checked_add(by) else {
                return Ok((Err(Error::Overflow { backend: NAME }), None));
            };
            let expires_ms = match live {
                Some(record) => record.expires_ms,
                None => now.expiry(ttl).unwrap_or(NEVER),
            };
            let (any, text) = (standing.any.as_ref(), sum.to_string());
            let effect =
                store.put(key.as_bytes(), text.as_bytes(), now.second(), expires_ms, any)?;
            Ok((Ok(Done { answer: sum, must_last: live.is_some() && is_tag(key) }), Some(effect)))
        })?
    }
}

/// A removal is always flushed, even one that found nothing: an earlier one of the same key may have
/// been given up before its own flush.
const fn removal<T>(answer: T) -> Done<T> {
    Done { answer, must_last: true }
}

/// Whether the key is the library's own record of a tag: a namespace with a segment `.tag…`.
fn is_tag(key: &Key) -> bool {
    let bytes = key.as_bytes();
    let namespace = &bytes[..bytes.len() - key.user().len()];
    namespace.starts_with(b".tag") || namespace.windows(5).any(|window| window == b"/.tag")
}

/// The number that these bytes spell, if it is spelt the one way there is.
fn canonical(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use cache_api::Namespace;

    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_a_number() {
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(canonical(text.as_bytes()), text.parse().ok());
        }
        for text in ["", "+1", "01", "-0", " 1", "1 ", "9223372036854775808", "1e3", "\u{661}"] {
            assert_eq!(canonical(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn tags_are_told_by_their_namespace() {
        let users = Namespace::new("users").unwrap();
        assert!(is_tag(&users.reserved("tag").unwrap().key("a").unwrap()));
        assert!(is_tag(&users.reserved("tag-seq").unwrap().key("").unwrap()));
        assert!(!is_tag(&users.key("/.tag:a").unwrap()));
    }
}
