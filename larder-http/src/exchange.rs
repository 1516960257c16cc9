//! One admitted request: look it up, else ask the origin.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use larder::stream::Claim;
use tower_service::Service;

use crate::{
    BoxError, CacheBody,
    head::{Head, Opened},
    key::{Address, Place},
    look_up::{Found, Stored},
    record::Asking,
    rules::{
        invalidation,
        request::Asked,
        response::{self, Refusal},
        reuse::Reuse,
    },
    shared::Shared,
    status::{CACHE_STATUS, Outcome},
};

/// A request, and the ready service that would answer it.
pub(crate) struct Exchange<S, ReqBody> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) asked: Asked,
    pub(crate) address: Address,
    pub(crate) inner: S,
    pub(crate) request: Request<ReqBody>,
}

pub(crate) type Answer<B> = Response<CacheBody<B>>;

impl<S, ReqBody, ResBody> Exchange<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    /// Answers the request from the store, or from the origin.
    ///
    /// Dropped before the origin's head is there, it gives the claim up, and who waits goes on. Dropped
    /// later it leaves the recording to the fill task.
    pub(crate) async fn run(self) -> Result<Answer<ResBody>, S::Error> {
        let Self { shared, asked, address, .. } = &self;
        let began = shared.clock.now();
        let headers = self.request.headers();
        let found = if asked.may_claim() {
            shared.look_up.begin_or_wait(address, headers).await
        } else {
            shared.look_up.follow(address, headers).await
        };
        let claim = match found {
            Found::Stored(stored) => match shared.open(&stored, *asked) {
                Some(opened) => return self.found(stored, opened, began).await,
                None => None,
            },
            Found::Claimed(claim, place) => Some((claim, place)),
            Found::Nothing => None,
        };
        self.miss(claim, began).await
    }

    /// Something is stored that may answer this request.
    async fn found(
        self,
        stored: Stored,
        opened: Opened,
        began: Instant,
    ) -> Result<Answer<ResBody>, S::Error> {
        let Self { shared, asked, .. } = &self;
        let is_live = stored.reader.is_live();
        let resident = opened.resident(shared.clock.system_time());
        let outcome = match opened.freshness.judge(&asked.wants, resident) {
            Reuse::Fresh if is_live => Outcome::Followed,
            Reuse::Fresh => Outcome::Hit,
            Reuse::Stale => Outcome::Stale,
            Reuse::StaleWhileValidated if is_live => Outcome::Followed,
            Reuse::StaleWhileValidated => {
                let place = stored.place.clone();
                let headers = self.request.headers();
                let answer = shared.answer(*asked, headers, stored, opened, Outcome::Stale).await;
                tokio::spawn(self.refresh(place));
                return Ok(answer);
            }
            Reuse::Validated if is_live || asked.wants.only_if_cached => {
                return self.miss(None, began).await;
            }
            Reuse::Validated => return self.validate(stored, opened).await,
        };
        Ok(self.replay(stored, opened, outcome).await)
    }

    /// Asks the origin, and records what it says if it may be stored.
    async fn miss(
        self,
        claim: Option<(Claim<Head>, Place)>,
        began: Instant,
    ) -> Result<Answer<ResBody>, S::Error> {
        let Self { shared, asked, address, mut inner, request } = self;
        if asked.wants.only_if_cached {
            return Ok(shared.not_cached());
        }
        let before = shared.before_tags(asked).await;
        // Before the origin is asked: its time is not the store's.
        let asked_at = shared.clock.now();
        let used = asked_at.saturating_duration_since(began);
        let left = shared.look_up.deadline().saturating_sub(used);
        let headers = request.headers().clone();
        match inner.call(request).await {
            Ok(response) => {
                let delay = shared.clock.now().saturating_duration_since(asked_at);
                let (address, headers) = (&address, &headers);
                let asking =
                    Asking { asked, address, headers, left, delay, before, refreshes: false };
                Ok(shared.record(&asking, claim, response).await)
            }
            Err(error) => {
                give_up(claim, Refusal::Failure);
                Err(error)
            }
        }
    }
}

/// Waits for the answer to a request that may change what is stored, and makes sure that nothing older is
/// served once it has succeeded (RFC 9111, section 4.4).
pub(crate) async fn change<B, E>(
    shared: Arc<Shared>,
    address: Address,
    status: Option<HeaderValue>,
    origin: impl Future<Output = Result<Response<B>, E>> + Send,
) -> Result<Answer<B>, E> {
    let mut response = origin.await?;
    if invalidation::has_changed(response.status()) {
        shared.invalidate(&address, response.headers()).await;
    }
    if let Some(status) = status {
        response.headers_mut().append(CACHE_STATUS, status);
    }
    Ok(response.map(CacheBody::passed))
}

impl Shared {
    /// What is stored, if this request may have it.
    pub(crate) fn open(&self, stored: &Stored, asked: Asked) -> Option<Opened> {
        let opened = stored.reader.head().open(&stored.place)?;
        response::may_answer(&opened.headers, &opened.freshness, asked).then_some(opened)
    }

    /// The answer to a request that wants nothing from the origin (RFC 9111, section 5.2.1.7).
    fn not_cached<B>(&self) -> Answer<B> {
        let mut answer = Response::new(CacheBody::empty());
        *answer.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        self.report(answer.headers_mut(), Outcome::NotCached);
        answer
    }
}

/// Lets those who wait go on their own, and keeps others from waiting for a while. In the background:
/// the client has its answer.
pub(crate) fn give_up(claim: Option<(Claim<Head>, Place)>, why: Refusal) {
    if let Some((claim, _)) = claim {
        tokio::spawn(claim.pass(why.pass_for()));
    }
}
