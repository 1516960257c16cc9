//! What the cache had to do with an answer, as `Cache-Status` says it (RFC 9211).

use http::{HeaderMap, HeaderName, HeaderValue};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The part of the cache in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cached {
    /// It came from the store.
    Hit,
    /// The same, past its time.
    Stale,
    /// It came from the store, after the origin said that it is still good.
    Validated,
    /// It is being recorded for another client.
    Followed,
    /// It is being recorded.
    Recorded,
    /// It came from the origin and is not stored.
    Passed,
    /// It is this proxy's own: a refusal, or the failure of the origin.
    Own,
}

impl Cached {
    pub(crate) const ALL: [Self; 7] = [
        Self::Hit,
        Self::Stale,
        Self::Validated,
        Self::Followed,
        Self::Recorded,
        Self::Passed,
        Self::Own,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Validated => "valid",
            Self::Followed => "follow",
            Self::Recorded => "miss",
            Self::Passed => "pass",
            Self::Own => "none",
        }
    }

    /// Whether the origin was not asked for it.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::Hit | Self::Stale | Self::Followed)
    }

    fn of(status: &HeaderValue) -> Option<Self> {
        let mut items = status.as_bytes().split(|&b| b == b';').map(<[u8]>::trim_ascii);
        if items.next() != Some(b"larder") {
            return None;
        }
        let has = |name: &[u8]| items.clone().any(|item| item == name);
        let is_stale = has(b"detail=stale") || has(b"detail=stale-if-error");
        Some(if has(b"hit") {
            if is_stale { Self::Stale } else { Self::Hit }
        } else if has(b"collapsed") {
            Self::Followed
        } else if has(b"stored") {
            Self::Recorded
        } else if has(b"fwd-status=304") {
            Self::Validated
        } else {
            Self::Passed
        })
    }
}

/// What the layer says of an answer, in the last line of them all. `hide`: the client is not to see it.
pub(crate) fn take(headers: &mut HeaderMap, hide: bool) -> Cached {
    let cached = headers.get_all(CACHE_STATUS).iter().next_back().and_then(Cached::of);
    let Some(cached) = cached else { return Cached::Passed };
    if hide {
        let mut lines: Vec<_> = headers.get_all(CACHE_STATUS).iter().cloned().collect();
        lines.pop();
        headers.remove(CACHE_STATUS);
        for line in lines {
            headers.append(CACHE_STATUS, line);
        }
    }
    cached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_layers_own() {
        for (line, cached) in [
            ("larder; hit", Cached::Hit),
            ("larder; hit; ttl=-3", Cached::Hit),
            ("larder; hit; detail=stale-if-error", Cached::Stale),
            ("larder; fwd=stale; fwd-status=304", Cached::Validated),
            ("larder; fwd=stale; stored", Cached::Recorded),
            ("larder; fwd=uri-miss; collapsed", Cached::Followed),
            ("larder; fwd=uri-miss; stored", Cached::Recorded),
            ("larder; fwd=stale; fwd-status=304; stored", Cached::Recorded),
            ("larder; fwd=bypass; detail=stored-elsewhere", Cached::Passed),
            ("other; hit", Cached::Passed),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(CACHE_STATUS, HeaderValue::from_static("front; fwd=miss"));
            headers.append(CACHE_STATUS, HeaderValue::from_static(line));
            assert_eq!(take(&mut headers, true), cached, "{line}");
            let ours = line.starts_with("larder");
            assert_eq!(headers.get_all(CACHE_STATUS).iter().count(), if ours { 1 } else { 2 });
        }
    }
}
