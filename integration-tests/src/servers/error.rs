use std::{io, time::Duration};

/// Why a test server does not do what the test needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// There is no `redis-server` to start.
    #[error(
        "there is no `{program}`: install Redis 6.2 or newer (Debian, Ubuntu: `apt-get install \
         redis-server`; Fedora: `dnf install redis`; macOS: `brew install redis`), or name one in \
         REDIS_SERVER"
    )]
    Missing {
        /// What was looked for.
        program: String,
    },

    /// It ended before it served.
    #[error("redis-server ended at once: {log}")]
    Ended {
        /// The end of its log.
        log: String,
    },

    /// It does not answer.
    #[error("redis-server on port {port} did not answer within {after:?}")]
    Silent {
        /// Where it was asked.
        port: u16,
        /// How long it was waited for.
        after: Duration,
    },

    /// It answered what is no answer.
    #[error("redis-server answered {found:?}, which is not RESP")]
    Garbled {
        /// The beginning of it.
        found: String,
    },

    /// It could not be signalled.
    #[error("process {pid} took no signal {signal}")]
    Signal {
        /// The process.
        pid: u32,
        /// The signal.
        signal: &'static str,
    },

    /// The machine refused a file, a process or a socket.
    #[error("{doing} failed")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl ServerError {
    /// For `map_err`: what was tried, around why it failed.
    pub(super) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
