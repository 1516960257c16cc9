//! Validators, and conditions on them: the origin's answered by us, ours by the origin (RFC 9110,
//! sections 8.8 and 13; RFC 9111, section 4.3).

use std::time::SystemTime;

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        DATE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
        LAST_MODIFIED, RANGE,
    },
};

use super::date;

/// The fields with which a request asks about a copy that the client has.
pub(crate) static CONDITIONS: [HeaderName; 5] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE];

/// Whether the origin can be asked if it is still good.
pub(crate) fn has_any(stored: &HeaderMap) -> bool {
    stored.contains_key(ETAG) || stored.contains_key(LAST_MODIFIED)
}

/// Makes a request ask whether a stored response is still good (RFC 9111, section 4.3.1). What the client
/// asks about its own copy, or for a part, is answered by us when that is known.
pub(crate) fn ask(request: &mut HeaderMap, stored: &HeaderMap) {
    without(request);
    for (condition, validator) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
        if let Some(value) = stored.get(validator) {
            request.insert(condition, value.clone());
        }
    }
}

/// Makes a request one for all of a response.
pub(crate) fn without(request: &mut HeaderMap) {
    for name in CONDITIONS.iter().chain([&RANGE]) {
        request.remove(name);
    }
}

/// Whether a 304, or the answer to a HEAD, is about this stored response (RFC 9111, sections 4.3.4 and
/// 4.3.5).
pub(crate) fn is_about(stored: &HeaderMap, answer: &HeaderMap) -> bool {
    match (answer.get(ETAG), stored.get(ETAG)) {
        (Some(theirs), Some(ours)) => opaque(theirs) == opaque(ours),
        (Some(_), None) => false,
        (None, _) => match (answer.get(LAST_MODIFIED), stored.get(LAST_MODIFIED)) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        },
    }
}

/// Whether the client has what we have: a 304 is all he needs (RFC 9111, section 4.3.2).
///
/// `received`: when it came, which is when it was last changed at the latest.
pub(crate) fn is_not_modified(
    request: &HeaderMap,
    status: StatusCode,
    stored: &HeaderMap,
    received: SystemTime,
) -> bool {
    // Conditions are about what a success would give (RFC 9110, section 13.2.1).
    if !status.is_success() {
        return false;
    }
    if request.contains_key(IF_NONE_MATCH) {
        // The date counts for those alone who know no tags (RFC 9110, section 13.1.3).
        return request.get_all(IF_NONE_MATCH).iter().any(|line| matches_weakly(line, stored));
    }
    let Some(since) = date::of(request, &IF_MODIFIED_SINCE) else { return false };
    let modified = match stored.contains_key(LAST_MODIFIED) {
        true => date::of(stored, &LAST_MODIFIED),
        false => Some(date::of(stored, &DATE).unwrap_or(received)),
    };
    modified.is_some_and(|modified| modified <= since)
}

/// Whether a part may be given to a client that has another one: all of it, if what it has is another
/// version (RFC 9110, section 13.1.5).
pub(crate) fn may_give_part(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let Some(condition) = request.get(IF_RANGE) else { return true };
    if condition.as_bytes().ends_with(b"\"") {
        return stored.get(ETAG).is_some_and(|ours| is_strong(condition) && ours == condition);
    }
    // To the byte, and so old when it was sent that it did not change within the same second.
    let same = stored.get(LAST_MODIFIED).is_some_and(|ours| ours == condition);
    let (sent, modified) = (date::of(stored, &DATE), date::of(stored, &LAST_MODIFIED));
    same && sent.zip(modified).is_some_and(|(sent, modified)| sent > modified)
}

/// Whether a list of entity tags names what is stored, weakly compared (RFC 9110, section 8.8.3.2).
fn matches_weakly(list: &HeaderValue, stored: &HeaderMap) -> bool {
    let list = list.as_bytes().trim_ascii();
    if list == b"*" {
        return true;
    }
    let Some(ours) = stored.get(ETAG).map(opaque) else { return false };
    tags(list).any(|tag| tag == ours)
}

/// The entity tags of a list, without their `W/`. Within the quotes a comma is part of the tag.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        while let Some((b' ' | b'\t' | b',', tail)) = rest.split_first() {
            rest = tail;
        }
        rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        let quote = usize::from(rest.first()? == &b'"');
        let end = match quote {
            1 => rest[1..].iter().position(|&b| b == b'"').map(|at| at + 2),
            // No tag as it should be; compared as it is.
            _ => rest.iter().position(|&b| b == b','),
        };
        let (tag, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        Some(tag.trim_ascii())
    })
}

fn opaque(tag: &HeaderValue) -> &[u8] {
    let tag = tag.as_bytes().trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The entity tag by which a part of one answer can be told to be a part of another (RFC 9110, section
/// 8.8.1).
pub(crate) fn strong_tag(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(ETAG).iter();
    let tag = lines.next().filter(|tag| is_strong(tag) && tag.len() > 1)?;
    (lines.next().is_none() && tag.as_bytes().ends_with(b"\"")).then_some(tag)
}

fn is_strong(tag: &HeaderValue) -> bool {
    tag.as_bytes().starts_with(b"\"")
}

#[cfg(test)]
mod tests;
