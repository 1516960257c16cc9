//! One admitted request: look it up, else ask the origin and record what it says.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
    header::{AGE, CONTENT_LENGTH, COOKIE, TRAILER},
    request::Parts,
};
use http_body::Body;
use larder::{
    Clock, Space,
    stream::{Claim, Reader},
};
use tower_service::Service;

use crate::{
    BoxError, CacheBody,
    head::Head,
    key::{self, RequestKey},
    look_up::{Found, LookUp},
    policy::{Policy, Preset},
    rules::{
        freshness,
        request::{self, Asked, Bypass},
        response::{self, Refusal, Terms},
    },
    source::Source,
    status::{CACHE_STATUS, Outcome},
};

/// What the services made by one layer share.
#[derive(Debug)]
pub(crate) struct Shared {
    look_up: LookUp,
    clock: Arc<dyn Clock>,
    policy: Policy,
}

/// Answers a request from the store, or from the origin.
///
/// Dropped before the origin's head is there, it gives the claim up, and who waits goes on. Dropped
/// later it leaves the recording to the fill task.
pub(crate) async fn run<S, ReqBody, ResBody>(
    shared: Arc<Shared>,
    asked: Asked,
    key: RequestKey,
    mut inner: S,
    request: Request<ReqBody>,
) -> Result<Response<CacheBody<ResBody>>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    let began = shared.clock.now();
    let found = if asked.may_claim() {
        shared.look_up.begin_or_wait(&key).await
    } else {
        shared.look_up.follow(&key).await
    };
    let claim = match found {
        Found::Reader(reader) => match shared.answer(&key, asked, reader) {
            Some(answer) => return Ok(answer),
            None => None,
        },
        Found::Claimed(claim) => Some(claim),
        Found::Nothing => None,
    };
    // Before the origin is asked: its time is not the store's.
    let asked_for = shared.clock.now().saturating_duration_since(began);
    let left = shared.look_up.deadline().saturating_sub(asked_for);
    match inner.call(request).await {
        Ok(response) => Ok(shared.record(&key, asked, claim, left, response).await),
        Err(error) => {
            give_up(claim, Refusal::Failure);
            Err(error)
        }
    }
}

impl Shared {
    pub(crate) fn new(space: &Space, policy: Policy) -> Self {
        let look_up = LookUp::new(space, policy.max_length, policy.lookup_deadline);
        Self { look_up, clock: Arc::clone(space.larder().clock()), policy }
    }

    /// Whether the cache has a part in this request, and under which key.
    pub(crate) fn admit(
        &self,
        request: &Parts,
        original: Option<&Uri>,
        has_body: bool,
    ) -> Result<(Asked, RequestKey), Bypass> {
        if self.policy.misconfigured {
            return Err(Bypass::Misconfigured);
        }
        let mut asked = request::admit(request, has_body)?;
        if self.policy.preset == Preset::Rfc9111
            || self.policy.ignore_cookies
            || self.policy.vary_on.contains(&COOKIE)
        {
            asked.cookie = false;
        }
        let Policy { vary_on, ignore_host, .. } = &self.policy;
        Ok((asked, RequestKey::new(request, original, vary_on, *ignore_host)?))
    }

    /// What is said of a request that goes straight to the origin, if anything is to be said.
    pub(crate) fn bypassed(&self, bypass: Bypass) -> Option<HeaderValue> {
        self.policy.cache_status.then(|| Outcome::Bypassed(bypass).header())
    }

    /// The answer that a recording holds, if this request may have it.
    fn answer<B>(
        &self,
        key: &RequestKey,
        asked: Asked,
        reader: Reader<Head>,
    ) -> Option<Response<CacheBody<B>>> {
        let head = reader.head();
        let (status, mut headers) = head.open(key)?;
        if !response::may_answer(&headers, asked) {
            return None;
        }
        // Over HTTP/1 a response with a length has no trailers.
        let length = match reader.total() {
            Some(_) if headers.contains_key(TRAILER) => head.length(),
            total => total.or(head.length()),
        };
        if let Some(length) = length.filter(|_| status != StatusCode::NO_CONTENT) {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        // Without it every cache behind us would count the lifetime from now (RFC 9111, section 4).
        let age = head.age(self.clock.system_time()).saturating_add(freshness::age(&headers));
        headers.insert(AGE, age.as_secs().into());
        let outcome = if reader.is_live() { Outcome::Followed } else { Outcome::Hit };
        self.report(&mut headers, outcome);
        let body =
            if asked.head { CacheBody::empty() } else { CacheBody::recorded(reader, length) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Some(response)
    }

    /// Passes the origin's answer on, recording it if it may be stored. `left`: how long the store may
    /// still hold it up.
    async fn record<B>(
        &self,
        key: &RequestKey,
        asked: Asked,
        claim: Option<Claim<Head>>,
        left: Duration,
        response: Response<B>,
    ) -> Response<CacheBody<B>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = response.into_parts();
        if claim.is_none() && !asked.may_claim_late() {
            self.report(&mut parts.headers, Outcome::Missed);
            return Response::from_parts(parts, CacheBody::passed(body));
        }
        let now = self.clock.system_time();
        let length = body.size_hint().exact();
        let claimed = match self.lifetime(&parts, length, asked, now) {
            Ok(lifetime) => {
                let claim = match claim {
                    None => self.claim_late(key, left).await,
                    claim => claim,
                };
                claim.map(|claim| (claim, lifetime))
            }
            Err(refusal) => {
                tracing::debug!(reason = refusal.as_str(), "not stored");
                give_up(claim, refusal);
                self.report(&mut parts.headers, Outcome::NotStored(refusal));
                return Response::from_parts(parts, CacheBody::passed(body));
            }
        };
        let Some((claim, lifetime)) = claimed else {
            self.report(&mut parts.headers, Outcome::Missed);
            return Response::from_parts(parts, CacheBody::passed(body));
        };
        let length = response::declared_length(&parts.headers).ok().flatten().or(length);
        let head = Head::new(key, parts.status, &parts.headers, length, now, lifetime);
        let mut start = claim.start(head).ttl(lifetime);
        if let Some(length) = length {
            // Any other length is an error to the client, and is not stored.
            start = start.length(length);
        }
        let reader = start.await.fill(Source::new(body));
        self.report(&mut parts.headers, Outcome::Recorded);
        Response::from_parts(parts, CacheBody::recorded(reader, length))
    }

    fn lifetime(
        &self,
        response: &http::response::Parts,
        length: Option<u64>,
        asked: Asked,
        now: SystemTime,
    ) -> Result<Duration, Refusal> {
        let Policy { ttl, vary_on, max_length, ignore_host, .. } = &self.policy;
        let is_keyed = |name: &_| key::is_keyed(name, vary_on, *ignore_host);
        let terms = Terms { ttl: *ttl, max_length: *max_length, is_keyed: &is_keyed, now };
        response::lifetime(response.status, &response.headers, length, asked, &terms)
    }

    /// A claim for an answer that is already there, if nobody else has recorded it meanwhile. The client
    /// waits for it, so a store that has used up its time for this request is not asked again.
    async fn claim_late(&self, key: &RequestKey, left: Duration) -> Option<Claim<Head>> {
        if left.is_zero() {
            return None;
        }
        match self.look_up.begin(key, left).await {
            Found::Claimed(claim) => Some(claim),
            Found::Reader(_) | Found::Nothing => None,
        }
    }

    fn report(&self, headers: &mut HeaderMap, outcome: Outcome) {
        if self.policy.cache_status {
            headers.append(CACHE_STATUS, outcome.header());
        }
    }
}

/// Lets those who wait go on their own, and keeps others from waiting for a while. In the background:
/// the client has its answer.
fn give_up(claim: Option<Claim<Head>>, why: Refusal) {
    if let Some(claim) = claim {
        tokio::spawn(claim.pass(why.pass_for()));
    }
}
