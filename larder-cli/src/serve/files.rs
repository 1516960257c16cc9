//! How many files, and so connections, this process may have open.

/// Raises it to what the system allows. Where it cannot be raised there are fewer connections.
#[cfg(unix)]
pub(super) fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
pub(super) const fn raise_limit() {}
