//! What an attacker who can write to the store may plant there: a miss and a count, in bounded memory
//! and on a small stack.

#![cfg(feature = "memory")]

use std::{
    env,
    process::{Command, ExitStatus},
    thread,
};

use larder::{
    Bytes, Larder, MemoryCache, Typed,
    codec::{Codec, CodecError, Json, MessagePack, Output, RawBytes},
};
use serde::{Deserialize, Serialize};

/// Nests without end, through a newtype, which the decoder's own limit does not count.
#[derive(Debug, Serialize, Deserialize)]
enum Nested {
    End,
    In(Box<Nested>),
}

/// `depth` times `{"In": …}` as MessagePack, which takes 4 bytes a level.
fn nested(depth: usize) -> Bytes {
    let mut bytes = b"\x81\xA2In".repeat(depth);
    bytes.extend(b"\xA3End");
    bytes.into()
}

/// Writes its bytes as they are, as the payload of a record that claims to be `ID`'s.
#[derive(Clone)]
struct Forger<const ID: u8>;

impl<const ID: u8> Codec<Bytes> for Forger<ID> {
    const ID: u8 = ID;

    fn encode(&self, value: &Bytes, output: &mut Output) -> Result<(), CodecError> {
        RawBytes.encode(value, output)
    }

    fn decode(&self, bytes: Bytes) -> Result<Bytes, CodecError> {
        Ok(bytes)
    }
}

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(512 << 10).spawn(work).expect("it starts");
    thread.join().expect("the test in it passes");
}

fn with_runtime<F: Future<Output = ()>>(work: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("it starts").block_on(work());
}

#[test]
fn a_hundred_thousand_levels_are_a_miss_on_a_small_stack() {
    on_a_small_stack(|| {
        with_runtime(|| async {
            let larder = Larder::new(MemoryCache::builder().build());
            let space = larder.namespace("n").unwrap();
            let planted = space.typed_with::<Bytes, _>(Forger::<1>);
            let nesting: Typed<Nested> = space.typed();
            for depth in [65, 5_000, 100_000] {
                planted.set("k", &nested(depth)).forever().await.unwrap();
                assert!(nesting.get("k").await.unwrap().is_none());
            }
            assert_eq!(larder.stats().damaged.undecodable, 3);
            planted.set("k", &nested(64)).forever().await.unwrap();
            assert!(nesting.get("k").await.unwrap().is_some(), "64 levels are legal");

            let json = space.typed_with::<Bytes, _>(Forger::<2>);
            let text = format!("{}\"End\"{}", "{\"In\":".repeat(100_000), "}".repeat(100_000));
            json.set("j", &text.into()).forever().await.unwrap();
            assert!(space.typed_with::<Nested, _>(Json).get("j").await.unwrap().is_none());
        });
    });
}

/// The control: without the walk before it, the decoder takes the whole process down.
#[test]
fn the_decoder_alone_does_not_survive_it() {
    const CHILD: &str = "LARDER_TEST_DECODE_ALONE";
    if env::var_os(CHILD).is_some() {
        on_a_small_stack(|| drop(rmp_serde::from_slice::<Nested>(&nested(100_000))));
        return;
    }
    let status: ExitStatus = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_decoder_alone_does_not_survive_it"])
        .env(CHILD, "1")
        .output()
        .unwrap()
        .status;
    assert!(!status.success() && status.code().is_none(), "it was ended by a signal: {status}");
}

#[test]
fn the_codec_itself_refuses_what_is_not_exactly_one_value() {
    for bad in [&b"\x01\x02"[..], b"", b"\x92\x01", b"\xC1", b"\xDD\xFF\xFF\xFF\xFF\x01"] {
        let decoded: Result<u64, _> = MessagePack.decode(Bytes::copy_from_slice(bad));
        assert!(decoded.is_err(), "{bad:02x?}");
    }
    let decoded: Result<Vec<u64>, _> = MessagePack.decode(Bytes::from_static(b"\x93\x01\x02\x03"));
    assert_eq!(decoded.unwrap(), [1, 2, 3]);
}
