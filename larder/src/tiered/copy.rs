//! A copy as it stands in the front: what says whether it may still be served, and the value.
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 8 | whose it is: a random number that every [`Tiered`](super::Tiered) draws for itself |
//! | 8 | 8 | the epoch it was made in |
//! | 16 | 8 | when the back was asked, in nanoseconds since the tiers were made |
//! | 24 | 8 | when the entry dies, likewise; all bits set: never |
//! | 32 | | the value |
//!
//! What an earlier process left in a front on disk, or another one in a front that is shared, is of
//! somebody else: a miss, without a walk over it. So is what was made before a gap. Little-endian; nothing
//! of it outlives the process, so that the format may change at any time.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

/// Whose copies they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(u64);

impl Owner {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }
}

/// A copy of an entry. Times are since the tiers were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) epoch: u64,
    /// When the back was asked for the value.
    pub(super) asked: Duration,
    /// `None`: it lives for ever.
    pub(super) dies: Option<Duration>,
    pub(super) value: Bytes,
}

impl Copy {
    /// How many bytes a copy has more than its value.
    pub(super) const HEAD: usize = 32;

    pub(super) fn seal(&self, owner: Owner) -> Bytes {
        let mut bytes = BytesMut::with_capacity(Self::HEAD + self.value.len());
        bytes.put_u64_le(owner.0);
        bytes.put_u64_le(self.epoch);
        bytes.put_u64_le(nanos(self.asked));
        bytes.put_u64_le(self.dies.map_or(u64::MAX, nanos));
        bytes.put_slice(&self.value);
        bytes.freeze()
    }

    /// `None`: it is of somebody else, or no copy at all.
    pub(super) fn open(bytes: &Bytes, owner: Owner) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<{ Self::HEAD }>()?;
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&head[at..at + 8]);
            u64::from_le_bytes(number)
        };
        (number(0) == owner.0).then(|| Self {
            epoch: number(8),
            asked: Duration::from_nanos(number(16)),
            dies: Some(number(24)).filter(|&dies| dies < u64::MAX).map(Duration::from_nanos),
            value: bytes.slice(Self::HEAD..),
        })
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_by_whom_it_is_of() {
        let owner = Owner::random();
        for (dies, value) in [(None, &b""[..]), (Some(Duration::from_secs(60)), b"value")] {
            let copy =
                Copy { epoch: 7, asked: Duration::from_millis(1), dies, value: value.into() };
            let sealed = copy.seal(owner);
            assert_eq!(sealed.len(), Copy::HEAD + value.len());
            assert_eq!(Copy::open(&sealed, owner), Some(copy));
            assert_eq!(Copy::open(&sealed, Owner::random()), None);
        }
    }

    #[test]
    fn what_is_no_copy_is_none() {
        let owner = Owner::random();
        for bytes in [&b""[..], b"value", &[0; 31], &owner.0.to_le_bytes()] {
            assert_eq!(Copy::open(&Bytes::copy_from_slice(bytes), owner), None);
        }
    }
}
