//! What larder finds in a store, in one word each: for machines, and for tables.

use larder::{
    envelope::{Kind, Version},
    explain::{Cause, Coding, Damage, Freshness, Hold, Sort, Verdict, What},
};

/// A later version of the library may know more than this program.
const UNKNOWN: &str = "unknown";

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fresh => "fresh",
        Verdict::Stale(_) => "stale",
        Verdict::Working => "working",
        Verdict::Passing => "passing",
        Verdict::Raw => "raw",
        Verdict::Miss(_) => "miss",
        _ => UNKNOWN,
    }
}

pub(super) fn cause(verdict: Verdict) -> Option<&'static str> {
    let (Verdict::Stale(cause) | Verdict::Miss(cause)) = verdict else { return None };
    Some(match cause {
        Cause::Nothing => "nothing",
        Cause::Queued => "queued",
        Cause::Damaged => "damaged",
        Cause::Tag => "tag",
        Cause::NoGeneration => "no_generation",
        Cause::Time => "time",
        Cause::Chunks => "chunks",
        Cause::Part => "part",
        _ => UNKNOWN,
    })
}

pub(super) const fn what(what: &What) -> &'static str {
    match what {
        What::Nothing => "nothing",
        What::Value(..) => "value",
        What::Absent(_) => "absent",
        What::Stream(_) => "stream",
        What::Lease { .. } => "lease",
        What::Recording(_) => "recording",
        What::Pass => "pass",
        What::Tag => "tag",
        What::Piece(_) => "piece",
        What::Raw { .. } => "raw",
        What::Damaged { .. } => "damaged",
        _ => UNKNOWN,
    }
}

pub(super) const fn sort(sort: Sort) -> &'static str {
    match sort {
        Sort::Value => "value",
        Sort::Absent => "absent",
        Sort::Stream => "stream",
        Sort::Piece => "piece",
        Sort::Lease => "lease",
        Sort::Recording => "recording",
        Sort::Pass => "pass",
        Sort::Tag => "tag",
        Sort::Internal => "internal",
        Sort::Raw => "raw",
        Sort::Damaged => "damaged",
        _ => UNKNOWN,
    }
}

pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Value => "value",
        Kind::Absent => "absent",
        Kind::Manifest => "stream",
        Kind::Lease => "lease",
        Kind::Recording => "recording",
        Kind::Pass => "pass",
        Kind::Chunk => "chunk",
        Kind::Beat => "beat",
        Kind::End => "end",
        Kind::Tag => "tag",
        _ => UNKNOWN,
    }
}

pub(super) const fn damage(damage: Damage) -> &'static str {
    match damage {
        Damage::Foreign => "foreign",
        Damage::Corrupt => "corrupt",
        Damage::OverLimit => "over_limit",
        Damage::Unsupported => "unsupported",
        Damage::Undecodable => "undecodable",
        _ => UNKNOWN,
    }
}

pub(super) const fn hold(hold: Hold) -> &'static str {
    match hold {
        Hold::Same => "same",
        Hold::Soft => "soft",
        Hold::Changed => "changed",
        Hold::Gone => "gone",
        _ => UNKNOWN,
    }
}

pub(super) const fn freshness(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Fresh => "fresh",
        Freshness::Stale => "stale",
        Freshness::Past => "past",
        _ => UNKNOWN,
    }
}

/// An application's own codec is its number.
pub(super) fn coding(coding: Coding) -> String {
    match coding {
        Coding::MessagePack => "message_pack".to_owned(),
        Coding::Json => "json".to_owned(),
        Coding::Bytes => "bytes".to_owned(),
        Coding::Other(id) => id.to_string(),
        _ => UNKNOWN.to_owned(),
    }
}

/// As a read token shows it.
pub(super) fn version(version: Version) -> String {
    format!("{:016x}", u64::from_be_bytes(*version.as_bytes()))
}
