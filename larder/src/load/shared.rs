//! What a load came to, for all who share it.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cache_api::{Clock, Error};
use tokio::sync::Notify;

use super::{
    LoadError, Origin,
    flight::{Course, Flight, Form},
};
use crate::{
    codec::Codec,
    envelope::{self, Mark},
    typed::Typed,
};

/// A load of one type, and those who wait for it.
pub(crate) struct Load<T, E> {
    course: Course,
    outcome: OnceLock<Outcome<T, E>>,
    done: Notify,
    hurried: Notify,
    /// It comes to something within this time, whatever happens.
    bound: Duration,
    form: Form,
}

/// What a load came to.
pub(crate) enum Outcome<T, E> {
    Loaded(Product<T>),
    Failed(LoadError<E>),
    /// It was not begun: somebody else is at work, or was faster. Whoever waited looks again.
    Again,
}

/// A value that several callers share, none of whom can clone it.
pub(crate) struct Product<T> {
    original: Mutex<Original<T>>,
    /// The record of the value, for all but the first. Or why it does not encode.
    record: Result<Option<Bytes>, Error>,
    pub(crate) origin: Origin,
    /// The tags that it was loaded under, if all are known.
    pub(crate) tags: Option<Vec<Mark>>,
}

enum Original<T> {
    /// For the first who comes.
    Owned(T),
    /// A `T` for all, of those who take it so.
    Shared(Arc<dyn Any + Send + Sync>),
    Gone,
}

impl<T, E> Load<T, E> {
    pub(crate) fn new(bound: Duration, form: Form) -> Self {
        Self {
            bound,
            form,
            course: Course::default(),
            outcome: OnceLock::new(),
            done: Notify::new(),
            hurried: Notify::new(),
        }
    }

    /// Tells everyone. Only the first time counts.
    pub(crate) fn publish(&self, outcome: Outcome<T, E>) {
        let _ = self.outcome.set(outcome);
        self.done.notify_waiters();
    }

    /// Somebody waits who has no patience with the store: the source is to be asked at once.
    pub(crate) fn hurry(&self) {
        self.hurried.notify_one();
    }
}

impl<T: Send + 'static, E: Send + Sync + 'static> Load<T, E> {
    /// What it came to.
    pub(crate) async fn outcome(&self) -> &Outcome<T, E> {
        loop {
            let mut done = std::pin::pin!(self.done.notified());
            // Before looking, so that it is not missed in between.
            done.as_mut().enable();
            if let Some(outcome) = self.outcome.get() {
                return outcome;
            }
            done.await;
        }
    }

    /// What it came to within this time.
    pub(crate) async fn outcome_within(
        &self,
        clock: &dyn Clock,
        time: Duration,
    ) -> Option<&Outcome<T, E>> {
        if let Some(outcome) = self.outcome.get() {
            return Some(outcome);
        }
        if time >= self.bound {
            // No need for a timer, of which there would be one for each who waits.
            return Some(self.outcome().await);
        }
        tokio::select! {
            outcome = self.outcome() => Some(outcome),
            () = clock.sleep(time) => None,
        }
    }

    pub(crate) async fn hurried(&self) {
        self.hurried.notified().await;
    }
}

impl<T: Send + 'static, E: Send + Sync + 'static> Flight for Load<T, E> {
    fn course(&self) -> &Course {
        &self.course
    }

    fn form(&self) -> Form {
        self.form
    }

    fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    fn over(&self) -> super::flight::Over<'_> {
        Box::pin(async {
            self.outcome().await;
        })
    }
}

impl<T> Product<T> {
    pub(crate) fn new(
        value: Option<T>,
        record: Result<Option<Bytes>, Error>,
        origin: Origin,
        tags: Option<Vec<Mark>>,
    ) -> Self {
        let original = Mutex::new(value.map_or(Original::Gone, Original::Owned));
        Self { original, record, origin, tags }
    }

    /// The value: the first who asks gets the loader's own, the others one that is decoded.
    pub(crate) fn value<C: Codec<T>>(&self, typed: &Typed<T, C>) -> Result<Option<T>, Error>
    where
        T: 'static,
    {
        {
            let mut original = self.original.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*original, Original::Owned(_))
                && let Original::Owned(value) = std::mem::replace(&mut *original, Original::Gone)
            {
                return Ok(Some(value));
            }
        }
        self.decode(typed)
    }

    /// The value, one for all.
    pub(crate) fn shared<C: Codec<T>>(&self, typed: &Typed<T, C>) -> Result<Option<Arc<T>>, Error>
    where
        T: Send + Sync + 'static,
    {
        let mut original = self.original.lock().unwrap_or_else(PoisonError::into_inner);
        let value = match std::mem::replace(&mut *original, Original::Gone) {
            Original::Owned(value) => Some(Arc::new(value)),
            Original::Shared(value) => value.downcast().ok(),
            Original::Gone => None,
        };
        let value = match value {
            Some(value) => value,
            None => match self.decode(typed)? {
                Some(value) => Arc::new(value),
                None => return Ok(None),
            },
        };
        *original = Original::Shared(Arc::clone(&value) as _);
        Ok(Some(value))
    }

    fn decode<C: Codec<T>>(&self, typed: &Typed<T, C>) -> Result<Option<T>, Error>
    where
        T: 'static,
    {
        let Some(record) = self.record.clone()? else { return Ok(None) };
        let payload = envelope::reopen(record);
        match payload.and_then(|payload| typed.inner.codec.decode(payload).ok()) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::InvalidArgument {
                operation: "load",
                reason: "the value does not come back from its codec as it was".into(),
            }),
        }
    }
}

impl<T, E> fmt::Debug for Load<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load").field("course", &self.course).finish_non_exhaustive()
    }
}
