//! `Expect: 100-continue` (RFC 9110, section 10.1.1): a body that is sent once the origin wants it.
//!
//! hyper tells the client to go on when the body is first asked for. So it is not, until the origin has
//! said the same, or has said nothing for a while as servers do that do not know of it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, StatusCode, header::EXPECT};
use tokio::{
    sync::oneshot,
    time::{Sleep, sleep},
};

use super::upload::Upload;

/// How long an origin may say nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// What keeps a body back.
#[derive(Debug)]
pub(super) struct Gate {
    told: Option<oneshot::Receiver<()>>,
    patience: Pin<Box<Sleep>>,
}

/// Keeps the body back if its request says that it is to be.
pub(super) fn gate(request: &mut Request<Upload>) {
    let expects =
        |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if !request.headers().get(EXPECT).is_some_and(expects) {
        return;
    }
    let (tell, told) = oneshot::channel();
    request.body_mut().gate = Some(Gate { told: Some(told), patience: Box::pin(sleep(PATIENCE)) });
    let tell = Arc::new(Mutex::new(Some(tell)));
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == StatusCode::CONTINUE {
            let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Nobody waits for it where the patience was over first.
            let _ = tell.map(|tell| tell.send(()));
        }
    });
}

impl Gate {
    /// Ready when the body may go. That nobody will tell any more is no reason: the answer is there then.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(told) = &mut self.told
            && let Poll::Ready(told) = Pin::new(told).poll(cx)
        {
            self.told = None;
            if told.is_ok() {
                return Poll::Ready(());
            }
        }
        self.patience.as_mut().poll(cx)
    }
}
