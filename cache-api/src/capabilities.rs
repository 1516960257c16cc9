/// Facts and limits of a store, known when it is opened.
///
/// Whether it can [`scan`](crate::Cache::scan) or [`watch`](crate::Cache::watch) is said by those
/// methods themselves.
///
/// ```
/// use cache_api::{Capabilities, ChunkSizes};
///
/// let facts = Capabilities::new(32 << 20).shared().chunks(ChunkSizes::new(64 << 10, 256 << 10));
/// assert!(facts.shared && !facts.persistent);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Several processes see the same entries.
    pub shared: bool,
    /// Entries outlive the process.
    pub persistent: bool,
    /// The longest value that `set` takes, in bytes.
    pub max_value: usize,
    /// In what pieces a long body is best stored here.
    pub chunks: ChunkSizes,
}

impl Capabilities {
    /// A store of one process that forgets at its end, with the longest value it takes.
    #[must_use]
    pub const fn new(max_value: usize) -> Self {
        Self {
            shared: false,
            persistent: false,
            max_value,
            chunks: ChunkSizes::new(64 << 10, 64 << 10),
        }
    }

    /// Several processes see the same entries.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Entries outlive the process.
    #[must_use]
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// In what pieces a long body is best stored here.
    #[must_use]
    pub const fn chunks(mut self, chunks: ChunkSizes) -> Self {
        self.chunks = chunks;
        self
    }
}

/// The sizes, in bytes, in which a store likes a long body: the first chunks, and those after many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChunkSizes {
    /// The size to begin with.
    pub first: usize,
    /// The size to grow to when the body turns out long. At least `first`.
    pub later: usize,
}

impl ChunkSizes {
    /// Chunks of `first` bytes, of `later` bytes once a body has grown long.
    #[must_use]
    pub const fn new(first: usize, later: usize) -> Self {
        Self { first, later }
    }
}
