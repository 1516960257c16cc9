//! Who reads, and which copies he takes.

use crate::load::Chain;

tokio::task_local! {
    static ANEW: ();
}

/// What copies a reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Any.
    Any,
    /// None that was made before he came.
    Anew,
    /// None: what is made from other entries must not be made from copies.
    Loader,
}

impl Reader {
    /// Who reads in this task now.
    pub(super) fn present() -> Self {
        if Chain::is_loading() {
            Self::Loader
        } else if ANEW.try_with(|&()| ()).is_ok() {
            Self::Anew
        } else {
            Self::Any
        }
    }
}

/// Reads what the store has that has the last word, and no copy that was made before.
pub(crate) async fn anew<F: Future>(reading: F) -> F::Output {
    ANEW.scope((), reading).await
}
