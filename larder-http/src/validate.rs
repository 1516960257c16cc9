//! Asking the origin whether a stored response is still good.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{AGE, DATE},
    response::Parts,
};
use http_body::Body;
use larder::{lock::Guard, stream::Edition};
use tower_service::Service;

use crate::{
    BoxError, CacheBody, Control,
    exchange::{Answer, Exchange},
    head::{Head, Opened},
    key::{Address, Place},
    look_up::{Found, HEAD_WAIT, Stored},
    record::Asking,
    rules::{request::Asked, response, update, validators},
    shared::Shared,
    status::Outcome,
};

/// How long one of all servers is left to ask the origin, if nothing is heard of him.
const ELECTED_FOR: Duration = Duration::from_secs(10);

/// How often whoever waits for him looks: at first, and at last.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// Who asks the origin.
enum Elected {
    /// We do, and others wait for us. (Nobody does if the store does not answer.)
    Us(Option<Guard>),
    /// Somebody else did meanwhile.
    Done(Box<(Stored, Opened)>),
}

impl<S, ReqBody, ResBody> Exchange<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    /// Answers with what is stored once the origin has said that it is still good, or with what it says
    /// instead. Of all who find the same stale answer, on all servers, one asks.
    pub(crate) async fn validate(
        self,
        stored: Stored,
        opened: Opened,
    ) -> Result<Answer<ResBody>, S::Error> {
        let Self { shared, asked, address, .. } = &self;
        // Who must have it from the origin does not take what another one got.
        let own = opened.freshness.always_validate || asked.wants.is_origin_only();
        if own || opened.freshness.left_ms == 0 || !asked.may_fill() {
            return self.ask(stored, opened).await;
        }
        let headers = self.request.headers();
        match shared.elect(*asked, address, headers, &stored.place).await {
            Elected::Us(_guard) => self.ask(stored, opened).await,
            Elected::Done(done) => {
                let (stored, opened) = *done;
                Ok(self.replay(stored, opened, Outcome::Hit).await)
            }
        }
    }

    /// Refreshes what was served stale (RFC 5861, section 3), unless somebody is at it.
    pub(crate) async fn refresh(self, place: Place) {
        let Self { shared, asked, address, .. } = &self;
        let Some(Some(_guard)) = shared.try_elect(&place).await else { return };
        let found = shared.look_up.follow(address, self.request.headers()).await;
        let Found::Stored(stored) = found else { return };
        let Some(opened) = shared.open(&stored, *asked) else { return };
        let is_fresh = opened.freshness.is_fresh(opened.resident(shared.clock.system_time()));
        if is_fresh || stored.reader.is_live() {
            return;
        }
        if let Ok(answer) = self.ask(stored, opened).await {
            // Nobody else reads it, and unread it might be given up.
            answer.into_body().drain().await;
        }
    }

    /// Asks, and takes the answer in.
    async fn ask(self, stored: Stored, opened: Opened) -> Result<Answer<ResBody>, S::Error> {
        let Self { shared, asked, address, mut inner, mut request } = self;
        let client = request.headers().clone();
        match validators::has_any(&opened.headers) {
            true => validators::ask(request.headers_mut(), &opened.headers),
            false => validators::without(request.headers_mut()),
        }
        let before = shared.before_tags(asked).await;
        let asked_at = shared.clock.now();
        let response = inner.call(request).await;
        let delay = shared.clock.now().saturating_duration_since(asked_at);
        let left = shared.look_up.deadline();
        let (address, headers) = (&address, &client);
        let asking = Asking { asked, address, headers, left, delay, before, refreshes: true };
        let resident = opened.resident(shared.clock.system_time());
        // Where nothing is said, the standard leaves it to us (RFC 9111, section 4.2.4).
        let hides = opened.freshness.may_hide_failure(resident, shared.is_standard());
        match response {
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED => {
                Ok(shared.confirmed(&asking, stored, opened, &response.into_parts().0).await)
            }
            Ok(response) if hides && is_failure(response.status()) => {
                Ok(shared.answer(asked, &client, stored, opened, Outcome::StaleOnError).await)
            }
            Ok(response) => Ok(shared.replaced(&asking, stored, opened, response).await),
            Err(_) if hides => {
                Ok(shared.answer(asked, &client, stored, opened, Outcome::StaleOnError).await)
            }
            Err(error) => Err(error),
        }
    }
}

impl Shared {
    /// `None`: the store does not answer. `Some(None)`: somebody else is elected.
    async fn try_elect(&self, place: &Place) -> Option<Option<Guard>> {
        let space = self.look_up.streams().space();
        let lock = space.lock(&place.key).ttl(ELECTED_FOR).hold_at_most(6 * ELECTED_FOR);
        self.look_up.within(self.look_up.deadline(), lock.try_acquire()).await?.ok()
    }

    /// Finds out who asks, and waits for him if it is somebody else.
    async fn elect(
        &self,
        asked: Asked,
        address: &Address,
        headers: &HeaderMap,
        place: &Place,
    ) -> Elected {
        let until = self.clock.now() + HEAD_WAIT;
        let mut pause = LOOKS.0;
        loop {
            match self.try_elect(place).await {
                None => return Elected::Us(None),
                Some(Some(guard)) => return Elected::Us(Some(guard)),
                Some(None) => {}
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LOOKS.1);
            let found = self.look_up.follow(address, headers).await;
            let Found::Stored(stored) = found else { return Elected::Us(None) };
            let Some(opened) = self.open(&stored, asked) else { return Elected::Us(None) };
            let resident = opened.resident(self.clock.system_time());
            if opened.freshness.is_fresh(resident) {
                return Elected::Done(Box::new((stored, opened)));
            }
            if self.clock.now() >= until {
                return Elected::Us(None);
            }
        }
    }

    /// The origin says that what is stored is still good (RFC 9111, section 4.3.4).
    async fn confirmed<B>(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        stored: Stored,
        mut opened: Opened,
        answer: &Parts,
    ) -> Answer<B> {
        if validators::is_about(&opened.headers, &answer.headers) {
            self.update(asking, &stored.place, stored.reader.edition(), &mut opened, answer).await;
        } else {
            // It contradicts itself. Nobody else is to be given this.
            self.remove(&stored.place, stored.reader.edition()).await;
        }
        self.answer(asking.asked, asking.headers, stored, opened, Outcome::Validated).await
    }

    /// Takes the fields of an answer without a body into what is stored (RFC 9111, section 3.2).
    async fn update(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        place: &Place,
        edition: Option<Edition>,
        opened: &mut Opened,
        answer: &Parts,
    ) {
        // They are those of this answer, or of none.
        opened.headers.remove(AGE);
        opened.headers.remove(DATE);
        update::merge(&mut opened.headers, &answer.headers, self.is_standard());
        opened.received = self.clock.system_time();
        let came = (opened.received, asking.delay);
        let control = answer.extensions.get::<Control>();
        let Opened { status, headers, length, received, .. } = &*opened;
        let storable = self.storable(*status, headers, None, asking.asked, came, control);
        let storable = match storable {
            Ok(storable) if place.covers(&storable.vary) => storable,
            _ => return self.remove(place, edition).await,
        };
        let head = Head::new(place, *status, headers, *length, *received, &storable);
        let head = head.tagged(opened.tags.clone());
        opened.freshness = storable.freshness;
        let Some(edition) = edition else { return };
        let renew = self.look_up.streams().renew(&place.key, edition, &head, storable.kept);
        match self.look_up.within(self.look_up.deadline(), renew).await {
            Some(Ok(true)) => {
                let then = self.outlived(place, storable.kept);
                let address = asking.address.clone();
                self.settle(then, address, place.clone(), opened.received, storable.kept);
            }
            // A part of it is gone, or somebody else was faster.
            Some(Ok(false)) => self.remove(place, Some(edition)).await,
            Some(Err(_)) | None => tracing::debug!("a stored response could not be renewed"),
        }
    }

    /// The origin says something else.
    async fn replaced<B>(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        stored: Stored,
        opened: Opened,
        response: Response<B>,
    ) -> Answer<B>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Stored { reader, place } = stored;
        let (edition, total) = (reader.edition(), reader.total());
        drop(reader);
        if asking.asked.head {
            return self.told_by_head(asking, &place, (edition, total), opened, response).await;
        }
        let over = |edition| self.look_up.streams().claim_over(&place.key, edition).ok();
        let claim = edition.and_then(over).map(|claim| (claim, place));
        let answer = self.record(asking, claim, response).await;
        // What the client has may be the new one.
        let (client, now) = (asking.headers, self.clock.system_time());
        if !validators::is_not_modified(client, answer.status(), answer.headers(), now) {
            return answer;
        }
        let (mut parts, _) = answer.into_parts();
        parts.status = StatusCode::NOT_MODIFIED;
        update::not_modified(&mut parts.headers);
        Response::from_parts(parts, CacheBody::empty())
    }

    /// An answer to HEAD tells whether the stored answer to GET is still the same (RFC 9111, section
    /// 4.3.5).
    async fn told_by_head<B>(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        place: &Place,
        (edition, total): (Option<Edition>, Option<u64>),
        mut opened: Opened,
        response: Response<B>,
    ) -> Answer<B> {
        let (mut parts, body) = response.into_parts();
        let length = response::declared_length(&parts.headers);
        let same_length = match (length, total) {
            (Ok(Some(told)), Some(total)) => told == total,
            (Ok(None), _) | (Ok(_), None) => true,
            (Err(_), _) => false,
        };
        let same = same_length && validators::is_about(&opened.headers, &parts.headers);
        if parts.status == opened.status && same {
            self.update(asking, place, edition, &mut opened, &parts).await;
        } else if !parts.status.is_server_error() {
            self.remove(place, edition).await;
        }
        self.report(&mut parts.headers, Outcome::Missed);
        Response::from_parts(parts, CacheBody::passed(body))
    }

    pub(crate) async fn remove(&self, place: &Place, edition: Option<Edition>) {
        let Some(edition) = edition else { return };
        let remove = self.look_up.streams().remove(&place.key, edition);
        if !matches!(self.look_up.within(self.look_up.deadline(), remove).await, Some(Ok(_))) {
            tracing::debug!("a stored response could not be removed");
        }
    }
}

/// Failures that what is stale may stand in for (RFC 5861, section 4).
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}
