use std::time::Duration;

use cache_api::Ttl;

use crate::tags::TagNames;

/// How values are loaded and kept. Each is documented at the method that sets it.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) ttl: Option<Ttl>,
    pub(crate) stale_for: Duration,
    pub(crate) negative_ttl: Option<Ttl>,
    pub(crate) jitter: f64,
    pub(crate) refresh_ahead: Option<f64>,
    pub(crate) soft_timeout: Duration,
    pub(crate) hard_timeout: Duration,
    pub(crate) wait: Duration,
    pub(crate) backoff: Duration,
    pub(crate) tags: TagNames,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: None,
            stale_for: Duration::ZERO,
            negative_ttl: None,
            jitter: 0.0,
            refresh_ahead: None,
            soft_timeout: Duration::ZERO,
            hard_timeout: Duration::from_secs(30),
            wait: Duration::from_secs(5),
            backoff: Duration::from_secs(5),
            tags: TagNames::default(),
        }
    }
}

impl Options {
    /// A lifetime, shortened by chance as far as the jitter allows.
    pub(crate) fn jittered(&self, ttl: Ttl) -> Ttl {
        match ttl {
            Ttl::After(lifetime) if self.jitter > 0.0 => {
                Ttl::After(lifetime.mul_f64(1.0 - rand::random_range(0.0..self.jitter)))
            }
            ttl => ttl,
        }
    }
}

/// The setters of [`Options`], of handles and of single calls alike: types that have an `options_mut`. The
/// attributes are for those that may be dropped otherwise.
macro_rules! setters {
    ($(#[$attribute:meta])*) => {
        /// A value may be served for so long after its time, while it is refreshed, or when its source
        /// fails. Default: not at all.
        ///
        /// The first caller after the time is past starts a refresh, one in the whole fleet; this one and
        /// those that follow get the stale value at once (see `soft_timeout`).
        $(#[$attribute])*
        pub fn stale_for(mut self, time: ::std::time::Duration) -> Self {
            self.options_mut().stale_for = time;
            self
        }

        /// That the source has nothing under a key is kept for so long, and never served after that. Default:
        /// it is not kept, and the next caller asks again.
        $(#[$attribute])*
        pub fn negative_ttl(mut self, ttl: impl Into<::cache_api::Ttl>) -> Self {
            let ttl = Some(ttl.into());
            self.options_mut().negative_ttl = ttl;
            self
        }

        /// Lifetimes are shortened by chance, by up to this share (0 to 1), so that what was stored
        /// together does not expire together. Default: 0.
        $(#[$attribute])*
        pub fn jitter(mut self, share: f64) -> Self {
            let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
            self.options_mut().jitter = share;
            self
        }

        /// A value that is read shortly before its end may be refreshed ahead of it, in the background.
        /// Default: not.
        ///
        /// When is decided by chance: the nearer the end, and the longer the last load took, the more
        /// likely (XFetch: Vattani, Chierichetti, Lowenstein, *Optimal Probabilistic Cache Stampede
        /// Prevention*, VLDB 2015). `eagerness` is their β: 1 is a good choice, more is earlier. Who
        /// refreshes is decided by election: one in the whole fleet.
        $(#[$attribute])*
        pub fn refresh_ahead(mut self, eagerness: f64) -> Self {
            let eagerness = (eagerness > 0.0).then_some(eagerness);
            self.options_mut().refresh_ahead = eagerness;
            self
        }

        /// Whoever finds a stale value waits so long for its refresh, and then takes the stale one while
        /// the refresh goes on. Default: not at all.
        ///
        /// As long as a source usually takes makes it *stale on error*: fresh if all is well, stale if the
        /// source is slow or fails.
        $(#[$attribute])*
        pub fn soft_timeout(mut self, time: ::std::time::Duration) -> Self {
            self.options_mut().soft_timeout = time;
            self
        }

        /// A load that takes longer is given up: its future is dropped, and who waits for it gets
        /// [`TimedOut`](crate::LoadError::TimedOut). Default: 30 s; at least 1 ms, at most an hour.
        $(#[$attribute])*
        pub fn hard_timeout(mut self, time: ::std::time::Duration) -> Self {
            let time = time.clamp(
                ::std::time::Duration::from_millis(1),
                ::std::time::Duration::from_secs(3600),
            );
            self.options_mut().hard_timeout = time;
            self
        }

        /// How long to wait for a value that someone else loads, before loading it without storing it.
        /// Default: 5 s; at most an hour.
        $(#[$attribute])*
        pub fn wait(mut self, time: ::std::time::Duration) -> Self {
            let time = time.min(::std::time::Duration::from_secs(3600));
            self.options_mut().wait = time;
            self
        }

        /// After a refresh failed, the fleet does not try again for so long; after a load failed, or gave
        /// what is not to be stored, nobody queues for the key for so long. Default: 5 s; at least 1 ms, at
        /// most an hour.
        $(#[$attribute])*
        pub fn backoff(mut self, time: ::std::time::Duration) -> Self {
            let time = time.clamp(
                ::std::time::Duration::from_millis(1),
                ::std::time::Duration::from_secs(3600),
            );
            self.options_mut().backoff = time;
            self
        }
    };
}
/// What a single call says besides: how long what it loads lives, and its tags.
macro_rules! call_setters {
    () => {
        /// What is loaded lives this long: a `Duration` or a [`Ttl`](cache_api::Ttl). Zero: it is not stored.
        pub fn ttl(mut self, ttl: impl Into<::cache_api::Ttl>) -> Self {
            self.options_mut().ttl = Some(ttl.into());
            self
        }

        /// What is loaded lives until it is deleted or evicted.
        pub fn forever(self) -> Self {
            self.ttl(::cache_api::Ttl::Never)
        }

        /// What is loaded is [invalidated](crate::Space::invalidate_tag) with all others that have this
        /// tag.
        ///
        /// The tags of a call are read in the same round trip as the entry.
        pub fn tag(mut self, name: impl crate::ToKey) -> Self {
            self.options_mut().tags.add(name);
            self
        }
    };
}
pub(crate) use {call_setters, setters};
