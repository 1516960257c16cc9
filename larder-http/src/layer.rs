use std::{num::NonZeroU32, sync::Arc, time::Duration};

use http::HeaderName;
use larder::{Larder, Result, Space};
use tower_layer::Layer;

use crate::{CacheService, Preset, Purge, policy::Policy, shared::Shared};

/// Answers requests from a [`Larder`], and records the answers of the service inside while they stream
/// to the client.
///
/// ```
/// use larder::Larder;
/// use larder_http::CacheLayer;
/// use std::time::Duration;
///
/// let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let cache = CacheLayer::new(larder)
///     .namespace("exports")?
///     .ttl(Duration::from_secs(3600))
///     .vary_on(["accept"])
///     .max_length(1 << 30);
///
/// let app: axum::Router = axum::Router::new()
///     .route("/export.csv", axum::routing::get(|| async { "id,name\n" }))
///     .layer(cache);
/// # Ok::<(), larder::Error>(())
/// ```
///
/// # What is stored
///
/// With [`Preset::Safe`]: answers to GET, with a lifetime that the response names or [`ttl`](Self::ttl)
/// gives, of status 200, 203, 204, 300, 301 or 308 (302, 307, 404 and 410 only where the response itself names
/// a lifetime). Never: what says `private`, `no-store` or `no-cache`; what sets a cookie; an answer to a
/// request with `Authorization`; what names a header in `Vary` that is not among [`vary_on`](Self::vary_on);
/// the answer to a request with a cookie, unless it says `public` or `s-maxage`. With [`Preset::Rfc9111`]
/// what RFC 9111 allows, variants side by side. `docs/http.md` has both, rule by rule.
///
/// Never: what is longer than [`max_length`](Self::max_length); a body that ends early.
///
/// # What is answered from it
///
/// GET and HEAD; what a client asks about its own copy (`If-None-Match`, `If-Modified-Since`); one range of
/// bytes. Requests with a body, `If-Match`, `Upgrade`, `Expect` or `no-store` go straight to the origin, with
/// `Authorization` too unless the preset says otherwise. Other methods do as well, and where they may have
/// changed something nothing older is served once they have succeeded.
///
/// # For how long
///
/// For the lifetime, counted from when the origin's head came. After that the origin is asked whether it is
/// still good, if it can be: of all who ask on all servers one does, and a 304 extends what is stored. Or it is
/// served stale, where the response says so (`stale-while-revalidate`, `stale-if-error`).
///
/// Every answer from the store has an `Age` (RFC 9111 asks for it: caches behind this one go on counting
/// instead of beginning anew), and a length where it is known. No other header is added that was not
/// asked for.
///
/// Ages are told by the wall clocks of the servers, so keep these in step: one that is ahead gives answers
/// up early, and an answer from the future is new.
///
/// # What is kept apart
///
/// Scheme, host and port, path, query, the values of `vary_on`, and every forwarding header
/// (`X-Forwarded-Host` and its kin, `Forwarded`; not `X-Forwarded-For`): byte for byte, repeated lines
/// one by one. Two requests that differ in any of them never share an answer. Under a nested axum router
/// the original address counts.
///
/// # Cost
///
/// One round trip to the store for an answer of up to 16 KiB, two where answers are kept apart by more than
/// their address, bounded by [`lookup_deadline`](Self::lookup_deadline).
/// A store that is slow, broken or full costs a request at most that, and never its answer.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct CacheLayer {
    space: Space,
    policy: Policy,
}

impl CacheLayer {
    /// A layer that stores in the namespace `http` of this cache.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is kept, and layers are made from what is at hand"
    )]
    pub fn new(larder: Larder) -> Self {
        let space = larder.namespace("http").expect("`http` is a namespace");
        Self { space, policy: Policy::default() }
    }

    /// A layer that never gives one user's answer to another, even where the origin says too little. The
    /// same as [`new`](Self::new).
    pub fn safe(larder: Larder) -> Self {
        Self::new(larder)
    }

    /// A layer that does all that RFC 9111 allows a shared cache.
    pub fn rfc9111(larder: Larder) -> Self {
        Self::new(larder).preset(Preset::Rfc9111)
    }

    /// How much of what the standard allows is done. Default: [`Preset::Safe`].
    ///
    /// ```
    /// # use larder::Larder;
    /// use larder_http::{CacheLayer, Preset};
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let cache = CacheLayer::new(larder).preset(Preset::Rfc9111);
    /// ```
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.policy.preset = preset;
        self
    }

    /// Where to store. Layers with one namespace on one store share their answers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`](larder::Error::InvalidNamespace), which says what is wrong with it.
    pub fn namespace(self, name: &str) -> Result<Self> {
        let space = self.space.larder().namespace(name)?;
        Ok(Self { space, ..self })
    }

    /// How long an answer is stored that names no lifetime, and at most one that does. Default: only
    /// answers that name one are stored, for as long as they say. Zero: nothing is.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = Some(ttl);
        self
    }

    /// The request headers that answers may depend on: each combination of their values has an answer of
    /// its own. Adds to those named before.
    ///
    /// What is no header name is a mistake of the program. It is logged as an error, and the layer then
    /// stores nothing, since answers might depend on what was meant.
    ///
    /// Behind tower-http's `CorsLayer`, whose answers always vary, name `origin`,
    /// `access-control-request-method` and `access-control-request-headers`.
    pub fn vary_on<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        for name in names {
            match HeaderName::from_bytes(name.as_ref().as_bytes()) {
                Ok(name) if self.policy.vary_on.contains(&name) => {}
                Ok(name) => self.policy.vary_on.push(name),
                Err(_) => {
                    tracing::error!(name = name.as_ref(), "no header name: nothing will be cached");
                    self.policy.misconfigured = true;
                }
            }
        }
        self.policy.vary_on.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        self
    }

    /// The longest body that is stored, in bytes. Default: 64 MiB. A longer one streams to the client all
    /// the same.
    pub fn max_length(mut self, bytes: u64) -> Self {
        self.policy.max_length = bytes;
        self
    }

    /// How many answers are kept side by side for one address, told apart by headers: those of
    /// [`vary_on`](Self::vary_on), of `Vary`, and forwarding headers. Default: 64; at least one. One more, and
    /// the one that was stored first makes way: a client that sends another `Accept` each time fills no store.
    ///
    /// Raise it where many values are expected, as with `vary_on(["cookie"])`.
    pub fn max_variants(mut self, most: u32) -> Self {
        self.policy.max_variants = NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// How long the store may take to say what it has before the origin is asked instead. Default: 50 ms.
    /// At most a day.
    pub fn lookup_deadline(mut self, deadline: Duration) -> Self {
        self.policy.lookup_deadline = deadline;
        self
    }

    /// The services under this layer answer the same, whatever scheme and host they are asked under.
    ///
    /// Without this, `a.example` and `b.example` never share an answer, nor do two servers that are asked
    /// under two ports. Only for services that look at neither: one that puts the host of a request into
    /// its answer (a link, a redirect) would give it to everyone.
    pub fn ignore_host(mut self) -> Self {
        self.policy.ignore_host = true;
        self
    }

    /// The services under this layer answer the same, whatever cookies a request carries.
    ///
    /// Without this, a request with a cookie shares only answers that say `public` or `s-maxage`. Naming
    /// `cookie` in [`vary_on`](Self::vary_on) is the other way: an answer for each value.
    pub fn ignore_cookies(mut self) -> Self {
        self.policy.ignore_cookies = true;
        self
    }

    /// Whether answers can be [purged by tags](Purge::tag): those that a handler
    /// [gives](crate::Control::tag), and those in the headers `Surrogate-Key` (separated by spaces) and
    /// `Cache-Tag` (by commas) of an answer. Default: no.
    ///
    /// Costs one round trip on a miss, and one more on a hit for an answer that has tags. An answer with
    /// more than 64 tags, or one that is longer than 255 bytes, is not stored.
    pub const fn tags(mut self, on: bool) -> Self {
        self.policy.tags = on;
        self
    }

    /// What removes answers of this layer, from here and on all servers that share the store. Take it
    /// before the layer is put around a service.
    pub fn purge(&self) -> Purge {
        Purge::new(self.space.clone(), self.policy.ignore_host)
    }

    /// Adds `Cache-Status` (RFC 9211) to every answer, which says what became of the request. Default:
    /// off.
    pub fn cache_status(mut self, on: bool) -> Self {
        self.policy.cache_status = on;
        self
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(inner, Arc::new(Shared::new(&self.space, self.policy.clone())))
    }
}
