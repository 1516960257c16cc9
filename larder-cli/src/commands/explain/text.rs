//! What was found, for people: first what a reader gets and why, then what stands there.

use bytesize::ByteSize;
use larder::{
    Remaining,
    explain::{
        Cause, Coding, Damage, Explanation, Form, Hold, Recorded, Recording, TagHold, Time,
        Verdict, What,
    },
};

use crate::{
    commands::words,
    lifetime::shown,
    output::{escaped, labelled},
};

pub(super) fn of(found: &Explanation) -> String {
    let mut rows = vec![("reader", verdict(found))];
    if found.what != What::Nothing {
        rows.push(("found", what(found)));
        if let Some(version) = found.version {
            rows.push(("version", words::version(version)));
        }
        if let What::Value(made, _) | What::Absent(made) = &found.what {
            rows.push(("time", time(made)));
        }
        rows.push(("store", kept(found.remaining)));
        rows.extend(found.tags.iter().map(|held| ("tag", tag(held))));
    }
    if found.queued {
        rows.push(("queue", "an invalidation of it waits for the store".to_owned()));
    }
    labelled(&rows)
}

fn verdict(found: &Explanation) -> String {
    let why = match found.verdict {
        Verdict::Fresh => return fresh(found),
        Verdict::Stale(cause) => {
            return format!(
                "stale: {}; served to those who take that, while one of them refreshes it",
                because(cause)
            );
        }
        Verdict::Working => match found.what {
            What::Recording(_) => "a stream is being written; who asks for it follows",
            _ => "somebody asks the source; who loads waits for the answer",
        },
        Verdict::Passing => {
            "the last answer could not be kept, or there was none; who loads asks the source at \
             once"
        }
        Verdict::Raw => {
            return "served as the bytes they are; a miss to who reads typed values or streams"
                .to_owned();
        }
        Verdict::Miss(cause) => because(cause),
        _ => "not known to this version",
    };
    format!("a miss: {why}")
}

fn fresh(found: &Explanation) -> String {
    let left = match &found.what {
        What::Value(time, _) | What::Absent(time) => time.fresh_left,
        _ => match found.remaining {
            Remaining::For(left) => Some(left),
            Remaining::Never | Remaining::Missing => None,
        },
    };
    left.map_or_else(|| "fresh".to_owned(), |left| format!("fresh for {}", shown(left)))
}

const fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::Nothing => {
            "nothing stands there; it was never written, was removed or evicted, or its lifetime \
             is over"
        }
        Cause::Queued => "an invalidation of it waits for the store",
        Cause::Damaged => "what stands there cannot be used",
        Cause::Tag => "a tag was invalidated",
        Cause::NoGeneration => "it was written without a generation",
        Cause::Time => "its time is over",
        Cause::Chunks => "chunks of the stream are gone; a reader who began breaks off",
        Cause::Part => "it is a part of something else, and no answer",
        _ => "for a reason that this version does not know",
    }
}

fn what(found: &Explanation) -> String {
    let size = ByteSize(found.bytes as u64);
    match &found.what {
        What::Value(_, written) => format!("a value, {}", form(written)),
        What::Absent(_) => "that the source has nothing under this key".to_owned(),
        What::Stream(stream) => recorded(stream),
        What::Lease { .. } => "a lease of who asks the source".to_owned(),
        What::Recording(stream) => recording(stream),
        What::Pass => "a mark that nobody should queue here".to_owned(),
        What::Tag => "a tag".to_owned(),
        What::Piece(kind) => format!("a piece of a stream ({}), {size}", words::kind(*kind)),
        What::Raw { is_number: true } => format!("a number as a counter is, {size}"),
        What::Raw { is_number: false } => format!("bytes of no format of larder's, {size}"),
        What::Damaged { damage, kind } => {
            let kind = kind.map_or("record", words::kind);
            format!("a {kind} of {size}, {}", flaw(*damage))
        }
        _ => format!("something that this version does not know, {size}"),
    }
}

fn form(form: &Form) -> String {
    let codec = match form.coding {
        Coding::MessagePack => "MessagePack".to_owned(),
        Coding::Json => "JSON".to_owned(),
        Coding::Bytes => "bytes".to_owned(),
        other => format!("codec {}", words::coding(other)),
    };
    let (stored, raw) = (ByteSize(form.stored as u64), ByteSize(form.raw as u64));
    let size =
        if form.is_compressed { format!("{stored}, by zstd of {raw}") } else { stored.to_string() };
    match form.schema {
        0 => format!("{codec}, {size}"),
        schema => format!("{codec}, schema {schema}, {size}"),
    }
}

fn recorded(stream: &Recorded) -> String {
    let length = ByteSize(stream.length);
    let pieces = match (stream.chunks, stream.pieces) {
        (0, _) => "in one piece".to_owned(),
        (chunks, pieces) if pieces.missing > 0 => {
            let (missing, of) = (pieces.missing, pieces.looked_for);
            format!("in {chunks} chunks: of {of} looked for, {missing} are missing")
        }
        (chunks, pieces) if pieces.looked_for < chunks => {
            format!("in {chunks} chunks: all of {} looked for are there", pieces.looked_for)
        }
        (chunks, _) => format!("in {chunks} chunks, all there"),
    };
    let head = ByteSize(stream.head as u64);
    format!("a stream of {length}, {pieces}, with a head of {head}; {}", stream.generation)
}

fn recording(stream: &Recording) -> String {
    let mut text = "a stream that is being written".to_owned();
    if let Some(chunks) = stream.chunks {
        text.push_str(&format!(", {chunks} chunks so far"));
    }
    if let Some(ago) = stream.renewed {
        text.push_str(&format!(", last heard of {} ago", shown(ago)));
    }
    if stream.is_aborted {
        text.push_str(", which has failed");
    }
    format!("{text}; {}", stream.generation)
}

fn time(time: &Time) -> String {
    let mut text = format!("made {} ago", shown(time.age));
    match time.fresh_for {
        Some(fresh_for) => text.push_str(&format!(", fresh for {}", shown(fresh_for))),
        None => text.push_str(", fresh for ever"),
    }
    if !time.stale_for.is_zero() {
        text.push_str(&format!(", then stale for {}", shown(time.stale_for)));
    }
    if !time.load_cost.is_zero() {
        text.push_str(&format!("; it took {} to make", shown(time.load_cost)));
    }
    text
}

fn kept(remaining: Remaining) -> String {
    match remaining {
        Remaining::For(left) => format!("keeps it for {}", shown(left)),
        Remaining::Never => "keeps it until it is deleted or evicted".to_owned(),
        Remaining::Missing => "drops it at this moment".to_owned(),
    }
}

fn tag(tag: &TagHold) -> String {
    let name = if tag.is_generation() {
        "the generation of the namespace".to_owned()
    } else {
        format!("`{}`", escaped(&tag.name))
    };
    let hold = match tag.hold {
        Hold::Same => "holds",
        Hold::Soft => "was invalidated softly",
        Hold::Changed => "was INVALIDATED since",
        Hold::Gone => "is not there: INVALIDATED since, or lost by the store",
        _ => "is in a state that this version does not know",
    };
    format!("{name} {hold}")
}

const fn flaw(damage: Damage) -> &'static str {
    match damage {
        Damage::Foreign => "of a format that this version does not know",
        Damage::Corrupt => "cut short, changed, or of another key",
        Damage::OverLimit => "longer than the limit (see `max_value` of the cache's URL)",
        Damage::Unsupported => "of a compression or encryption that this version does not know",
        _ => "which does not decode",
    }
}
