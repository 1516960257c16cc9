//! Any bytes may stand in a store. They are explained, and as a reader takes them.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    codec::{Codec, RawBytes},
    envelope::{Draft, Expected, Lifetime, Mark, Stamp, TagState, Version, write_work},
    lookup::{self, Standing},
};

const LIMIT: usize = 1 << 20;

/// The version of most tags.
const TAG: [u8; 8] = [1; 8];

/// What the clock says, in milliseconds since 1970.
const NOW_MS: u64 = 1_764_000_000_000;

/// A run of its own for each: the store, the clock and the calls are deterministic.
fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..200_000_u64, Just(u64::MAX), any::<u64>()]
}

fn marks() -> impl Strategy<Value = Vec<Mark>> {
    let name = prop_oneof![Just(Bytes::from_static(b"\\*")), "[a-c]{1,2}".prop_map(Bytes::from)];
    let seen = prop_oneof![3 => Just(TAG), 1 => any::<[u8; 8]>()];
    let mark = (name, seen).prop_map(|(name, seen)| {
        let version = Version::from_bytes(seen);
        Mark { name, seen: TagState { version, soft: version } }
    });
    prop::collection::vec(mark, 0..4)
}

/// The tags that stand there: `a` and the generation are as most of the marks say, `b` is softly not.
async fn plant_tags(fixture: &Fixture) {
    let tags = fixture.space.namespace().reserved("tag").unwrap();
    let (version, softly) = (Version::from_bytes(TAG), Version::from_bytes([9; 8]));
    for (name, soft) in [("a", version), ("\\*", version), ("b", softly)] {
        let record = TagState { version, soft }.to_record();
        fixture.plant_at(&tags.key(name).unwrap(), record).await;
    }
}

/// Records that are whole, whatever they say.
fn sealed() -> impl Strategy<Value = Bytes> {
    let key = cache_api::Namespace::new("values").unwrap().key("k").unwrap();
    let lifetimes = (times(), times(), times(), any::<u32>());
    let answer =
        (any::<Option<Vec<u8>>>(), lifetimes, marks()).prop_map(move |(value, times, marks)| {
            let (created_ms, fresh_for_ms, stale_for_ms, load_cost_ms) = times;
            let lifetime = Lifetime {
                // About now, so that every age is seen.
                created_ms: NOW_MS + 1000 - created_ms % 400_000,
                fresh_for_ms,
                stale_for_ms,
                load_cost_ms,
            };
            let draft = match value {
                Some(value) => Draft::encode(&RawBytes, 0, LIMIT, &Bytes::from(value)).unwrap(),
                None => Draft::nothing(),
            };
            draft.seal(&key, lifetime, &marks)
        });
    let work = (prop::sample::select(&Kind::ALL[..]), marks())
        .prop_map(|(kind, marks)| write_work(Stamp::new(kind), &marks));
    prop_oneof![4 => answer, 1 => work]
}

/// A record, cut, lengthened or with a byte changed, or not.
fn records() -> impl Strategy<Value = Bytes> {
    let flaw = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let flawed = (sealed(), flaw).prop_map(|(record, (place, byte, how))| {
        let mut record = record.to_vec();
        let place = place.index(record.len());
        match how {
            0 => record.truncate(place),
            1 => record.insert(place, byte),
            _ => record[place] ^= byte,
        }
        Bytes::from(record)
    });
    let beginning = (0..12_u8, any::<Vec<u8>>())
        .prop_map(|(kind, rest)| [&[0xCA, 0x4C, 1, kind][..], &rest].concat().into());
    prop_oneof![sealed(), flawed, beginning, any::<Vec<u8>>().prop_map(Bytes::from),]
}

/// What a reader of bytes makes of it.
async fn reader(space: &Space, key: &Key) -> Standing {
    let codec = <RawBytes as Codec<Bytes>>::ID;
    let expected = Expected { codec, schema: 0, limit: LIMIT };
    lookup::find(space, key, &[], expected).await.unwrap().standing
}

proptest! {
    #[test]
    fn any_bytes_are_explained_as_a_reader_takes_them(record in records(), generations: bool) {
        run(async {
            let mut fixture = fixture();
            if generations {
                fixture.space = fixture.space.with_generations();
            }
            fixture.clock.set_wall(UNIX_EPOCH + Duration::from_millis(NOW_MS));
            plant_tags(&fixture).await;
            fixture.plant(record.clone()).await;
            let found = fixture.explain().await;
            prop_assert_eq!(found.bytes, record.len());
            let agrees = match (reader(&fixture.space, &fixture.key()).await, found.verdict) {
                (Standing::Fresh(entry), Verdict::Fresh) => {
                    prop_assert_eq!(found.version, Some(entry.stamp.version));
                    true
                }
                (Standing::Stale(_), Verdict::Stale(_))
                | (Standing::Working(_), Verdict::Working)
                | (Standing::Passing(_), Verdict::Passing) => true,
                (Standing::Open(_), Verdict::Miss(cause)) => cause != Cause::Nothing,
                // A stream is none of a typed reader's.
                (Standing::Open(_), Verdict::Fresh) => matches!(found.what, What::Stream(_)),
                (Standing::Open(_), Verdict::Raw) => true,
                // Who wants a value looks at the stamp of a recording alone; streams read all of it.
                (Standing::Working(_), Verdict::Miss(Cause::Damaged)) => {
                    let kind = Some(Kind::Recording);
                    found.what == What::Damaged { damage: Damage::Corrupt, kind }
                }
                _ => false,
            };
            prop_assert!(agrees, "{:?}", found);
            let survey = fixture.space.survey(9).await.unwrap();
            prop_assert_eq!(survey.all.entries, 4);
            let large = survey.largest.iter().find(|large| large.key == fixture.key());
            prop_assert_eq!(large.map(|large| large.bytes), Some(record.len() as u64));
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_changed_byte_is_never_explained_as_something_whole() {
    let fixture = fixture();
    let values = fixture.space.typed::<String>();
    values.set("k", &"Ada".into()).ttl(MINUTE).tag("t").await.unwrap();
    let good = fixture.store.get(&fixture.key()).await.unwrap().unwrap();
    for place in Stamp::BYTES - 8..good.len() {
        let mut changed = good.to_vec();
        changed[place] ^= 1;
        fixture.plant(changed).await;
        assert_eq!(fixture.explain().await.verdict, Verdict::Miss(Cause::Damaged), "{place}");
    }
    fixture.plant(good).await;
    assert_eq!(fixture.explain().await.verdict, Verdict::Fresh);
}
