//! What may stand in a store instead of a record of ours, and what a reader makes of it.

use cache_api::Namespace;
use proptest::prelude::*;

use super::*;
use crate::{
    codec::{CodecError, MessagePack, RawBytes},
    envelope::Version,
};

const LIFETIME: Lifetime = Lifetime {
    created_ms: 1_764_000_000_000,
    fresh_for_ms: 60_000,
    stale_for_ms: 0,
    load_cost_ms: 0,
};

fn key(user: &str) -> Key {
    Namespace::new("golden").unwrap().key(user).unwrap()
}

fn expected<T>(codec: &impl Codec<T>) -> Expected {
    fn id<T, C: Codec<T>>(_: &C) -> u8 {
        C::ID
    }
    Expected { codec: id(codec), schema: 0, limit: 1 << 20 }
}

fn record<T>(codec: &impl Codec<T>, value: &T) -> Bytes {
    let stamp = Stamp { kind: Kind::Value, version: Version::from_bytes(*b"version1") };
    Draft::encode(codec, 0, 1 << 20, value).unwrap().seal_as(stamp, &key("k"), LIFETIME, &[])
}

fn payload(record: Bytes) -> Result<Option<Bytes>, Damage> {
    open(record, &key("k"), expected::<Bytes>(&RawBytes))
        .map(|found| found.and_then(|answer| answer.payload))
}

fn raw(value: &[u8]) -> Bytes {
    record(&RawBytes, &Bytes::copy_from_slice(value))
}

/// A record with a header of someone's choice, and a checksum that fits.
fn forged(change: impl FnOnce(&mut Header), payload: &[u8]) -> Bytes {
    let stamp = Stamp::new(Kind::Value);
    let mut header = Header::parse(&raw(b"")).unwrap();
    header.raw_length = payload.len() as u32;
    change(&mut header);
    let rest = [&header.to_bytes(stamp)[Header::COVERED..], payload].concat();
    header.checksum = checksum::of(&key("k"), &stamp.to_bytes(), &rest);
    [&header.to_bytes(stamp)[..Header::COVERED], &rest].concat().into()
}

#[test]
fn the_format_of_each_release_stays_readable() {
    let text = Bytes::from("a page, ".repeat(200));
    let plain = include_bytes!("../../tests/golden/value-v1.bin");
    let compressed = include_bytes!("../../tests/golden/value-zstd-v1.bin");
    let value = (String::from("Ada"), 36_u8, vec![1.5_f32, -2.0]);
    let answer =
        open(Bytes::from_static(plain), &key("k"), expected::<u8>(&MessagePack)).unwrap().unwrap();
    assert_eq!((answer.lifetime, answer.tags), (LIFETIME, Vec::new()));
    let decoded: (String, u8, Vec<f32>) = MessagePack.decode(answer.payload.unwrap()).unwrap();
    assert_eq!(decoded, value);
    assert_eq!(payload(Bytes::from_static(compressed)).unwrap().unwrap(), text);
    // And the present writes what it reads. (Of zstd only the length may differ.)
    assert_eq!(record(&MessagePack, &value), plain[..]);
    assert_eq!(record(&RawBytes, &text)[..Header::COVERED - 8], compressed[..Header::COVERED - 8]);
}

#[test]
fn cut_at_any_length_it_is_damaged() {
    for record in [raw(b"short"), raw(&b"long enough to compress".repeat(100))] {
        assert!(payload(record.clone()).unwrap().is_some());
        for length in 0..record.len() {
            let damage = payload(record.slice(..length)).unwrap_err();
            let expected = if length < Stamp::BYTES { Damage::Foreign } else { Damage::Corrupt };
            assert_eq!(damage, expected);
        }
        let longer = [&record[..], b"x"].concat();
        assert_eq!(payload(longer.into()), Err(Damage::Corrupt));
    }
}

#[test]
fn with_any_bit_flipped_it_is_no_value() {
    for record in [raw(b"short"), raw(&b"long enough to compress".repeat(100))] {
        for bit in 0..record.len() * 8 {
            let mut flipped = record.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // In the kind, it may become a record of another kind: no value either.
            assert!(!matches!(payload(flipped.into()), Ok(Some(_))), "bit {bit}");
        }
    }
}

#[test]
fn under_another_key_it_is_damaged() {
    let found = open(raw(b"mine"), &key("other"), expected::<Bytes>(&RawBytes));
    assert_eq!(found, Err(Damage::Corrupt));
}

#[test]
fn what_others_wrote_is_foreign() {
    for foreign in
        [&b""[..], b"42", b"{\"json\": true}", &[0; 100], b"\xCA\x4C\x02\x01version2 of it"]
    {
        assert_eq!(payload(Bytes::copy_from_slice(foreign)), Err(Damage::Foreign));
    }
}

#[test]
fn other_kinds_are_no_values_and_no_damage() {
    for kind in [Kind::Manifest, Kind::Lease, Kind::Recording, Kind::Pass, Kind::Tag] {
        let record = Bytes::copy_from_slice(&Stamp::new(kind).to_bytes());
        assert_eq!(payload(record), Ok(None));
    }
}

#[test]
fn what_this_version_cannot_read_is_unsupported() {
    let changes: [fn(&mut Header); 4] = [
        |header| header.codec = 200,
        |header| header.compression = 7,
        |header| header.encryption_key = 1,
        |header| header.schema = 1,
    ];
    for change in changes {
        assert_eq!(payload(forged(change, b"payload")), Err(Damage::Unsupported));
    }
    assert!(payload(forged(|_| {}, b"payload")).unwrap().is_some());
}

#[test]
fn a_length_that_does_not_fit_is_damaged_and_one_over_the_limit_is_refused() {
    assert_eq!(payload(forged(|header| header.raw_length = 3, b"four")), Err(Damage::Corrupt));
    let long = forged(|header| header.raw_length = u32::MAX, b"four");
    assert_eq!(payload(long), Err(Damage::OverLimit));
}

#[test]
fn a_bomb_is_refused_before_it_is_expanded() {
    let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 19).unwrap();
    assert!(bomb.len() < 32 << 10);
    // It says what it is.
    let honest = forged(
        |header| {
            header.compression = 1;
            header.raw_length = 256 << 20;
        },
        &bomb,
    );
    assert_eq!(payload(honest), Err(Damage::OverLimit));
    // It says that it is small.
    let lying = forged(
        |header| {
            header.compression = 1;
            header.raw_length = 1000;
        },
        &bomb,
    );
    assert_eq!(payload(lying), Err(Damage::Undecodable));
}

#[test]
fn a_value_over_the_limit_is_not_written() {
    let value = Bytes::from(vec![0; 101]);
    let error = Draft::encode(&RawBytes, 0, 100, &value).err().unwrap();
    assert_eq!(error.to_string(), "larder: a value of 101 bytes is over the limit of 100 bytes");
    assert!(Draft::encode(&RawBytes, 0, 101, &value).is_ok());
}

#[test]
fn a_codec_that_fails_is_an_error_of_the_caller() {
    #[derive(Clone)]
    struct Failing;
    impl Codec<u8> for Failing {
        const ID: u8 = 255;
        fn encode(&self, _: &u8, _: &mut Output) -> Result<(), CodecError> {
            Err("not today".into())
        }
        fn decode(&self, _: Bytes) -> Result<u8, CodecError> {
            Err("not today".into())
        }
    }
    let error = Draft::encode(&Failing, 0, 100, &1).err().unwrap();
    assert_eq!(error.to_string(), "set: the value cannot be encoded: not today");
}

proptest! {
    #[test]
    fn any_value_comes_back(value: Vec<u8>, times in 1_usize..200) {
        let value = Bytes::from(value.repeat(times));
        prop_assert_eq!(payload(record(&RawBytes, &value)), Ok(Some(value)));
    }

    #[test]
    fn any_bytes_behind_a_stamp_are_damaged(rest: Vec<u8>) {
        let record = [&Stamp::new(Kind::Value).to_bytes()[..], &rest].concat();
        prop_assert!(payload(record.into()).is_err());
    }

    #[test]
    fn any_payload_behind_a_good_header_does_no_harm(rest: Vec<u8>, compression in 0..3_u8) {
        let _ = payload(forged(|header| header.compression = compression, &rest));
    }
}
