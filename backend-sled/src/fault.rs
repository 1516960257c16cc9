//! What sled's errors and panics mean.

use std::{
    any::Any,
    borrow::Cow,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cache_api::{Error, Source};

pub(crate) const NAME: &str = "sled";

/// Why sled did not do it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system refused: disk full, no permission. The database is whole.
    Refused(io::Error),
    /// The database is damaged, or sled lost its way in it.
    Damaged(String),
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
        match error {
            // Not refusals, but what reading a file with the wrong bytes in it looks like.
            sled::Error::Io(error)
                if matches!(
                    error.kind(),
                    InvalidData | InvalidInput | NotFound | Other | UnexpectedEof
                ) =>
            {
                Self::Damaged(error.to_string())
            }
            sled::Error::Io(error) => Self::Refused(error),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// Runs what calls sled: it panics on some damage, and a cache must not.
pub(crate) fn guarded<T>(f: impl FnOnce() -> sled::Result<T>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(done) => done.map_err(Fault::from),
        Err(panic) => Err(Fault::Damaged(format!("sled panicked: {}", message(&*panic)))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

pub(crate) fn refused(operation: &'static str, error: Option<io::Error>) -> Error {
    let reason = match error.as_ref().map(io::Error::kind) {
        None | Some(io::ErrorKind::StorageFull) => "the disk is full",
        Some(io::ErrorKind::QuotaExceeded) => "the disk quota is used up",
        Some(io::ErrorKind::FileTooLarge) => "the file may not grow",
        Some(io::ErrorKind::ReadOnlyFilesystem) => "the disk is read-only",
        Some(_) => "the system refused the write",
    };
    Error::WriteRefused { backend: NAME, operation, reason: reason.into(), source: source(error) }
}

pub(crate) fn unavailable(operation: &'static str, reason: &'static str) -> Error {
    Error::Unavailable {
        backend: NAME,
        operation,
        reason: reason.into(),
        may_have_applied: false,
        source: None,
    }
}

/// A write that stands in memory, or may, and perhaps not on disk.
pub(crate) fn uncertain(operation: &'static str, reason: impl Into<Cow<'static, str>>) -> Error {
    Error::Backend {
        backend: NAME,
        operation,
        reason: reason.into(),
        may_have_applied: true,
        source: None,
    }
}

pub(crate) fn cannot_open(reason: impl Into<Cow<'static, str>>, error: Option<io::Error>) -> Error {
    Error::Open { backend: NAME, reason: reason.into(), source: source(error) }
}

fn source(error: Option<io::Error>) -> Option<Source> {
    error.map(|error| Arc::new(error) as Source)
}
