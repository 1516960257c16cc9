//! Records with tags, marks of work in progress, and tags themselves: what was written, what is read, and
//! what any other bytes come to.

use cache_api::Namespace;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    codec::RawBytes,
    envelope::{TagState, Version, read_work, write_work},
};

const LIFETIME: Lifetime = Lifetime {
    created_ms: 1_764_000_000_000,
    fresh_for_ms: 60_000,
    stale_for_ms: 3_600_000,
    load_cost_ms: 17,
};

const EXPECTED: Expected =
    Expected { codec: <RawBytes as Codec<Bytes>>::ID, schema: 0, limit: 1 << 20 };

fn key() -> Key {
    Namespace::new("golden").unwrap().key("k").unwrap()
}

fn stamp(kind: Kind) -> Stamp {
    Stamp { kind, version: Version::from_bytes(*b"version1") }
}

fn state(version: &[u8; 8], soft: &[u8; 8]) -> TagState {
    TagState { version: Version::from_bytes(*version), soft: Version::from_bytes(*soft) }
}

fn marks() -> [Mark; 2] {
    let mark = |name, seen| Mark { name: Bytes::from_static(name), seen };
    [
        mark(b"team:7", state(b"tag 7, 1", b"soft  11")),
        mark(b"\\*", state(b"the gen.", b"soft  12")),
    ]
}

fn value(payload: &[u8], tags: &[Mark]) -> Bytes {
    let payload = Bytes::copy_from_slice(payload);
    let draft = Draft::encode(&RawBytes, 0, 1 << 20, &payload).unwrap();
    draft.seal_as(stamp(Kind::Value), &key(), LIFETIME, tags)
}

fn opened(record: Bytes) -> Result<Option<Entry>, Damage> {
    open(record, &key(), EXPECTED)
}

#[test]
fn the_format_of_each_release_stays_readable() {
    let tagged: &[u8] = include_bytes!("../../tests/golden/value-tags-v1.bin");
    let entry = opened(Bytes::from_static(tagged)).unwrap().unwrap();
    let payload = Some(Bytes::from_static(b"Ada"));
    let expected =
        Entry { stamp: stamp(Kind::Value), lifetime: LIFETIME, tags: marks().into(), payload };
    assert_eq!(entry, expected);
    assert_eq!(value(b"Ada", &marks()), tagged);

    let absent: &[u8] = include_bytes!("../../tests/golden/absent-v1.bin");
    let entry = opened(Bytes::from_static(absent)).unwrap().unwrap();
    let tags = marks()[..1].to_vec();
    let nothing = Entry { stamp: stamp(Kind::Absent), lifetime: LIFETIME, tags, payload: None };
    assert_eq!(entry, nothing);
    let sealed = Draft::nothing().seal_as(stamp(Kind::Absent), &key(), LIFETIME, &marks()[..1]);
    assert_eq!(sealed, absent);

    let lease: &[u8] = include_bytes!("../../tests/golden/lease-tags-v1.bin");
    assert_eq!(Stamp::parse(lease), Some(stamp(Kind::Lease)));
    assert_eq!(read_work(&Bytes::from_static(lease)).unwrap(), marks());
    assert_eq!(write_work(stamp(Kind::Lease), &marks()), lease);

    let pass: &[u8] = include_bytes!("../../tests/golden/pass-v1.bin");
    assert_eq!(Stamp::parse(pass), Some(stamp(Kind::Pass)));
    assert_eq!(write_work(stamp(Kind::Pass), &[]), pass);

    let tag: &[u8] = include_bytes!("../../tests/golden/tag-v1.bin");
    let known = state(b"tag 7, 1", b"soft  11");
    assert_eq!(TagState::parse(tag), Some(known));
    assert_eq!(known.to_record(), tag);
}

#[test]
fn tags_come_back_with_any_payload() {
    for payload in [&b""[..], b"short", &b"long enough to compress".repeat(100)] {
        for tags in [&[][..], &marks()[..1], &marks()] {
            let entry = opened(value(payload, tags)).unwrap().unwrap();
            assert_eq!((&entry.tags[..], entry.payload.as_deref()), (tags, Some(payload)));
            assert_eq!(reopen(value(payload, tags)).as_deref(), Some(payload));
        }
    }
    // As many and as long as can be.
    let mark = |number: u8| {
        let name = Bytes::from(vec![number; Mark::MAX_NAME]);
        Mark { name, seen: TagState::random() }
    };
    let most: Vec<_> = (0..u8::MAX).map(mark).collect();
    assert_eq!(most.len(), Mark::MAX);
    assert_eq!(opened(value(b"v", &most)).unwrap().unwrap().tags, most);
    assert_eq!(read_work(&write_work(stamp(Kind::Lease), &most)).unwrap(), most);
}

#[test]
fn a_renewed_record_is_the_same_with_another_lifetime_and_version() {
    let record = value(b"Ada", &marks());
    let past = LIFETIME.past().unwrap();
    let renewed = renew(&record, &key(), past);
    let entry = opened(renewed.clone()).unwrap().unwrap();
    assert_eq!((entry.lifetime, &entry.tags[..]), (past, &marks()[..]));
    assert_eq!(entry.payload.as_deref(), Some(&b"Ada"[..]));
    assert_ne!(entry.stamp, stamp(Kind::Value));
    assert_eq!(lifetime(&renewed, &key()), Some(past));
    assert_eq!(lifetime(&record.slice(..record.len() - 1), &key()), None);
}

#[test]
fn cut_at_any_length_it_is_damaged() {
    for record in [value(b"Ada", &marks()), value(&[7; 2000], &marks())] {
        for length in 0..record.len() {
            let expected = if length < Stamp::BYTES { Damage::Foreign } else { Damage::Corrupt };
            assert_eq!(opened(record.slice(..length)), Err(expected));
            assert_eq!(lifetime(&record.slice(..length), &key()), None);
        }
    }
    let lease = write_work(stamp(Kind::Lease), &marks());
    for length in Stamp::BYTES..lease.len() {
        let whole = length == Stamp::BYTES;
        assert_eq!(read_work(&lease.slice(..length)).is_some(), whole, "a bare stamp has no tags");
    }
    assert_eq!(read_work(&[&lease[..], b"x"].concat().into()), None);
    let tag = TagState::random().to_record();
    for length in 0..tag.len() {
        assert_eq!(TagState::parse(&tag[..length]), None);
    }
    assert_eq!(TagState::parse(&[&tag[..], b"x"].concat()), None);
}

#[test]
fn with_any_bit_flipped_it_is_no_answer() {
    let record = value(b"Ada", &marks());
    for bit in 0..record.len() * 8 {
        let mut flipped = record.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // In the kind, it may become a record of another kind: no answer either.
        assert!(!matches!(opened(flipped.into()), Ok(Some(_))), "bit {bit}");
    }
}

/// A record that announces so many tags and has what follows, under a checksum that fits.
fn forged(kind: Kind, count: u8, rest: &[u8], raw_length: u32) -> Bytes {
    let stamp = Stamp::new(kind);
    let header = Header { tags: count, raw_length, ..Header::parse(&value(b"", &[])).unwrap() };
    let covered = [&header.to_bytes(stamp)[Header::COVERED..], rest].concat();
    let checksum = checksum::of(&key(), &stamp.to_bytes(), &covered);
    let header = Header { checksum, ..header };
    [&header.to_bytes(stamp)[..Header::COVERED], &covered].concat().into()
}

#[test]
fn a_count_that_is_not_there_is_damage() {
    let mut tags = Vec::new();
    marks::write(&marks(), &mut tags);
    assert!(opened(forged(Kind::Value, 2, &tags, 0)).unwrap().is_some());
    for count in (0..=u8::MAX).filter(|count| *count != 2) {
        assert_eq!(opened(forged(Kind::Value, count, &tags, 0)), Err(Damage::Corrupt), "{count}");
    }
    // A name that is longer than what is left.
    for length in 0..=u8::MAX {
        let record = forged(Kind::Value, 1, &[&[length], &[0; 20][..]].concat(), 0);
        let fits = length == 4;
        assert_eq!(opened(record).is_ok(), fits, "{length}");
    }
}

proptest! {
    #[test]
    fn any_bytes_behind_a_good_header_do_no_harm(
        count: u8, rest: Vec<u8>, length in 0..300_u32, is_value: bool,
    ) {
        let kind = if is_value { Kind::Value } else { Kind::Absent };
        let record = forged(kind, count, &rest, length);
        if let Ok(Some(entry)) = opened(record) {
            prop_assert_eq!(entry.tags.len(), usize::from(count));
        }
    }

    #[test]
    fn any_bytes_behind_the_stamp_of_a_mark_do_no_harm(rest: Vec<u8>, kind in 0..Kind::ALL.len()) {
        let stamp = Stamp::new(Kind::ALL[kind]);
        let record: Bytes = [&stamp.to_bytes()[..], &rest].concat().into();
        if let Some(tags) = read_work(&record) {
            // And what was read is what it says.
            let again = write_work(stamp, &tags);
            prop_assert!(again == record || (tags.is_empty() && rest == [0]));
        }
        let tag = TagState::parse(&record);
        prop_assert_eq!(tag.is_some(), stamp.kind == Kind::Tag && rest.len() == 8);
    }

    #[test]
    fn any_bytes_at_all_do_no_harm(bytes: Vec<u8>) {
        let record = Bytes::from(bytes);
        let _ = (opened(record.clone()), read_work(&record), TagState::parse(&record));
        let _ = (lifetime(&record, &key()), reopen(record.clone()), renew(&record, &key(), LIFETIME));
    }

    #[test]
    fn any_tags_come_back(names in vec(vec(any::<u8>(), 0..=255), 0..20)) {
        let mark = |name: Vec<u8>| Mark { name: name.into(), seen: TagState::random() };
        let tags: Vec<_> = names.into_iter().map(mark).collect();
        prop_assert_eq!(&opened(value(b"v", &tags)).unwrap().unwrap().tags, &tags);
        prop_assert_eq!(&read_work(&write_work(stamp(Kind::Lease), &tags)).unwrap(), &tags);
    }
}
