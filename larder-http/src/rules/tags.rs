//! The tags of a response: names under which it is purged with others. No standard has them; these are the
//! two headers that are in use.

use http::{HeaderMap, HeaderName};

use crate::Control;

/// More than these are not kept up with.
const MOST: usize = 64;

/// The longest name, in bytes.
const LONGEST: usize = 255;

static BY_SPACES: HeaderName = HeaderName::from_static("surrogate-key");
static BY_COMMAS: HeaderName = HeaderName::from_static("cache-tag");

/// The tags that headers and handler name, each once. `None`: they cannot be kept.
pub(crate) fn of(headers: &HeaderMap, control: Option<&Control>) -> Option<Vec<String>> {
    let spaces = headers.get_all(&BY_SPACES).iter();
    let spaces = spaces.flat_map(|line| line.as_bytes().split(u8::is_ascii_whitespace));
    let commas = headers.get_all(&BY_COMMAS).iter();
    let commas = commas.flat_map(|line| line.as_bytes().split(|&b| b == b','));
    let told = control.map(|control| control.tags.as_slice()).unwrap_or_default();
    let told = told.iter().map(String::as_bytes);
    let mut tags = Vec::new();
    for name in spaces.chain(commas).chain(told).map(<[u8]>::trim_ascii) {
        if name.len() > LONGEST {
            return None;
        }
        if !name.is_empty() {
            tags.push(String::from_utf8(name.to_vec()).ok()?);
        }
    }
    tags.sort_unstable();
    tags.dedup();
    (tags.len() <= MOST).then_some(tags)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[(&HeaderName, &str)], control: Option<&Control>) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        of(&headers, control)
    }

    #[test]
    fn names_of_both_headers_and_of_the_handler() {
        let control = Control::new().tag("e f");
        let lines = [(&BY_SPACES, "a  b"), (&BY_COMMAS, "c d, b ,"), (&BY_SPACES, "a")];
        let tags = read(&lines, Some(&control)).unwrap();
        assert_eq!(tags, ["a", "b", "c d", "e f"]);
        assert_eq!(read(&[], None), Some(vec![]));
    }

    #[test]
    fn what_cannot_be_kept_up_with() {
        assert_eq!(read(&[(&BY_SPACES, &"x".repeat(LONGEST + 1))], None), None);
        let many: Vec<_> = (0..=MOST).map(|n| n.to_string()).collect();
        assert_eq!(read(&[(&BY_SPACES, &many.join(" "))], None), None);
    }
}
