use std::time::Duration;

/// What a handler says of its answer to the cache in front of it: an extension of the response, which
/// nobody else sees.
///
/// ```
/// use axum::{Extension, response::IntoResponse};
/// use larder_http::Control;
/// use std::time::Duration;
///
/// async fn price() -> impl IntoResponse {
///     let control = Control::new().ttl(Duration::from_secs(60)).tag("prices");
///     (Extension(control), "12.50")
/// }
///
/// async fn basket() -> impl IntoResponse {
///     (Extension(Control::do_not_store()), "empty")
/// }
/// # let _ = (price, basket);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says nothing until it is put into the extensions of a response"]
pub struct Control {
    pub(crate) stored: bool,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tags: Vec<String>,
}

impl Control {
    /// Nothing yet: the headers of the response count.
    pub const fn new() -> Self {
        Self { stored: true, ttl: None, tags: Vec::new() }
    }

    /// This answer is for whoever asked, and for nobody else.
    pub const fn do_not_store() -> Self {
        Self { stored: false, ttl: None, tags: Vec::new() }
    }

    /// How long it is fresh, whatever its headers and the layer say of lifetimes. What they forbid
    /// (`private`, `no-store`, …) is forbidden all the same.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// A name under which it can be purged, with others. See
    /// [`CacheLayer::tags`](crate::CacheLayer::tags).
    pub fn tag(mut self, name: impl Into<String>) -> Self {
        self.tags.push(name.into());
        self
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}
