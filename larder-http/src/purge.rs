use http::{Uri, uri::Scheme};
use larder::{Error, Invalidation, Space};

use crate::key::Address;

/// Removes answers of a [`CacheLayer`](crate::CacheLayer), on all servers that share its store. Cheap to
/// clone.
///
/// What is purged is not served to whoever asks once that was [`Applied`](Invalidation::Applied), and what
/// is being recorded meanwhile is not stored; those who are reading it read on. A store that cannot be
/// reached is no error: the purge is [`Queued`](Invalidation::Queued), and made as soon as it can be.
///
/// There is no purge by request: whoever can send one would empty the cache.
///
/// ```
/// # use larder::Larder;
/// # use larder_http::CacheLayer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let cache = CacheLayer::new(larder).tags(true);
/// let purge = cache.purge();
/// // … put the layer around a service; then, when prices have changed:
/// purge.tag("prices").await.applied()?;
/// purge.url("https://shop.example/tea?lang=en").await.applied()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Purge {
    space: Space,
    ignore_host: bool,
}

impl Purge {
    pub(crate) const fn new(space: Space, ignore_host: bool) -> Self {
        Self { space, ignore_host }
    }

    /// All answers for an address, whatever headers they depend on. Its scheme does not matter, and where
    /// the layer [ignores hosts](crate::CacheLayer::ignore_host) a path is enough. Path and query are
    /// compared byte for byte. One round trip.
    pub async fn url(&self, url: &str) -> Invalidation {
        match self.addresses(url) {
            Some(addresses) => {
                let keys = addresses.iter().flat_map(Address::roots);
                self.space.clone().hash_long_keys().invalidate_many(keys).await
            }
            None => Invalidation::Failed(Error::InvalidArgument {
                operation: "purge",
                reason: "an address has a host and a path: `https://shop.example/tea`".into(),
            }),
        }
    }

    /// All answers with this tag. Two round trips, however many there are. Only for layers with
    /// [`tags`](crate::CacheLayer::tags).
    pub async fn tag(&self, name: &str) -> Invalidation {
        self.space.invalidate_tag(name).await
    }

    /// Everything in the layer's namespace. A walk over the keys of the store.
    pub async fn all(&self) -> Invalidation {
        self.space.invalidate_all().await
    }

    /// As clients may have asked under either scheme: which one it was is lost where a proxy in front
    /// speaks TLS.
    fn addresses(&self, url: &str) -> Option<[Address; 2]> {
        let uri: Uri = url.parse().ok()?;
        let as_scheme = |scheme: Scheme| {
            let mut parts = uri.clone().into_parts();
            if parts.authority.is_some() {
                parts.scheme = Some(scheme);
            }
            Address::of(&Uri::from_parts(parts).ok()?, None, self.ignore_host).ok()
        };
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let own = as_scheme(if is_https { Scheme::HTTPS } else { Scheme::HTTP })?;
        let other = own.clone().under(if is_https { "http" } else { "https" });
        Some([own, other])
    }
}
