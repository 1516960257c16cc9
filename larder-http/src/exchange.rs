//! One admitted request: look it up, else ask the origin and record what it says.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
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
    policy::Policy,
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
    match inner.call(request).await {
        Ok(response) => Ok(shared.record(&key, asked, claim, response).await),
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
        if self.policy.ignore_cookies || self.policy.vary_on.contains(&COOKIE) {
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
        let now = self.clock.system_time();
        if self.policy.cache_status || headers.contains_key(AGE) {
            let age = head.age(millis(now)).saturating_add(freshness::age(&headers).as_secs());
            headers.insert(AGE, age.into());
        }
        let outcome = if reader.is_live() { Outcome::Followed } else { Outcome::Hit };
        self.report(&mut headers, outcome);
        let body =
            if asked.head { CacheBody::empty() } else { CacheBody::recorded(reader, length) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Some(response)
    }

    /// Passes the origin's answer on, recording it if it may be stored.
    async fn record<B>(
        &self,
        key: &RequestKey,
        asked: Asked,
        claim: Option<Claim<Head>>,
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
                    None => self.claim_late(key).await,
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
        let head = Head::new(key, parts.status, &parts.headers, length, millis(now));
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

    /// A claim for an answer that is already there, if nobody else has recorded it meanwhile.
    async fn claim_late(&self, key: &RequestKey) -> Option<Claim<Head>> {
        match self.look_up.begin(key).await {
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

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Lets those who wait go on their own, and keeps others from waiting for a while. In the background:
/// the client has its answer.
fn give_up(claim: Option<Claim<Head>>, why: Refusal) {
    if let Some(claim) = claim {
        tokio::spawn(claim.pass(why.pass_for()));
    }
}
