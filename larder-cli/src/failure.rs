//! How a command ends, and how an error is told.

use std::{error::Error, fmt, io};

use larder::stream::StreamError;

/// How a command ended that met no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Found, or done: exit code 0.
    Done,
    /// Missing, or refused: exit code 1.
    Missing,
}

impl Outcome {
    /// Done if that is so.
    pub(crate) const fn done_if(done: bool) -> Self {
        if done { Self::Done } else { Self::Missing }
    }
}

/// Why a command could not do its work: exit code 2.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read our output has seen enough. That is no error.
    BrokenPipe,
    /// To be told: what went wrong, down to its cause, and what to do about it.
    Told { message: String, hint: Option<String> },
}

impl Failure {
    /// An error with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Told { message: message.into(), hint: None }
    }

    /// Adds the causes, each once.
    pub(crate) fn because(mut self, error: &dyn Error) -> Self {
        if let Self::Told { message, .. } = &mut self {
            let mut cause = Some(error);
            while let Some(error) = cause {
                let text = error.to_string();
                // Many libraries repeat their source in their own text.
                if !message.contains(&text) {
                    message.push_str(": ");
                    message.push_str(&text);
                }
                cause = error.source();
            }
        }
        self
    }

    /// Says first what became of it.
    pub(crate) fn about(mut self, what: &str) -> Self {
        if let Self::Told { message, .. } = &mut self {
            *message = format!("{what}: {message}");
        }
        self
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, advice: impl Into<String>) -> Self {
        if let Self::Told { hint, .. } = &mut self {
            *hint = Some(advice.into());
        }
        self
    }

    /// For `map_err`: what was tried, around why it failed.
    pub(crate) fn doing<E: Error + 'static>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::new(what).because(&error)
    }
}

/// In one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenPipe => f.write_str("nobody reads the output any more"),
            Self::Told { message, hint: None } => f.write_str(&one_line(message)),
            Self::Told { message, hint: Some(hint) } => {
                write!(f, "{} ({hint})", one_line(message))
            }
        }
    }
}

/// What a server said may hold line ends and control characters: they stay out of the terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Errors of writing to stdout. Other I/O says what it was doing.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::new("cannot write to stdout").because(&error),
        }
    }
}

/// Errors of the cache, with what to do about them.
impl From<larder::Error> for Failure {
    fn from(error: larder::Error) -> Self {
        let failure = Self::Told { message: String::new(), hint: hint(&error).map(Into::into) };
        let failure = failure.because(&error);
        match failure {
            Self::Told { message, hint } => {
                let message = message.trim_start_matches(": ").to_owned();
                let message = if error.may_have_applied() {
                    format!("{message}; the write may have been applied")
                } else {
                    message
                };
                Self::Told { message, hint }
            }
            Self::BrokenPipe => Self::BrokenPipe,
        }
    }
}

/// Errors of a stream; mostly they are the cache's.
impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Store(error) => error.into(),
            StreamError::ChunkLost { .. } | StreamError::Damaged { .. } => {
                Self::new("the stream broke").because(&error).hint("what was printed is not whole")
            }
            error => Self::new("the stream broke").because(&error),
        }
    }
}

fn hint(error: &larder::Error) -> Option<&'static str> {
    use larder::Error as E;
    Some(match error {
        E::InvalidNamespace { .. } => "name another one with --namespace",
        E::TooLarge { .. } => "keep it as a stream: `larder record KEY < file`",
        E::NotANumber { .. } => "`larder get KEY` shows it, `larder set KEY 0` starts afresh",
        E::Timeout { .. } => "is the server busy, frozen or behind a firewall?",
        E::Unavailable { .. } => "does the server run, and is the address in --cache right?",
        E::WriteRefused { .. } => "reads still work; make room or ask another server",
        E::PermissionDenied { .. } => {
            "check user and password in the URL, and what the user may do"
        }
        E::WrongType { .. } => "another program keeps something else there: `redis-cli TYPE`",
        E::Unsupported { .. } => "another cache can: see `larder --help`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;

    #[test]
    fn a_cache_error_is_told_in_one_line_with_cause_and_advice() {
        let failure = Failure::from(larder::Error::Unavailable {
            backend: "redis",
            operation: "get",
            reason: "it cannot be reached".into(),
            may_have_applied: true,
            source: Some(Arc::new(io::Error::other("connection\nrefused"))),
        });
        assert_eq!(
            failure.to_string(),
            "redis: get failed: it cannot be reached: connection refused; the write may have been \
             applied (does the server run, and is the address in --cache right?)"
        );
    }

    #[test]
    fn a_cause_that_its_parent_repeats_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: inner")]
        struct Outer(#[source] io::Error);
        let error = Outer(io::Error::other("inner"));
        assert_eq!(Failure::new("reading").because(&error).to_string(), "reading: outer: inner");
    }

    #[test]
    fn a_broken_pipe_is_not_told() {
        let error = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(matches!(Failure::from(error), Failure::BrokenPipe));
    }
}
