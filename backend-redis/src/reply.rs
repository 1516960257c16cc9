//! What an answer means.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use cache_api::Error;
use redis::{ServerError, Value};

use crate::connection::{Loss, LossKind, deadline::Deadline, queue::Failure};

/// The name of this store in errors.
pub(crate) const BACKEND: &str = "redis";

/// What was asked for, as an error tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) writes: bool,
}

impl Operation {
    pub(crate) const fn read(name: &'static str) -> Self {
        Self { name, writes: false }
    }

    pub(crate) const fn write(name: &'static str) -> Self {
        Self { name, writes: true }
    }
}

/// What an error means to who asked. Each says that the command did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It will serve in a moment.
    Unready,
    /// It serves reads.
    WriteRefused,
    Denied,
    WrongType,
    NoScript,
    Other,
}

pub(crate) fn class(error: &ServerError) -> Class {
    match code(error) {
        "LOADING" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "BUSY" => Class::Unready,
        "OOM" | "MISCONF" | "NOREPLICAS" | "READONLY" => Class::WriteRefused,
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Class::Denied,
        "WRONGTYPE" => Class::WrongType,
        "NOSCRIPT" => Class::NoScript,
        _ if details(error).starts_with("max number of clients") => Class::Unready,
        _ => Class::Other,
    }
}

/// The code, also where a script of an older server wraps it: `ERR Error running script (…): … -OOM …`.
fn code(error: &ServerError) -> &str {
    let code = error.code();
    if code == "ERR" && details(error).starts_with("Error running script") {
        const WRAPPED: [&str; 6] =
            ["OOM", "MISCONF", "NOREPLICAS", "READONLY", "NOPERM", "WRONGTYPE"];
        let within = |code: &&&str| details(error).split([' ', '-']).any(|word| word == **code);
        return WRAPPED.iter().find(within).copied().unwrap_or(code);
    }
    code
}

fn details(error: &ServerError) -> &str {
    error.details().unwrap_or_default()
}

/// The error in words, without what may be secret in it: user names, keys, the arguments of a command.
pub(crate) fn describe(error: &ServerError) -> Cow<'static, str> {
    match code(error) {
        "LOADING" => "LOADING: the server is reading its data".into(),
        "BUSY" => "BUSY: the server is running a script".into(),
        "MASTERDOWN" => "MASTERDOWN: the replica has lost its master".into(),
        "OOM" => "OOM: the server's memory is full".into(),
        "MISCONF" => "MISCONF: the server cannot save its data".into(),
        "NOREPLICAS" => "NOREPLICAS: the server has too few replicas".into(),
        "READONLY" => "READONLY: the server is a read-only replica".into(),
        "NOAUTH" => "NOAUTH: the server wants a password".into(),
        "WRONGPASS" => "WRONGPASS: the server does not know this user or password".into(),
        "NOPERM" => "NOPERM: the user may not run the command or not on this key".into(),
        "ERR" => {
            let text = details(error).split(", with args").next().unwrap_or_default();
            format!("ERR {}", text.chars().take(120).collect::<String>()).into()
        }
        other => other.chars().take(40).collect::<String>().into(),
    }
}

/// The error that a caller gets for one of the server's.
pub(crate) fn refused(operation: Operation, error: &ServerError) -> Error {
    let (backend, reason, source) = (BACKEND, describe(error), None);
    let Operation { name, .. } = operation;
    match class(error) {
        Class::Unready => {
            Error::Unavailable { backend, operation: name, reason, may_have_applied: false, source }
        }
        Class::WriteRefused => Error::WriteRefused { backend, operation: name, reason, source },
        Class::Denied => Error::PermissionDenied { backend, operation: name, reason, source },
        Class::WrongType => Error::WrongType { backend, operation: name },
        Class::NoScript | Class::Other => {
            Error::Backend { backend, operation: name, reason, may_have_applied: false, source }
        }
    }
}

/// The error that a caller gets when there was no answer.
pub(crate) fn failed(operation: Operation, failure: Failure, deadline: &Deadline) -> Error {
    let Operation { name, writes } = operation;
    match failure {
        Failure::TimedOut { sent } => Error::Timeout {
            backend: BACKEND,
            operation: name,
            after: deadline.after,
            may_have_applied: sent && writes,
        },
        Failure::Lost { loss: Loss { kind: LossKind::Denied, reason, source }, .. } => {
            Error::PermissionDenied { backend: BACKEND, operation: name, reason, source }
        }
        Failure::Lost { loss: Loss { reason, source, .. }, sent } => Error::Unavailable {
            backend: BACKEND,
            operation: name,
            reason,
            may_have_applied: sent && writes,
            source,
        },
    }
}

/// An answer of a shape that the command does not have.
pub(crate) fn unexpected(operation: Operation) -> Error {
    Error::Backend {
        backend: BACKEND,
        operation: operation.name,
        reason: "the server gave an answer of another shape".into(),
        may_have_applied: operation.writes,
        source: None,
    }
}

pub(crate) fn bytes(operation: Operation, value: Value) -> Result<Option<Bytes>, Error> {
    match value {
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::Nil => Ok(None),
        Value::ServerError(error) => Err(refused(operation, &error)),
        _ => Err(unexpected(operation)),
    }
}

pub(crate) fn integer(operation: Operation, value: Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(number),
        Value::ServerError(error) => Err(refused(operation, &error)),
        _ => Err(unexpected(operation)),
    }
}

/// Why a configuration is none.
pub(crate) fn cannot_open(reason: impl Into<Cow<'static, str>>) -> Error {
    Error::Open { backend: BACKEND, reason: reason.into(), source: None }
}

impl From<Loss> for Error {
    fn from(Loss { reason, source, .. }: Loss) -> Self {
        Self::Open { backend: BACKEND, reason, source }
    }
}

/// Shared, so that an error can be cloned to every waiter.
pub(crate) fn source(error: std::io::Error) -> Option<cache_api::Source> {
    Some(Arc::new(error))
}
