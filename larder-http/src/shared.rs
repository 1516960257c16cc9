//! What the services made by one layer share.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue, StatusCode, Uri, header::COOKIE, request::Parts};
use larder::{Clock, Invalidation, Space};

use crate::{
    Control, Preset,
    key::{self, Address},
    look_up::LookUp,
    policy::Policy,
    rules::{
        request::{self, Asked, Bypass},
        response::{self, Refusal, Storable, Terms},
    },
    status::{CACHE_STATUS, Outcome},
};

/// How long an answer waits for the store to take note of what it changed. After that it is remembered, and
/// made when it can be.
const CHANGE_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) look_up: LookUp,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Policy,
}

impl Shared {
    pub(crate) fn new(space: &Space, policy: Policy) -> Self {
        let look_up = LookUp::new(space, &policy);
        Self { look_up, clock: Arc::clone(space.larder().clock()), policy }
    }

    /// Whether the cache has a part in this request, and at which address.
    pub(crate) fn admit(
        &self,
        request: &Parts,
        original: Option<&Uri>,
        has_body: bool,
    ) -> Result<(Asked, Address), Bypass> {
        if self.policy.misconfigured {
            return Err(Bypass::Misconfigured);
        }
        let mut asked = request::admit(request, has_body, self.policy.preset)?;
        if self.is_standard() || self.policy.ignore_cookies || self.policy.vary_on.contains(&COOKIE)
        {
            asked.cookie = false;
        }
        if !self.is_standard() {
            // A client does not decide that others' mistakes live on.
            asked.wants.max_stale = None;
        }
        Ok((asked, self.address(request, original)?))
    }

    /// Where the answer to a request stands.
    pub(crate) fn address(
        &self,
        request: &Parts,
        original: Option<&Uri>,
    ) -> Result<Address, Bypass> {
        let Policy { vary_on, ignore_host, .. } = &self.policy;
        Address::new(request, original, vary_on, *ignore_host)
    }

    pub(crate) fn is_standard(&self) -> bool {
        self.policy.preset == Preset::Rfc9111
    }

    /// What is said of a request that goes straight to the origin, if anything is to be said.
    pub(crate) fn bypassed(&self, bypass: Bypass) -> Option<HeaderValue> {
        self.policy.cache_status.then(|| Outcome::Bypassed(bypass).header())
    }

    /// Whether and how a response may be stored.
    pub(crate) fn storable(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        length: Option<u64>,
        asked: Asked,
        came: (SystemTime, Duration),
        control: Option<&Control>,
    ) -> Result<Storable, Refusal> {
        let Policy { preset, ttl, vary_on, max_length, ignore_host, .. } = &self.policy;
        let is_keyed = |name: &_| key::is_keyed(name, vary_on, *ignore_host);
        let terms = Terms {
            preset: *preset,
            ttl: *ttl,
            max_length: *max_length,
            is_keyed: &is_keyed,
            now: came.0,
            delay: came.1,
            control,
        };
        response::judge(status, headers, length, asked, &terms)
    }

    /// Nothing that is stored for this address, or for what the answer refers to, is served any more.
    pub(crate) async fn invalidate(&self, address: &Address, answer: &HeaderMap) {
        let elsewhere = address.elsewhere(answer);
        let keys = elsewhere.iter().chain([address]).flat_map(Address::roots);
        let made = self.look_up.streams().space().invalidate_many(keys).into_future();
        match self.look_up.within(CHANGE_WAIT, made).await {
            Some(Invalidation::Applied) => {}
            Some(Invalidation::Queued(error)) => {
                tracing::warn!(%error, "an invalidation is queued");
            }
            Some(Invalidation::Failed(error)) => {
                tracing::error!(%error, "an invalidation could not be made");
            }
            None => tracing::warn!("the store takes long for an invalidation"),
        }
    }

    pub(crate) fn report(&self, headers: &mut HeaderMap, outcome: Outcome) {
        if self.policy.cache_status {
            headers.append(CACHE_STATUS, outcome.header());
        }
    }
}
