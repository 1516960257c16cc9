use std::time::Duration;

use cache_api::Remaining;

use crate::{
    codec::{Codec, Json, MessagePack, RawBytes},
    envelope::{Age, Damage, Kind, Lifetime, Outline},
};

/// What stands at a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum What {
    /// Nothing.
    Nothing,
    /// A typed value.
    Value(Time, Form),
    /// That the source has nothing under this key.
    Absent(Time),
    /// A committed stream.
    Stream(Recorded),
    /// Somebody asks the source. The lease is renewed while he does so, and what is left of its lifetime
    /// is how long it blocks the key if he is dead.
    Lease {
        /// Whether it is a `get_or_load` of this process.
        here: bool,
    },
    /// Somebody writes a stream.
    Recording(Recording),
    /// A mark that nobody should queue here.
    Pass,
    /// What a tag is now.
    Tag,
    /// A piece of a stream.
    Piece(Kind),
    /// Bytes of no format of larder's.
    Raw {
        /// Whether they are a decimal number, as a counter is.
        is_number: bool,
    },
    /// A record of larder's that cannot be used.
    Damaged {
        /// Why not.
        damage: Damage,
        /// What it would be, as far as it can be told.
        kind: Option<Kind>,
    },
}

/// What an answer says about its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Time {
    /// When it was made, by the clock of whoever wrote it, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// How old it is by our clock: zero if that is behind the writer's.
    pub age: Duration,
    /// How long it is fresh after it was made. `None`: for ever.
    pub fresh_for: Option<Duration>,
    /// How much longer it may be served stale.
    pub stale_for: Duration,
    /// How long it is still fresh, by our clock. `None`: for ever.
    pub fresh_left: Option<Duration>,
    /// How long it is still fresh by what the store says of its lifetime. `None`: for ever, or not known.
    pub fresh_left_in_store: Option<Duration>,
    /// What it is by time alone, by our clock.
    pub freshness: Freshness,
    /// How long it took to make it. Zero if nobody measured.
    pub load_cost: Duration,
}

/// What an answer is by time alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Freshness {
    /// Within its time.
    Fresh,
    /// Past it, and it may still be served stale.
    Stale,
    /// Past that, too.
    Past,
}

/// How a value is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Form {
    /// By which codec.
    pub coding: Coding,
    /// The schema number that the application chose.
    pub schema: u32,
    /// Whether it is compressed, by zstd.
    pub is_compressed: bool,
    /// How long it is as it stands there, in bytes.
    pub stored: usize,
    /// How long it is encoded and before compression, in bytes.
    pub raw: usize,
}

/// A codec, by its number in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// [`MessagePack`].
    MessagePack,
    /// [`Json`].
    Json,
    /// [`RawBytes`].
    Bytes,
    /// The application's own, or one of a later version.
    Other(u8),
}

/// A committed stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Recorded {
    /// The recording, as it stands in the names of its chunks: 32 hexadecimal digits.
    pub generation: String,
    /// How long the body is, in bytes.
    pub length: u64,
    /// In how many chunks it stands. None: it is short, and stands in the manifest itself.
    pub chunks: u32,
    /// Whether the chunks are there.
    pub pieces: Pieces,
    /// How long the head is, encoded, in bytes.
    pub head: usize,
    /// How long the trailers are, in bytes, if there are any.
    pub trailers: Option<usize>,
    /// When the first chunk dies at the earliest, in milliseconds since 1970.
    pub chunks_expire_at_ms: u64,
}

/// What a look at the chunks of a stream found. They are not read: a chunk that is there may be damaged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Pieces {
    /// How many were looked for: all of them, or 256 of a longer stream, evenly over it.
    pub looked_for: u32,
    /// How many of those are not there.
    pub missing: u32,
}

/// A stream that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Recording {
    /// The recording, as it stands in the names of its chunks: 32 hexadecimal digits.
    pub generation: String,
    /// The writer's heartbeat.
    pub heartbeat: Duration,
    /// How long ago the writer has renewed it. Much more than a heartbeat: it is dead, or cannot reach the
    /// store. `None`: not known.
    pub renewed: Option<Duration>,
    /// How many chunks stand, by the last beat. `None`: there was none yet, and there need not be any.
    pub chunks: Option<u32>,
    /// Whether the writer has said that it failed.
    pub is_aborted: bool,
    /// Whether it is written by this process.
    pub here: bool,
    /// How long the head is, encoded, in bytes.
    pub head: usize,
}

impl Time {
    pub(super) fn of(lifetime: &Lifetime, now_ms: u64, remaining: Remaining) -> Self {
        Self {
            made_at_ms: lifetime.created_ms,
            age: Duration::from_millis(now_ms.saturating_sub(lifetime.created_ms)),
            fresh_for: lifetime.fresh_for(),
            stale_for: lifetime.stale_for(),
            fresh_left: lifetime.fresh_left(now_ms),
            fresh_left_in_store: match remaining {
                Remaining::For(left) => Some(left.saturating_sub(lifetime.stale_for())),
                Remaining::Never | Remaining::Missing => None,
            },
            freshness: match lifetime.age(now_ms) {
                Age::Fresh => Freshness::Fresh,
                Age::Stale => Freshness::Stale,
                Age::Past => Freshness::Past,
            },
            load_cost: lifetime.load_cost(),
        }
    }
}

impl Form {
    pub(super) fn of(outline: &Outline) -> Self {
        Self {
            coding: Coding::of(outline.codec),
            schema: outline.schema,
            is_compressed: outline.is_compressed,
            stored: outline.stored,
            raw: outline.raw,
        }
    }
}

impl Coding {
    fn of(id: u8) -> Self {
        match id {
            _ if id == <MessagePack as Codec<()>>::ID => Self::MessagePack,
            _ if id == <Json as Codec<()>>::ID => Self::Json,
            _ if id == <RawBytes as Codec<bytes::Bytes>>::ID => Self::Bytes,
            other => Self::Other(other),
        }
    }
}
