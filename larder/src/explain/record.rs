use bytes::Bytes;
use cache_api::Key;

use super::Sort;
use crate::{
    envelope::{Damage, Kind, Mark, Outline, Stamp, TagState, Version, outline, read_work},
    stream::format::{Manifest, Recording},
};

/// What the bytes at a key are, as far as they tell by themselves.
#[derive(Debug)]
pub(super) enum Record {
    Answer(Outline),
    Stream(Manifest),
    Lease(Stamp, Vec<Mark>),
    Recording(Recording),
    Pass(Stamp),
    Tag(Stamp),
    Piece(Stamp),
    Raw { is_number: bool },
    Damaged(Damage, Option<Stamp>),
}

impl Record {
    /// Reads any bytes. Values over this limit are damaged, as they are to a reader.
    pub(super) fn read(record: &Bytes, key: &Key, limit: usize) -> Self {
        let Some(stamp) = Stamp::parse(record) else {
            let is_ours = record.starts_with(&Kind::Value.head()[..2]);
            return if is_ours {
                Self::Damaged(Damage::Foreign, None)
            } else {
                Self::Raw { is_number: is_number(record) }
            };
        };
        let known = match stamp.kind {
            Kind::Value | Kind::Absent => match outline(record, key, limit) {
                Ok(answer) => answer.map(Self::Answer),
                Err(damage) => return Self::Damaged(damage, Some(stamp)),
            },
            Kind::Manifest => Manifest::parse_at(key, record).map(Self::Stream),
            Kind::Lease => read_work(record).map(|tags| Self::Lease(stamp, tags)),
            Kind::Recording => Recording::parse_at(key, Some(record)).map(Self::Recording),
            Kind::Pass => Some(Self::Pass(stamp)),
            Kind::Tag => TagState::parse(record).map(|_| Self::Tag(stamp)),
            Kind::Chunk | Kind::Beat | Kind::End => Some(Self::Piece(stamp)),
        };
        known.unwrap_or(Self::Damaged(Damage::Corrupt, Some(stamp)))
    }

    /// The tags that it was made under.
    pub(super) fn marks(&self) -> &[Mark] {
        match self {
            Self::Answer(Outline { tags, .. }) | Self::Lease(_, tags) => tags,
            _ => &[],
        }
    }

    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Self::Answer(Outline { stamp, .. })
            | Self::Lease(stamp, _)
            | Self::Pass(stamp)
            | Self::Tag(stamp)
            | Self::Piece(stamp)
            | Self::Damaged(_, Some(stamp)) => Some(stamp.version),
            Self::Stream(Manifest { generation, .. })
            | Self::Recording(Recording { generation, .. }) => Some(generation.version()),
            Self::Raw { .. } | Self::Damaged(_, None) => None,
        }
    }

    /// What it counts as, under this key.
    pub(super) fn sort(&self, key: &Key) -> Sort {
        match self {
            Self::Answer(Outline { stamp, .. }) if stamp.kind == Kind::Absent => Sort::Absent,
            Self::Answer(_) => Sort::Value,
            Self::Stream(_) => Sort::Stream,
            Self::Lease(..) => Sort::Lease,
            Self::Recording(_) => Sort::Recording,
            Self::Pass(_) => Sort::Pass,
            Self::Tag(_) => Sort::Tag,
            Self::Piece(_) => Sort::Piece,
            Self::Raw { .. } if key.namespace().is_reserved() => Sort::Internal,
            Self::Raw { .. } => Sort::Raw,
            Self::Damaged(..) => Sort::Damaged,
        }
    }
}

/// Whether a counter may be these bytes: a number as it is written without need.
fn is_number(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= 20);
    let number = text.and_then(|text| text.parse::<i64>().ok());
    number.is_some_and(|number| Some(number.to_string().as_str()) == text)
}
