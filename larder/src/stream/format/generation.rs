use std::fmt;

use cache_api::{Key, Namespace, Result};

use crate::envelope::Version;

/// Which recording it is, among all there ever were: 128 random bits, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Generation([u8; 16]);

impl Generation {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The half that stands in the stamp of each of its records.
    pub(crate) fn version(&self) -> Version {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        Version::from_bytes([a, b, c, d, e, f, g, h])
    }

    /// The other half, which goes into the checksum of each chunk.
    pub(super) fn seed(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Where the pieces of a recording stand.
#[derive(Debug, Clone)]
pub(crate) struct ChunkKeys {
    namespace: Namespace,
    pub(crate) generation: Generation,
}

impl ChunkKeys {
    /// In the library's own part of the entry's namespace.
    ///
    /// # Errors
    ///
    /// A namespace that is too long to hold it.
    pub(crate) fn new(namespace: &Namespace, generation: Generation) -> Result<Self> {
        Ok(Self { namespace: namespace.reserved("chunk")?, generation })
    }

    /// The same for another recording of the same namespace.
    pub(crate) fn of(&self, generation: Generation) -> Self {
        Self { namespace: self.namespace.clone(), generation }
    }

    /// A chunk, or the end where the next chunk would stand.
    pub(crate) fn chunk(&self, index: u32) -> Key {
        self.key(format_args!("{index}"))
    }

    /// The sign of life of the writer.
    pub(crate) fn beat(&self) -> Key {
        self.key(format_args!("beat"))
    }

    /// The sign of life of a follower in another process.
    pub(crate) fn follower(&self) -> Key {
        self.key(format_args!("follower"))
    }

    fn key(&self, piece: fmt::Arguments<'_>) -> Key {
        let name = format!("{:?}:{piece}", self.generation);
        self.namespace.key(name).expect("32 digits and a short name are within 1 KiB")
    }
}
