//! `Cache-Control`, parsed once for requests and for responses (RFC 9111, section 5.2).

use http::{HeaderMap, header::CACHE_CONTROL};

/// Larger numbers of seconds mean this one (RFC 9111, section 1.2.2).
pub(crate) const MOST_SECONDS: u64 = 1 << 31;

/// The directives that decide something here, of all header lines together.
///
/// Names in any case, arguments quoted or not. Said twice, the more restrictive one counts. A directive
/// limited to some fields (`private="x"`) counts as if it were not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CacheControl {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    /// Something in it is no directive. Whoever wrote it may have meant anything.
    pub(crate) malformed: bool,
}

impl CacheControl {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut this = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            this.read(line.as_bytes());
        }
        this
    }

    fn read(&mut self, mut rest: &[u8]) {
        loop {
            rest = rest.trim_ascii_start();
            let Some(&first) = rest.first() else { return };
            if first == b',' {
                rest = &rest[1..];
                continue;
            }
            let name = token(rest);
            if name.is_empty() {
                self.malformed = true;
                // Past it: what else stands there still counts.
                rest = &rest[1..];
                continue;
            }
            rest = &rest[name.len()..];
            let mut argument = None;
            if let Some(after) = rest.strip_prefix(b"=") {
                (argument, rest) = self.argument(after);
            }
            self.apply(name, argument.as_deref());
            rest = rest.trim_ascii_start();
            // `max-age=60; public`, `max-age = 60`
            self.malformed |= rest.first().is_some_and(|&b| b != b',');
        }
    }

    fn argument<'a>(&mut self, text: &'a [u8]) -> (Option<Vec<u8>>, &'a [u8]) {
        let Some(quoted) = text.strip_prefix(b"\"") else {
            let value = token(text);
            self.malformed |= value.is_empty();
            return (Some(value.to_vec()), &text[value.len()..]);
        };
        let mut value = Vec::new();
        let mut bytes = quoted.iter().enumerate();
        while let Some((at, &byte)) = bytes.next() {
            match byte {
                b'"' => return (Some(value), &quoted[at + 1..]),
                b'\\' => value.extend(bytes.next().map(|(_, &escaped)| escaped)),
                _ => value.push(byte),
            }
        }
        self.malformed = true;
        (Some(value), &[])
    }

    fn apply(&mut self, name: &[u8], argument: Option<&[u8]>) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        let least = |known: Option<u64>| {
            let new = argument.map_or(0, seconds);
            Some(known.map_or(new, |known| known.min(new)))
        };
        if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("private") {
            self.private = true;
        } else if is("public") {
            self.public = true;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("max-age") {
            self.max_age = least(self.max_age);
        } else if is("s-maxage") {
            self.s_maxage = least(self.s_maxage);
        } else if is("min-fresh") {
            self.min_fresh = least(self.min_fresh);
        }
    }
}

/// Seconds; what is no number is none: a response whose freshness cannot be read is stale.
fn seconds(text: &[u8]) -> u64 {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    // Only a number too long to parse is left.
    number.unwrap_or(MOST_SECONDS).min(MOST_SECONDS)
}

fn token(text: &[u8]) -> &[u8] {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let end = text.iter().position(|b| !is_token(b)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(lines: &[&str]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        CacheControl::of(&headers)
    }

    #[test]
    fn names_in_any_case_on_any_line() {
        let read = parse(&["Public , MAX-AGE=60", "s-maxage=\"30\",,", "No-Store"]);
        let expected = CacheControl {
            public: true,
            no_store: true,
            max_age: Some(60),
            s_maxage: Some(30),
            ..CacheControl::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_stands_in_quotes_is_no_directive() {
        let read = parse(&[r#"ext="a, no-store, \" private", max-age=5"#]);
        assert_eq!(read, CacheControl { max_age: Some(5), ..CacheControl::default() });
    }

    #[test]
    fn a_directive_limited_to_fields_counts_as_a_whole() {
        assert!(parse(&[r#"private="x-user""#]).private);
        assert!(parse(&[r#"no-cache="set-cookie""#]).no_cache);
    }

    #[test]
    fn the_least_of_several_ages_and_none_for_what_is_no_number() {
        assert_eq!(parse(&["max-age=60, max-age=10", "max-age=30"]).max_age, Some(10));
        for bad in
            ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=abc", "max-age=\"\""]
        {
            assert_eq!(parse(&[bad]).max_age, Some(0), "{bad}");
        }
        assert_eq!(parse(&["max-age=99999999999999999999999"]).max_age, Some(MOST_SECONDS));
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so_and_the_rest_still_counts() {
        for bad in ["max-age=60; private", "=x, private", "private no-cache", "private=\"x"] {
            let read = parse(&[bad]);
            assert!(read.malformed, "{bad}");
            assert!(read.private, "{bad}");
        }
        assert!(parse(&["max-age = 60"]).malformed);
        assert!(!parse(&["", " , ,", "immutable, stale-while-revalidate=5"]).malformed);
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let mut headers = HeaderMap::new();
        let line = b"x=\"\xff\", \xfe, no-store";
        headers.append(CACHE_CONTROL, HeaderValue::from_bytes(line).unwrap());
        let read = CacheControl::of(&headers);
        assert!(read.malformed && read.no_store);
    }
}
