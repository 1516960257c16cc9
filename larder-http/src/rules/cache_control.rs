//! `Cache-Control`, parsed once for requests and for responses (RFC 9111, section 5.2).

use http::{HeaderMap, HeaderName, header::CACHE_CONTROL};

/// Larger numbers of seconds mean this one (RFC 9111, section 1.2.2).
pub(crate) const MOST_SECONDS: u64 = 1 << 31;

/// The directives that decide something here, of all header lines together.
///
/// Names in any case, arguments quoted or not. Said twice, the more restrictive one counts (RFC 9111,
/// section 4.2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CacheControl {
    pub(crate) no_store: bool,
    pub(crate) no_cache: Scope,
    pub(crate) private: Scope,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    /// RFC 8246.
    pub(crate) immutable: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    /// RFC 5861, section 3.
    pub(crate) stale_while_revalidate: Option<u64>,
    /// RFC 5861, section 4.
    pub(crate) stale_if_error: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    /// Without an argument: however stale.
    pub(crate) max_stale: Option<u64>,
    /// Something in it is no directive. Whoever wrote it may have meant anything.
    pub(crate) malformed: bool,
}

/// Of what a directive speaks that may be limited to some fields: `no-cache`, `private`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It was not said.
    #[default]
    Nothing,
    /// Of these fields alone.
    Fields(Vec<HeaderName>),
    /// Of the whole response.
    Whole,
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
        (None, &[])
    }

    /// Takes one directive in. What is unknown changes nothing (RFC 9111, section 5.2.3).
    pub(super) fn apply(&mut self, name: &[u8], argument: Option<&[u8]>) {
        let argument_seconds = || argument.map_or(0, seconds);
        match name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache.widen(argument),
            b"private" => self.private.widen(argument),
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"immutable" => self.immutable = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => least(&mut self.max_age, argument_seconds()),
            b"s-maxage" => least(&mut self.s_maxage, argument_seconds()),
            b"stale-while-revalidate" => {
                least(&mut self.stale_while_revalidate, argument_seconds());
            }
            b"stale-if-error" => least(&mut self.stale_if_error, argument_seconds()),
            b"min-fresh" => {
                let most = self.min_fresh.unwrap_or(0).max(argument_seconds());
                self.min_fresh = Some(most);
            }
            b"max-stale" => least(&mut self.max_stale, argument.map_or(u64::MAX, seconds)),
            _ => {}
        }
    }
}

impl Scope {
    /// Whether all of the response is meant.
    pub(crate) fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// The fields to which it is limited.
    pub(crate) fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(names) => names,
            Self::Nothing | Self::Whole => &[],
        }
    }

    fn widen(&mut self, argument: Option<&[u8]>) {
        let names = argument.map(|list| list.split(|&b| b == b',').map(<[u8]>::trim_ascii));
        let names: Option<Vec<_>> =
            names.and_then(|names| names.map(|name| HeaderName::from_bytes(name).ok()).collect());
        match (&mut *self, names) {
            (Self::Whole, _) => {}
            (Self::Fields(known), Some(names)) => known.extend(names),
            (Self::Nothing, Some(names)) => *self = Self::Fields(names),
            // No list, or one that cannot be read: it may be about anything.
            (_, None) => *self = Self::Whole,
        }
    }
}

fn least(known: &mut Option<u64>, new: u64) {
    *known = Some(known.map_or(new, |known| known.min(new)));
}

/// Seconds; what is no number is none: a response whose freshness cannot be read is stale (RFC 9111,
/// section 4.2.1).
pub(super) fn seconds(text: &[u8]) -> u64 {
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
mod tests;
