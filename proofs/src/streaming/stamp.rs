//! Bytes that say where they belong.

/// A part of a body: each byte depends on what it is the body of, on the generation, and on its place.
pub(super) fn body(name: &str, generation: u64, from: u64, until: u64) -> Vec<u8> {
    let seed = name.bytes().fold(generation.wrapping_mul(0x9E37_79B9_7F4A_7C15), |seed, byte| {
        mix(seed ^ u64::from(byte))
    });
    let mut bytes = Vec::with_capacity((until - from) as usize + 16);
    let first = from / 8;
    for word in first..until.div_ceil(8) {
        bytes.extend_from_slice(&mix(seed ^ word).to_be_bytes());
    }
    bytes.truncate((until - first * 8) as usize);
    bytes.drain(..(from - first * 8) as usize);
    bytes
}

/// To which generation these bytes belong, and where they begin in it, for those that are not too far.
pub(super) fn find(name: &str, bytes: &[u8]) -> Option<(u64, u64)> {
    let needle = bytes.get(..16)?;
    (0..2000).find_map(|generation| {
        let all = body(name, generation, 0, 8 * 1024);
        let at = all.windows(needle.len()).position(|window| window == needle)?;
        Some((generation, at as u64))
    })
}

/// Every bit of the result depends on every bit of this (splitmix64).
const fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_parts_of_the_whole_and_nothing_else_is() {
        let whole = body("a", 1, 0, 100);
        for (from, until) in [(0, 100), (0, 0), (3, 5), (8, 16), (7, 99), (99, 100)] {
            let part = &whole[from as usize..until as usize];
            assert_eq!(body("a", 1, from, until), part, "{from}..{until}");
        }
        for other in [body("a", 2, 0, 100), body("b", 1, 0, 100), body("a", 1, 8, 108)] {
            let same = whole.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!(same < 10, "{same}");
        }
    }
}
