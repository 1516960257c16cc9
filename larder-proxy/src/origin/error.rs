use std::{error::Error, io};

use http::StatusCode;
use hyper_util::client::legacy;
use tokio::time::error::Elapsed;

use super::upload::Pace;

/// Why the origin gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginError {
    /// No connection.
    #[error("the origin cannot be reached")]
    Unreachable(#[source] legacy::Error),
    /// No connection in time.
    #[error("the origin takes too long to connect")]
    ConnectSlow,
    /// Nothing came back in time.
    #[error("the origin takes too long to answer")]
    Slow,
    /// The connection broke, or what came is no HTTP.
    #[error("the origin gave no answer")]
    Broken(#[source] legacy::Error),
    /// It changes to a protocol that nobody asked for.
    #[error("the origin changed to a protocol that was not asked for")]
    Unasked,
    /// There are as many tunnels as there may be.
    #[error("too many connections")]
    Full,
    /// The client stopped in the middle of its request.
    #[error("the request did not come to its end")]
    Client,
}

impl OriginError {
    /// Judges an error of the client that asks the origin.
    pub(super) fn of(error: legacy::Error, pace: &Pace) -> Self {
        if pace.has_failed() {
            Self::Client
        } else if !error.is_connect() {
            Self::Broken(error)
        } else if is_timeout(&error) {
            Self::ConnectSlow
        } else {
            Self::Unreachable(error)
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::ConnectSlow | Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable(_) | Self::Broken(_) | Self::Unasked => StatusCode::BAD_GATEWAY,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::Client => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// What lies at the bottom of it, for those who run the proxy.
    pub(crate) fn reason(&self) -> Option<String> {
        let mut cause = self.source()?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause.to_string())
    }

    /// In one word, for logs and counters.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "connect",
            Self::ConnectSlow => "connect-timeout",
            Self::Slow => "timeout",
            Self::Broken(_) => "broken",
            Self::Unasked => "protocol",
            Self::Full => "full",
            Self::Client => "client",
        }
    }
}

fn is_timeout(error: &legacy::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let is_slow_io = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        if is_slow_io || error.is::<Elapsed>() {
            return true;
        }
        cause = error.source();
    }
    false
}
