//! Moments as headers say them (RFC 9110, section 5.6.7).

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The moment that a field names. `None`: it is absent, given several times, or no date.
pub(crate) fn of(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    if lines.next().is_some() { None } else { parse(first) }
}

/// One of the three forms of a date.
pub(crate) fn parse(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_and_nothing_else() {
        let read = |text: &'static str| parse(&HeaderValue::from_static(text));
        let noon = read("Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(noon.is_some());
        assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT"), noon);
        assert_eq!(read("Sun Nov  6 08:49:37 1994"), noon);
        for bad in ["0", "", "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 06 Nov 1994", "-1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
