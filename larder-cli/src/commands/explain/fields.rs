//! What was found, for machines.

use std::time::Duration;

use larder::{
    Remaining,
    explain::{Explanation, Form, Recorded, Recording, TagHold, Time, What},
};
use serde_json::Value;

use crate::{
    commands::words,
    output::{Fields, millis},
};

pub(super) fn of(key: &[u8], found: &Explanation) -> Fields {
    let fields = Fields::new()
        .bytes("key", key)
        .put("found", found.what != What::Nothing)
        .put("verdict", words::verdict(found.verdict))
        .put("cause", words::cause(found.verdict))
        .put("queued", found.queued)
        .put("kind", words::what(&found.what));
    if found.what == What::Nothing {
        return fields;
    }
    let ttl = match found.remaining {
        Remaining::For(left) => Some(left),
        Remaining::Never => None,
        Remaining::Missing => Some(Duration::ZERO),
    };
    let fields = fields
        .put("bytes", found.bytes)
        .put("version", found.version.map(words::version))
        .put("ttl_ms", ttl.map(millis))
        .put("tags", found.tags.iter().map(tag).collect::<Vec<Value>>());
    match &found.what {
        What::Value(made, written) => form(time(fields, made), written),
        What::Absent(made) => time(fields, made),
        What::Stream(stream) => recorded(fields, stream),
        What::Recording(stream) => recording(fields, stream),
        What::Raw { is_number } => fields.put("is_number", *is_number),
        What::Damaged { damage, kind } => {
            fields.put("damage", words::damage(*damage)).put("damaged_kind", kind.map(words::kind))
        }
        What::Piece(kind) => fields.put("piece", words::kind(*kind)),
        _ => fields,
    }
}

fn time(fields: Fields, time: &Time) -> Fields {
    fields
        .put("made_at_ms", time.made_at_ms)
        .put("age_ms", millis(time.age))
        .put("freshness", words::freshness(time.freshness))
        .put("fresh_for_ms", time.fresh_for.map(millis))
        .put("stale_for_ms", millis(time.stale_for))
        .put("fresh_left_ms", time.fresh_left.map(millis))
        .put("fresh_left_in_store_ms", time.fresh_left_in_store.map(millis))
        .put("load_cost_ms", millis(time.load_cost))
}

fn form(fields: Fields, form: &Form) -> Fields {
    fields
        .put("codec", words::coding(form.coding))
        .put("schema", form.schema)
        .put("compressed", form.is_compressed)
        .put("stored_bytes", form.stored)
        .put("raw_bytes", form.raw)
}

fn recorded(fields: Fields, stream: &Recorded) -> Fields {
    fields
        .put("generation", stream.generation.as_str())
        .put("length", stream.length)
        .put("chunks", stream.chunks)
        .put("chunks_looked_for", stream.pieces.looked_for)
        .put("chunks_missing", stream.pieces.missing)
        .put("chunks_expire_at_ms", stream.chunks_expire_at_ms)
        .put("head_bytes", stream.head)
        .put("trailers_bytes", stream.trailers)
}

fn recording(fields: Fields, stream: &Recording) -> Fields {
    fields
        .put("generation", stream.generation.as_str())
        .put("heartbeat_ms", millis(stream.heartbeat))
        .put("renewed_ms_ago", stream.renewed.map(millis))
        .put("chunks", stream.chunks)
        .put("aborted", stream.is_aborted)
        .put("head_bytes", stream.head)
}

fn tag(tag: &TagHold) -> Value {
    Fields::new()
        .bytes("tag", &tag.name)
        .put("generation", tag.is_generation())
        .put("hold", words::hold(tag.hold))
        .into()
}
