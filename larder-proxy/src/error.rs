use std::{io, net::SocketAddr, path::PathBuf};

use crate::BoxError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A certificate or a key that cannot be used.
    #[error("{what}, of {}", path.display())]
    Pem {
        /// What is wrong.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why, if anyone said so.
        source: Option<BoxError>,
    },
    /// No certificate to trust an https origin by.
    #[error("the system has no certificates to trust an https origin by: name some as its CA")]
    NoRoots,
    /// A name for `Via` that is no token.
    #[error("`{0}` is no name for `Via`: letters, digits, `-`, `.` and `_` make one")]
    Via(String),
}
