//! The opened cache that a command works on.

use larder::{Larder, Raw, Space};

use crate::{args::Global, failure::Failure, output::Output};

/// The cache of `--cache`, the namespace of `--namespace`, and where to print.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) space: Space,
    pub(crate) output: Output,
}

impl Context {
    pub(crate) async fn open(global: &Global, output: Output) -> Result<Self, Failure> {
        let larder = open(global).await?;
        let space = larder.namespace(&global.namespace)?;
        let facts = larder.store().capabilities();
        if !facts.shared && !facts.persistent {
            output.note(
                "this cache lives and dies with this one command; for one that lasts: \
                 --cache sled:DIRECTORY or --cache redis://HOST, or set LARDER_CACHE",
            );
        }
        Ok(Self { space, output })
    }

    /// Bytes as they are.
    pub(crate) fn raw(&self) -> Raw {
        self.space.raw()
    }
}

/// Opens the cache of `--cache`.
pub(crate) async fn open(global: &Global) -> Result<Larder, Failure> {
    larder::open(global.cache.secret()).await.map_err(Failure::from)
}
