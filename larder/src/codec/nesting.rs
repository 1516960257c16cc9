//! A walk over MessagePack without decoding it.
//!
//! The decoder's own limit does not cover newtypes and options: a few thousand levels of them, in as
//! many bytes, overflow the stack and end the process. So the nesting is measured first, in one pass
//! over the opcodes that allocates nothing. It also sees to it that the bytes are exactly one value.

use thiserror::Error;

/// How deep arrays and maps may lie in one another.
pub(super) const MAX_DEPTH: usize = 64;

#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Malformed {
    #[error("nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("the value is cut short")]
    Short,
    #[error("there is more behind the value")]
    Long,
    #[error("a byte that MessagePack does not use")]
    Reserved,
}

/// Whether these bytes are one value, of bounded depth.
pub(super) fn check(bytes: &[u8]) -> Result<(), Malformed> {
    // How many values each open array or map still waits for. No stack of the machine's.
    let mut open = [0_u64; MAX_DEPTH];
    let mut depth = 0;
    let mut waiting = 1_u64;
    let mut rest = bytes;
    loop {
        while waiting == 0 {
            if depth == 0 {
                return if rest.is_empty() { Ok(()) } else { Err(Malformed::Long) };
            }
            depth -= 1;
            waiting = open[depth];
        }
        waiting -= 1;
        let (&opcode, tail) = rest.split_first().ok_or(Malformed::Short)?;
        rest = tail;
        let (skip, children) = match opcode {
            0x00..=0x7F | 0xE0..=0xFF | 0xC0 | 0xC2 | 0xC3 => continue,
            0xA0..=0xBF => (u64::from(opcode & 0x1F), 0),
            0x80..=0x8F => (0, 2 * u64::from(opcode & 0x0F)),
            0x90..=0x9F => (0, u64::from(opcode & 0x0F)),
            0xCC | 0xD0 => (1, 0),
            0xCD | 0xD1 | 0xD4 => (2, 0),
            0xD5 => (3, 0),
            0xCA | 0xCE | 0xD2 => (4, 0),
            0xD6 => (5, 0),
            0xCB | 0xCF | 0xD3 => (8, 0),
            0xD7 => (9, 0),
            0xD8 => (17, 0),
            0xC4 | 0xD9 => (length::<1>(&mut rest)?, 0),
            0xC5 | 0xDA => (length::<2>(&mut rest)?, 0),
            0xC6 | 0xDB => (length::<4>(&mut rest)?, 0),
            // An extension: its type stands between length and data.
            0xC7 => (length::<1>(&mut rest)? + 1, 0),
            0xC8 => (length::<2>(&mut rest)? + 1, 0),
            0xC9 => (length::<4>(&mut rest)? + 1, 0),
            0xDC => (0, length::<2>(&mut rest)?),
            0xDD => (0, length::<4>(&mut rest)?),
            0xDE => (0, 2 * length::<2>(&mut rest)?),
            0xDF => (0, 2 * length::<4>(&mut rest)?),
            0xC1 => return Err(Malformed::Reserved),
        };
        if skip > 0 {
            let skip = usize::try_from(skip).map_err(|_| Malformed::Short)?;
            rest = rest.get(skip..).ok_or(Malformed::Short)?;
        }
        if children > 0 {
            *open.get_mut(depth).ok_or(Malformed::TooDeep)? = waiting;
            depth += 1;
            waiting = children;
        }
    }
}

fn length<const N: usize>(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let (length, tail) = rest.split_at_checked(N).ok_or(Malformed::Short)?;
    *rest = tail;
    Ok(length.iter().fold(0, |length, &byte| length << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn arrays(depth: usize) -> Vec<u8> {
        let mut bytes = vec![0x91; depth];
        bytes.push(0xC0);
        bytes
    }

    #[test]
    fn depth_64_is_the_last_that_passes() {
        assert_eq!(check(&arrays(64)), Ok(()));
        assert_eq!(check(&arrays(65)), Err(Malformed::TooDeep));
    }

    #[test]
    fn exactly_one_value_passes() {
        let value = json!({"a": [1, -1, 1.5, "x".repeat(300), null, true], "b": {"c": []}});
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        assert_eq!(check(&bytes), Ok(()));
        for length in 0..bytes.len() {
            assert_eq!(check(&bytes[..length]), Err(Malformed::Short));
        }
        assert_eq!(check(&[&bytes[..], &[0]].concat()), Err(Malformed::Long));
        assert_eq!(check(&[0xC1]), Err(Malformed::Reserved));
        // Four billion announced, none there.
        assert_eq!(check(&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF]), Err(Malformed::Short));
        assert_eq!(check(&[0xC6, 0xFF, 0xFF, 0xFF, 0xFF]), Err(Malformed::Short));
    }

    #[test]
    fn every_opcode_is_walked_as_the_decoder_does() {
        for opcode in 0..=u8::MAX {
            // Zeros are lengths, fixed-width data and empty values alike.
            let mut bytes = vec![opcode];
            bytes.extend([0; 64]);
            let mut reader = &bytes[..];
            if rmpv_skip(&mut reader).is_none() {
                continue;
            }
            let consumed = bytes.len() - reader.len();
            assert_eq!(check(&bytes[..consumed]), Ok(()), "{opcode:02x}");
        }
    }

    /// Skips one value with the decoder itself.
    fn rmpv_skip(reader: &mut &[u8]) -> Option<()> {
        let mut decoder = rmp_serde::Deserializer::new(reader);
        serde::Deserialize::deserialize(&mut decoder).ok().map(|_: serde::de::IgnoredAny| ())
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(bytes: Vec<u8>) {
            if check(&bytes).is_err() {
                return Ok(());
            }
            let mut reader = &bytes[..];
            prop_assume!(rmpv_skip(&mut reader).is_some());
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn what_the_encoder_writes_passes(text: String, numbers: Vec<i64>, floats: Vec<f32>) {
            let value: Value = json!({"text": text, "numbers": numbers, "floats": floats});
            prop_assert_eq!(check(&rmp_serde::to_vec_named(&value).unwrap()), Ok(()));
        }
    }
}
