use std::{fmt, time::Instant};

use cache_api::{Change, Key};

use super::trust::{Mode, Trust};
use crate::feed::Listener;

/// Whoever keeps copies of entries, and drops them when he is told of a change.
pub(crate) trait Copies: fmt::Debug + Send + Sync + 'static {
    /// Whether they may be served.
    fn trust(&self) -> &Trust;

    /// An entry changed, or may have.
    fn kill(&self, key: &Key);

    /// No copy that was made until now is served any more: the room may be given back.
    fn sweep(&self) {}

    /// Anything may have changed.
    fn kill_all(&self) {
        self.trust().renew();
        self.sweep();
    }
}

impl<T: Copies> Listener for T {
    fn armed(&self, sent: Instant) {
        self.trust().beat(sent);
        self.trust().turn(Mode::Watched);
    }

    fn change(&self, change: &Change) {
        match change {
            Change::Entry(key) => self.kill(key),
            Change::Beat { sent } => self.trust().beat(*sent),
            // Of a namespace, or of a kind that is not known here.
            _ => self.kill_all(),
        }
    }

    fn gap(&self) {
        self.trust().turn(Mode::Gap);
        self.sweep();
    }

    fn refused(&self) {
        self.trust().turn(Mode::Unwatched);
        self.sweep();
    }
}
