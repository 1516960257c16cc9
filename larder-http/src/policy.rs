//! What whoever sets up a layer decides.

use std::{num::NonZeroU32, time::Duration};

use http::HeaderName;

/// How much of what the standard allows a layer does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Preset {
    /// What cannot leak one user's answer to another, even where the origin says too little. The default.
    #[default]
    Safe,
    /// All that RFC 9111 allows a shared cache: as an HTTP proxy does it.
    Rfc9111,
}

/// The decisions of a [`CacheLayer`](crate::CacheLayer).
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) preset: Preset,
    pub(crate) ttl: Option<Duration>,
    pub(crate) vary_on: Vec<HeaderName>,
    pub(crate) max_length: u64,
    pub(crate) lookup_deadline: Duration,
    pub(crate) max_variants: NonZeroU32,
    pub(crate) ignore_host: bool,
    pub(crate) ignore_cookies: bool,
    pub(crate) cache_status: bool,
    pub(crate) tags: bool,
    /// A name in `vary_on` that is no header name. Answers might depend on what it was meant to say,
    /// so none is stored.
    pub(crate) misconfigured: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            ttl: None,
            vary_on: Vec::new(),
            max_length: 64 << 20,
            lookup_deadline: Duration::from_millis(50),
            max_variants: const { NonZeroU32::new(64).expect("it is not zero") },
            ignore_host: false,
            ignore_cookies: false,
            cache_status: false,
            tags: false,
            misconfigured: false,
        }
    }
}
