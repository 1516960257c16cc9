//! The bytes, as they are and as they may be found.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cache_api::{Key, Namespace};
use proptest::{collection::vec, prelude::*};

use super::{
    fuzzing::{GENERATION, read_any as read},
    *,
};

fn key() -> Key {
    Namespace::new("reports").unwrap().key("2024").unwrap()
}

fn recording() -> Recording {
    Recording {
        generation: GENERATION,
        heartbeat: Duration::from_millis(1500),
        key: Bytes::copy_from_slice(key().as_bytes()),
        head: Bytes::from_static(b"\xa8text/csv"),
    }
}

fn manifest(lengths: &[u32], body: Option<&'static [u8]>) -> Manifest {
    let mut table = Table::default();
    lengths.iter().for_each(|&length| table.push(length));
    Manifest {
        generation: GENERATION,
        key: recording().key,
        head: recording().head,
        length: body.map_or(table.length(), |body| body.len() as u64),
        table,
        digest: *b"sixteen bytes..!",
        trailers: Some(Bytes::from_static(b"sum: 2")),
        chunks_expire_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_000_000),
        body: body.map(Bytes::from_static),
    }
}

fn complete() -> End {
    let digest = *b"sixteen bytes..!";
    End::Complete { count: 3, length: 150_000, digest, trailers: None }
}

/// One of each, with its name.
fn records() -> Vec<(&'static str, Bytes)> {
    let span = Span { index: 1, offset: 65_472, length: 5 };
    vec![
        ("recording", recording().encode()),
        ("manifest", manifest(&[65_472, 65_472, 19_056], None).encode()),
        ("manifest-inline", manifest(&[], Some(b"a,b\n1,2\n")).encode()),
        ("chunk", build_chunk(GENERATION, span, &[Bytes::from("ab"), Bytes::from("cde")])),
        ("end-complete", complete().encode(GENERATION)),
        ("end-aborted", End::Aborted { reason: "the source failed".into() }.encode(GENERATION)),
        ("beat", Beat { sequence: 7, written: 2 }.encode(GENERATION)),
    ]
}

#[test]
fn the_format_of_each_release_stays_readable() {
    let golden: [(&str, &[u8]); 7] = [
        ("recording", include_bytes!("../../../tests/golden/stream-recording-v1.bin")),
        ("manifest", include_bytes!("../../../tests/golden/stream-manifest-v1.bin")),
        ("manifest-inline", include_bytes!("../../../tests/golden/stream-manifest-inline-v1.bin")),
        ("chunk", include_bytes!("../../../tests/golden/stream-chunk-v1.bin")),
        ("end-complete", include_bytes!("../../../tests/golden/stream-end-complete-v1.bin")),
        ("end-aborted", include_bytes!("../../../tests/golden/stream-end-aborted-v1.bin")),
        ("beat", include_bytes!("../../../tests/golden/stream-beat-v1.bin")),
    ];
    for ((name, now), (same, then)) in records().into_iter().zip(golden) {
        assert_eq!(name, same);
        assert_eq!(now.escape_ascii().to_string(), then.escape_ascii().to_string(), "{name}");
    }
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(Recording::parse(&recording().encode()), Some(recording()));
    for manifest in [
        manifest(&[], None),
        manifest(&[], Some(b"")),
        manifest(&[], Some(b"body")),
        manifest(&[1, 1, 2, u32::MAX, u32::MAX], None),
    ] {
        assert_eq!(Manifest::parse(&manifest.encode()), Some(manifest));
    }
    for end in [complete(), End::Aborted { reason: String::new() }] {
        assert_eq!(End::parse(GENERATION, &end.encode(GENERATION)), Some(end));
    }
    let long = End::Aborted { reason: "ä".repeat(2000) }.encode(GENERATION);
    assert!(long.len() < 1100 && End::parse(GENERATION, &long).is_some());
}

#[test]
fn a_record_changed_in_any_byte_or_cut_anywhere_is_none() {
    for (name, record) in records() {
        assert!(read(&record), "{name}");
        for at in 0..record.len() {
            let mut changed = record.to_vec();
            changed[at] ^= 0x10;
            assert!(!read(&changed.into()), "{name} changed at {at}");
            assert!(!read(&record.slice(..at)), "{name} cut at {at}");
        }
        let longer = [&record[..], b"\0"].concat();
        assert!(!read(&longer.into()), "{name} with a byte more");
    }
}

#[test]
fn a_record_of_another_recording_place_or_key_is_none() {
    let other = Generation::from_bytes(*b"a generation...,");
    assert_eq!(other.version(), GENERATION.version(), "so that the stamp does not tell them apart");
    let span = Span { index: 1, offset: 5, length: 3 };
    let chunk = build_chunk(GENERATION, span, &["abc".into()]);
    assert_eq!(parse_chunk(GENERATION, span, &chunk), Some("abc".into()));
    assert_eq!(parse_chunk(other, span, &chunk), None);
    for elsewhere in
        [Span { index: 2, ..span }, Span { offset: 6, ..span }, Span { length: 2, ..span }]
    {
        assert_eq!(parse_chunk(GENERATION, elsewhere, &chunk), None);
    }
    let strange = Generation::from_bytes(*b"A generation....");
    assert_eq!(End::parse(strange, &complete().encode(GENERATION)), None);
    assert_eq!(Beat::parse(strange, &Beat { sequence: 1, written: 0 }.encode(GENERATION)), None);

    let elsewhere = Namespace::new("reports").unwrap().key("2025").unwrap();
    let (manifest, recording) = (manifest(&[], Some(b"")).encode(), recording().encode());
    assert!(Manifest::parse_at(&key(), &manifest).is_some());
    assert!(Manifest::parse_at(&elsewhere, &manifest).is_none());
    assert!(Recording::parse_at(&key(), Some(&recording)).is_some());
    assert!(Recording::parse_at(&elsewhere, Some(&recording)).is_none());
}

#[test]
fn a_manifest_that_contradicts_itself_is_none() {
    let short = Manifest { length: 9, ..manifest(&[10], None) };
    let long = Manifest { length: 11, ..manifest(&[10], None) };
    let both = Manifest { body: Some("0123456789".into()), ..manifest(&[10], None) };
    let other = Manifest { length: 3, ..manifest(&[], Some(b"four")) };
    for contradiction in [short, long, both, other] {
        assert_eq!(Manifest::parse(&contradiction.encode()), None);
    }
}

#[test]
fn a_table_is_read_up_to_where_it_is_full_and_no_further() {
    let parsed = |table: Table| {
        let manifest = Manifest { length: table.length(), table, ..manifest(&[], None) };
        Manifest::parse(&manifest.encode())
    };
    let mut long = Table::of_equal(3, (1 << 20) - 1);
    assert!(!long.is_full());
    long.push(3);
    assert!(long.is_full());
    assert_eq!(parsed(long.clone()).map(|manifest| manifest.table), Some(long.clone()));
    long.push(3);
    assert_eq!(parsed(long), None);
    assert_eq!(parsed(Table::of_equal(1, u32::MAX)), None);

    let mut odd = Table::default();
    while !odd.is_full() {
        odd.push(odd.count() % 2 + 1);
    }
    assert_eq!(odd.count(), 1 << 18);
    assert!(parsed(odd.clone()).is_some());
    odd.push(7);
    assert_eq!(parsed(odd), None);
}

#[test]
fn a_heartbeat_that_no_writer_has_is_read_as_the_nearest_that_one_may_have() {
    let read = |heartbeat| {
        let recording = Recording { heartbeat, ..recording() };
        Recording::parse(&recording.encode()).map(|recording| recording.heartbeat)
    };
    let (least, most) = (Duration::from_millis(50), Duration::from_secs(60));
    assert_eq!(read(Duration::ZERO), Some(least));
    assert_eq!(read(Duration::MAX), Some(most));
    for usual in [least, Duration::from_millis(1500), most] {
        assert_eq!(read(usual), Some(usual));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>, kind in 0_u8..12) {
        read(&bytes.clone().into());
        // With a stamp and a checksum that fit, so that the fields are looked at.
        let mut record = vec![0xCA, 0x4C, 1, kind];
        record.extend(bytes);
        let checksum = xxhash_rust::xxh3::xxh3_64(&record);
        record.extend(checksum.to_be_bytes());
        read(&record.into());
    }

    #[test]
    fn a_table_knows_the_place_of_each_byte(
        lengths in vec(prop_oneof![Just(3_u32), Just(5), 1_u32..9], 1..40),
        from in 0_u64..200, to in 0_u64..200,
    ) {
        let mut table = Table::default();
        let mut places = Vec::new();
        for &length in &lengths {
            places.push(table.next(length));
            table.push(length);
        }
        let total: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
        prop_assert_eq!((table.count() as usize, table.length()), (lengths.len(), total));
        for (index, span) in places.iter().enumerate() {
            prop_assert_eq!(table.get(index as u32), Some(*span));
            for offset in span.offset..span.end() {
                prop_assert_eq!(table.at(offset), Some(*span));
            }
        }
        prop_assert_eq!((table.get(lengths.len() as u32), table.at(total)), (None, None));

        let range = from.min(total)..to.clamp(from.min(total), total);
        let covering = table.covering(&range);
        for span in places {
            let wanted = span.offset < range.end && range.start < span.end();
            prop_assert_eq!(covering.contains(&span.index), wanted && !range.is_empty());
        }
    }
}
