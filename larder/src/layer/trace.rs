use std::sync::Arc;

use cache_api::Cache;
use tracing::{Instrument, Span, debug_span, field};

use super::{
    Layer,
    around::{Answer, Around, Call, Subject, wrap},
    outcome::{Answered, Outcome},
};
use crate::to_key::shown;

/// A span of [`tracing`] around each call, named `cache`, at level debug, with the target `larder::layer`.
///
/// | field | |
/// |---|---|
/// | `store` | the name of the store |
/// | `operation` | the name of the method |
/// | `key` | the namespace, and a hash of the user's part: `users:#9c8f5c5f2b7a1c44` |
/// | `keys` | of a bulk call: how many |
/// | `namespace` | of a `clear` |
/// | `outcome` | when it is known: `ok`, `hit`, `miss`, `refused` (a condition did not hold), or the class of the error: `timeout`, `unavailable`, `write_refused`, `denied`, `invalid`, `unsupported`, `failed` |
///
/// What the application calls its entries may be a session, an address, a name: it is hashed, so that
/// spans of one key are found together. Who can guess a key can tell its hash;
/// [`keys_in_clear`](Self::keys_in_clear) shows it. A value is never shown.
///
/// Where no subscriber wants the span a call costs nothing.
///
/// ```
/// use larder::{Larder, MemoryCache, layer::Trace};
///
/// let larder = Larder::builder(MemoryCache::new()).layer(Trace::new()).build();
/// # drop(larder);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Trace {
    keys_in_clear: bool,
}

impl Trace {
    /// With hashed keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the user's part of keys as it is, escaped.
    #[must_use]
    pub const fn keys_in_clear(mut self) -> Self {
        self.keys_in_clear = true;
        self
    }

    fn span(&self, call: Call<'_>) -> Span {
        let span = debug_span!(
            target: "larder::layer",
            "cache",
            store = call.store,
            operation = call.op.name(),
            key = field::Empty,
            keys = field::Empty,
            namespace = field::Empty,
            outcome = field::Empty,
        );
        if !span.is_disabled() {
            match call.subject {
                Subject::Key(key) if self.keys_in_clear => span.record("key", field::display(key)),
                Subject::Key(key) => span.record("key", shown(key)),
                Subject::Keys(keys) => span.record("keys", keys),
                Subject::Namespace(namespace) => span.record("namespace", namespace.as_str()),
            };
        }
        span
    }
}

impl Layer for Trace {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        wrap(inner, self.clone())
    }
}

impl Around for Trace {
    fn around<'a, T: Answered>(
        &'a self,
        call: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T> {
        let span = self.span(call);
        if span.is_disabled() {
            return send();
        }
        let traced = async move {
            let answer = send().await;
            Span::current().record("outcome", Outcome::of(&answer).name());
            answer
        };
        Box::pin(traced.instrument(span))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use backend_memory::MemoryCache;
    use cache_api::{Namespace, Op, SetItem, SetOptions, Ttl};
    use integration_tests::faults::Scripted;
    use tracing::{Level, subscriber::set_default};
    use tracing_subscriber::fmt::format::FmtSpan;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn take(&self) -> String {
            let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
            String::from_utf8(lines).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// All that a subscriber is told of a few calls about one key.
    async fn told(level: Level, trace: Trace) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let _default = set_default(subscriber);

        let scripted = Scripted::new(Arc::new(MemoryCache::new()));
        let store = trace.layer(Arc::new(scripted.clone()));
        let namespace = Namespace::new("sessions").unwrap();
        let key = namespace.key("c00kie").unwrap();
        let options = SetOptions::new(Ttl::Never);
        assert_eq!(store.get(&key).await.unwrap(), None);
        assert!(store.set(&key, "passw0rd".into(), options).await.unwrap().is_stored());
        assert!(store.get(&key).await.unwrap().is_some());
        let item = SetItem { key: key.clone(), value: "passw0rd".into(), options };
        assert_eq!(store.set_many(vec![item]).await.unwrap().len(), 1);
        scripted.lose_reply(Op::Increment);
        assert!(store.increment(&key, 1, Ttl::Never).await.is_err());
        store.clear(&namespace).await.unwrap();
        lines.take()
    }

    #[tokio::test]
    async fn a_span_says_what_was_done_and_never_with_what() {
        let told = told(Level::DEBUG, Trace::new()).await;
        assert!(!told.contains("c00kie") && !told.contains("passw0rd"), "{told}");
        let shown = shown(&Namespace::new("sessions").unwrap().key("c00kie").unwrap());
        for said in [
            r#"store="memory" operation="get""#,
            &format!(r#"key="{shown}""#),
            r#"outcome="miss""#,
            r#"operation="set""#,
            r#"outcome="ok""#,
            r#"outcome="hit""#,
            r#"operation="set_many" keys=1"#,
            r#"operation="increment""#,
            r#"outcome="timeout""#,
            r#"operation="clear" namespace="sessions""#,
        ] {
            assert!(told.contains(said), "{said} in {told}");
        }
    }

    /// The control of the test above: what is shown would be found there.
    #[tokio::test]
    async fn keys_are_shown_in_clear_when_asked_for_and_values_never() {
        let told = told(Level::DEBUG, Trace::new().keys_in_clear()).await;
        assert!(told.contains("sessions:c00kie") && !told.contains("passw0rd"), "{told}");
    }

    #[tokio::test]
    async fn nobody_is_told_who_does_not_ask_for_debug() {
        assert_eq!(told(Level::INFO, Trace::new()).await, "");
    }
}
