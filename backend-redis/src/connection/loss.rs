use std::{borrow::Cow, fmt, io, sync::Arc};

use cache_api::Source;

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    pub(crate) kind: LossKind,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) source: Option<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LossKind {
    /// It cannot be reached or does not serve, for now.
    Unreachable,
    /// It does not know us. To ask again soon would only fill its log.
    Denied,
    /// It can never serve what was asked for, such as a database that it does not have.
    Misconfigured,
}

impl Loss {
    pub(crate) fn new(kind: LossKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, reason: reason.into(), source: None }
    }

    pub(crate) fn io(what: impl fmt::Display, error: io::Error) -> Self {
        Self {
            kind: LossKind::Unreachable,
            reason: format!("{what}: {}", error.kind()).into(),
            source: Some(Arc::new(error)),
        }
    }
}
