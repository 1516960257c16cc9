//! Lifetimes as people write them.

use std::{str::FromStr, time::Duration};

use larder::Ttl;

use crate::output::millis;

/// What an entry lives when nobody says otherwise; shown by `--help`.
pub(crate) const DEFAULT: &str = "1h";

/// A lifetime on the command line: `90s`, `10m`, `1h30m`, `7days`, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime(pub(crate) Ttl);

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(Ttl::Never));
        }
        match duration(text)? {
            Duration::ZERO => {
                Err("a lifetime of zero leaves no entry; to remove one: `larder delete KEY`".into())
            }
            lifetime => Ok(Self(Ttl::After(lifetime))),
        }
    }
}

/// A time that ends: `90s`, `10m`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const LIKE: &str = "write it like 90s, 10m, 1h30m or 7days";
    if text.is_empty() {
        return Err(format!("it is empty; {LIKE}"));
    }
    if text.starts_with('-') {
        return Err(format!("it is negative; {LIKE}"));
    }
    if text != "0" && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("its unit is missing: {text}s, {text}m or {text}h?"));
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; {LIKE}"))
}

/// A lifetime for people: to the millisecond under a minute, else to the second.
pub(crate) fn shown(left: Duration) -> String {
    let unit = if left < Duration::from_secs(60) { 1 } else { 1000 };
    let millis = millis(left) / unit * unit;
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_as_written() {
        let lifetime = |text: &str| text.parse::<Lifetime>().unwrap().0;
        assert_eq!(lifetime("90s"), Ttl::After(Duration::from_secs(90)));
        assert_eq!(lifetime("1h30m"), Ttl::After(Duration::from_secs(5400)));
        assert_eq!(lifetime("250ms"), Ttl::After(Duration::from_millis(250)));
        assert_eq!(lifetime("never"), Ttl::Never);
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, part) in [
            ("", "empty"),
            ("10", "10s, 10m or 10h"),
            ("-5s", "negative"),
            ("0s", "larder delete"),
            ("0", "larder delete"),
            ("10 parsecs", "parsecs"),
            ("soon", "write it like"),
            ("99999999999999999999s", "write it like"),
        ] {
            let mistake = text.parse::<Lifetime>().unwrap_err();
            assert!(mistake.contains(part), "{text:?}: {mistake}");
        }
    }

    #[test]
    fn what_is_left_is_shown_as_people_say_it() {
        assert_eq!(shown(Duration::from_micros(599_999_900)), "9m 59s");
        assert_eq!(shown(Duration::from_millis(1_250)), "1s 250ms");
    }
}
