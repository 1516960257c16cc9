//! Headers as bytes: `name:value\n` for each line, in order.
//!
//! A name holds no `:` and a value no line feed, so every value comes back as it was, whatever else is
//! in it: `:`, `;`, `=`, bytes that are no UTF-8, spaces at its ends.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) fn encode(headers: &HeaderMap) -> Bytes {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.push(b':');
        block.extend_from_slice(value.as_bytes());
        block.push(b'\n');
    }
    block.into()
}

/// `None` for anything that [`encode`] does not write. Values are slices of `block`, not copies.
pub(crate) fn decode(block: &Bytes) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut start = 0;
    while start < block.len() {
        let end = start + block[start..].iter().position(|&b| b == b'\n')?;
        let colon = start + block[start..end].iter().position(|&b| b == b':')?;
        let name = HeaderName::from_bytes(&block[start..colon]).ok()?;
        let value = HeaderValue::from_maybe_shared(block.slice(colon + 1..end)).ok()?;
        // A map takes 32,768 lines and no more.
        headers.try_append(name, value).ok()?;
        start = end + 1;
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_exactly_and_in_order() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("link", &b"</a>; rel=\"x:y\", a=b"[..]),
            ("x-bytes", b"\xff\x80\t=;:"),
            ("link", b""),
            ("x-spaces", b"  a  "),
            ("link", b"</a>"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        }
        assert_eq!(decode(&encode(&headers)), Some(headers));
        assert_eq!(decode(&Bytes::new()), Some(HeaderMap::new()));
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        for bad in [&b"a:b"[..], b"a\n", b":b\n", b"a b:c\n", b"a:b\r\n", b"a:\0\n", b"\n"] {
            assert_eq!(decode(&Bytes::copy_from_slice(bad)), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic() {
        let mut state = 1_u64;
        for length in 0..2000 {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Mostly the bytes that mean something.
                b":\nab \xff\0x"[(state >> 61) as usize]
            };
            let _ = decode(&(0..length % 40).map(|_| next()).collect());
        }
    }
}
