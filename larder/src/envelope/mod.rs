//! What `larder` puts in front of its own entries. Raw values never have it.
//!
//! The first twelve bytes are the [`Stamp`]: what the record is, and which one it is. They are what a
//! conditional write compares, so every record that was ever written can be told from every other.
//!
//! Behind it, in a record of kind [`Value`](Kind::Value), all numbers little-endian:
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 12 | stamp: `CA 4C`, format `01`, kind, version |
//! | 12 | 8 | checksum: xxh3-64 of all that follows ⊕ of the stamp, rotated by 1 ⊕ of the key, rotated by 2 |
//! | 20 | 1 | codec: 1 MessagePack, 2 JSON, 3 bytes, 128 and up the application's own |
//! | 21 | 1 | compression: 0 none, 1 zstd |
//! | 22 | 2 | id of the encryption key, 0 none |
//! | 24 | 4 | schema number, chosen by the application |
//! | 28 | 4 | length of the payload when decompressed |
//! | 32 | 8 | made at, in milliseconds since 1970 |
//! | 40 | 8 | fresh for, in milliseconds; all ones: for ever |
//! | 48 | 8 | may be served stale for, in milliseconds after that |
//! | 56 | 4 | cost of making it, in milliseconds |
//! | 60 | 1 | number of tags, and for each: length of its name (1), name, version (8), soft version (8) |
//! | 61 | | payload, if there are no tags |
//!
//! A record of kind [`Absent`](Kind::Absent) is the same without a payload. A [`Lease`](Kind::Lease) and
//! a [`Pass`](Kind::Pass) are a stamp, and behind it the number of tags and the tags if there are any. A
//! [`Tag`](Kind::Tag) is a stamp, whose version is the tag's, and its soft version (8).
//!
//! The checksum covers the key, so that an entry which comes from another key is damaged too.

mod checksum;
mod compress;
mod damage;
mod header;
mod lifetime;
mod marks;
mod outline;
mod stamp;
mod tag;
mod value;
mod work;

pub use damage::Damage;
pub(crate) use lifetime::{Age, Lifetime};
pub(crate) use marks::{Mark, TagState};
pub(crate) use outline::{Outline, outline};
pub use stamp::{Kind, Stamp, Version, displacing};
pub(crate) use value::{Draft, Entry, Expected, lifetime, open, renew, reopen};
pub(crate) use work::{read_work, write_work};
