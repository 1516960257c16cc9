//! The opened cache that a command works on.

use larder::{Larder, Raw, Space, envelope::Kind};

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
        let space = larder.namespace(global.namespace())?;
        let facts = larder.store().capabilities();
        if !facts.shared && !facts.persistent {
            output.note(
                "this cache lives and dies with this one command; for one that lasts: \
                 --cache sled:DIRECTORY or --cache redis://HOST, or set LARDER_CACHE",
            );
        }
        Ok(Self { space, output })
    }

    /// Whether a recorded stream stands under this key, and not a value.
    pub(crate) async fn is_stream(&self, key: &[u8]) -> Result<bool, Failure> {
        let found = self.raw().get(key).await?;
        Ok(found.is_some_and(|record| Kind::Manifest.begins(&record)))
    }

    /// Bytes as they are.
    pub(crate) fn raw(&self) -> Raw {
        self.space.raw()
    }
}

/// Opens the cache of `--cache`, and asks it something: a server that is down is a cache that opens, and
/// then fails each call.
pub(crate) async fn reached(global: &Global) -> Result<Larder, Failure> {
    let larder = open(global).await?;
    match larder.namespace(global.namespace())?.raw().get("").await {
        Err(error) if error.is_unavailable() => Err(error.into()),
        // Whatever else it says, it is there.
        Ok(_) | Err(_) => Ok(larder),
    }
}

/// Opens the cache of `--cache`.
pub(crate) async fn open(global: &Global) -> Result<Larder, Failure> {
    larder::open(global.cache().secret()).await.map_err(Failure::from)
}
