//! `Via`: who passed a message on, and by which protocol he got it (RFC 9110, section 7.6.3).

use http::{HeaderMap, HeaderValue, Version, header::VIA};

use crate::StartError;

/// So often this very name may stand in `Via`: more is a loop.
const MOST: usize = 8;

/// The lines that one proxy adds, made once.
#[derive(Debug, Clone)]
pub(crate) struct Via {
    name: String,
    lines: [HeaderValue; 3],
}

impl Via {
    pub(crate) fn new(name: &str) -> Result<Self, StartError> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(StartError::Via(name.to_owned()));
        }
        let line = |version| {
            HeaderValue::try_from(format!("{version} {name}")).expect("a token makes a header")
        };
        Ok(Self { name: name.to_owned(), lines: [line("1.0"), line("1.1"), line("2.0")] })
    }

    pub(crate) fn add(&self, headers: &mut HeaderMap, version: Version) {
        let [old, one, two] = &self.lines;
        let line = match version {
            Version::HTTP_2 => two,
            Version::HTTP_11 => one,
            _ => old,
        };
        headers.append(VIA, line.clone());
    }

    /// Whether a message has passed here so often that it will go on for ever.
    pub(crate) fn loops(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(VIA).into_iter();
        let members = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
        let ours = members.filter(|member| {
            let mut words = member.trim_ascii().split(|&b| b == b' ');
            words.nth(1) == Some(self.name.as_bytes())
        });
        ours.count() >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_added_behind_those_before() {
        let via = Via::new("larder-a").unwrap();
        let mut headers = HeaderMap::new();
        headers.append(VIA, HeaderValue::from_static("1.0 front"));
        via.add(&mut headers, Version::HTTP_2);
        let lines: Vec<_> = headers.get_all(VIA).iter().collect();
        assert_eq!(lines, ["1.0 front", "2.0 larder-a"]);
    }

    #[test]
    fn a_loop_is_seen() {
        let via = Via::new("larder").unwrap();
        let mut headers = HeaderMap::new();
        headers.append(VIA, HeaderValue::from_static("1.1 larder, 1.1 larder,1.1 other"));
        assert!(!via.loops(&headers));
        for _ in 0..6 {
            via.add(&mut headers, Version::HTTP_11);
        }
        assert!(via.loops(&headers));
    }

    #[test]
    fn a_name_is_a_token() {
        for bad in ["", "a b", "a\r\nx: y", "a,b"] {
            assert!(Via::new(bad).is_err(), "{bad:?}");
        }
    }
}
