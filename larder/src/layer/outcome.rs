//! How calls end, in the few words that people count and look for.

use bytes::Bytes;
use cache_api::{Error, Remaining, Result, SetOutcome};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Hit,
    Miss,
    Refused,
    Timeout,
    Unavailable,
    WriteRefused,
    Denied,
    Invalid,
    Unsupported,
    Failed,
    Abandoned,
}

impl Outcome {
    pub(super) const COUNT: usize = Self::Abandoned as usize + 1;

    pub(super) fn of<T: Answered>(answer: &Result<T>) -> Self {
        match answer {
            Ok(answer) => answer.outcome(),
            Err(error) => Self::of_error(error),
        }
    }

    const fn of_error(error: &Error) -> Self {
        match error {
            Error::Timeout { .. } => Self::Timeout,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::WriteRefused { .. } => Self::WriteRefused,
            Error::PermissionDenied { .. } => Self::Denied,
            Error::InvalidKey { .. }
            | Error::InvalidNamespace { .. }
            | Error::InvalidArgument { .. }
            | Error::TooLarge { .. }
            | Error::NotANumber { .. }
            | Error::Overflow { .. }
            | Error::WrongType { .. } => Self::Invalid,
            Error::Unsupported { .. } => Self::Unsupported,
            _ => Self::Failed,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::WriteRefused => "write_refused",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    const fn found(found: bool) -> Self {
        if found { Self::Hit } else { Self::Miss }
    }
}

/// What a store answers.
pub(super) trait Answered: Send + 'static {
    /// What kind of answer it is.
    fn outcome(&self) -> Outcome {
        Outcome::Ok
    }

    /// The values that were looked for, if that is what the call was about.
    fn values(&self) -> &[Option<Bytes>] {
        &[]
    }
}

impl Answered for Option<Bytes> {
    fn outcome(&self) -> Outcome {
        Outcome::found(self.is_some())
    }

    fn values(&self) -> &[Option<Bytes>] {
        std::slice::from_ref(self)
    }
}

impl Answered for Vec<Option<Bytes>> {
    fn values(&self) -> &[Option<Bytes>] {
        self
    }
}

impl Answered for SetOutcome {
    fn outcome(&self) -> Outcome {
        if self.is_stored() { Outcome::Ok } else { Outcome::Refused }
    }
}

/// Whether an entry was removed, or given another lifetime.
impl Answered for bool {
    fn outcome(&self) -> Outcome {
        Outcome::found(*self)
    }
}

impl Answered for Remaining {
    fn outcome(&self) -> Outcome {
        Outcome::found(*self != Self::Missing)
    }
}

impl Answered for Vec<SetOutcome> {}
impl Answered for i64 {}
impl Answered for u64 {}
impl Answered for () {}
