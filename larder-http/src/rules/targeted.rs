//! `CDN-Cache-Control`: directives for caches in front of the origin alone (RFC 9213).

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::cache_control::CacheControl;

static CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The directives of the targeted field. `None`: there are none, or it is no dictionary; then
/// `Cache-Control` and `Expires` count (RFC 9213, section 2.2).
pub(crate) fn of(headers: &HeaderMap) -> Option<CacheControl> {
    let mut lines = headers.get_all(&CDN_CACHE_CONTROL).iter().peekable();
    lines.peek()?;
    let lines: Vec<_> = lines.map(http::HeaderValue::as_bytes).collect();
    let text = lines.join(&b", "[..]);
    let dictionary = Parser::new(&text).parse::<Dictionary>().ok()?;
    let mut control = CacheControl::default();
    for (name, member) in &dictionary {
        let ListEntry::Item(item) = member else { continue };
        let name = name.as_str().as_bytes();
        match &item.bare_item {
            BareItem::Boolean(true) => control.apply(name, None),
            // A negative one is no number of seconds, which is to say none.
            BareItem::Integer(number) => {
                control.apply(name, Some(i64::from(*number).to_string().as_bytes()));
            }
            BareItem::String(text) => control.apply(name, Some(text.as_str().as_bytes())),
            BareItem::Token(text) => control.apply(name, Some(text.as_str().as_bytes())),
            // No directive has such a value (RFC 9213, section 2.1).
            _ => {}
        }
    }
    (!dictionary.is_empty()).then_some(control)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(lines: &[&str]) -> Option<CacheControl> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&CDN_CACHE_CONTROL, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        of(&headers)
    }

    #[test]
    fn a_dictionary_of_directives() {
        let read = parse(&["max-age=60, must-revalidate", "no-store;a=b, private=?0"]).unwrap();
        let expected = CacheControl {
            max_age: Some(60),
            must_revalidate: true,
            no_store: true,
            ..CacheControl::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_dictionary_or_empty_counts_as_absent() {
        for lines in [&[][..], &[""], &["max-age="], &["Max-Age=60"], &["max-age=60;"], &["a=,"]] {
            assert_eq!(parse(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_member_said_twice_has_its_last_value_as_in_every_dictionary() {
        assert_eq!(parse(&["max-age=60, max-age=10"]).unwrap().max_age, Some(10));
        assert_eq!(parse(&["max-age=10", "max-age=60"]).unwrap().max_age, Some(60));
        assert_eq!(parse(&["max-age=-1"]).unwrap().max_age, Some(0));
        assert_eq!(parse(&["max-age=1.5"]).unwrap().max_age, None);
    }
}
