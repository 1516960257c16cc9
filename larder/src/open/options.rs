#[cfg(feature = "redis")]
use std::time::Duration;

use bytesize::ByteSize;
use cache_api::Result;

use super::{Scheme, refused};

/// What stands behind the `?` of a URL.
#[derive(Debug)]
pub(super) struct Options<'a> {
    scheme: &'static Scheme,
    given: Vec<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    pub(super) fn parse(scheme: &'static Scheme, query: &'a str) -> Result<Self> {
        let mut options = Self { scheme, given: Vec::new() };
        let known = || format!("{} takes {}", scheme.name, scheme.options.join(", "));
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let split = option.split_once('=');
            // A `?` in a password makes an option of its rest.
            let quotable = !scheme.secret || !query.contains('@');
            match split {
                Some((name, value)) if scheme.options.contains(&name) => {
                    if options.get(name).is_some() {
                        return Err(refused(scheme.name, format!("`{name}` is given twice")));
                    }
                    options.given.push((name, value));
                }
                Some((name, _)) if quotable => {
                    return Err(refused(
                        scheme.name,
                        format!("unknown option `{name}`; {}", known()),
                    ));
                }
                _ => {
                    let what = "what follows the `?` is no option like `name=value`";
                    let hint = if scheme.secret { " (in a password, `?` is `%3F`)" } else { "" };
                    return Err(refused(scheme.name, format!("{what}{hint}; {}", known())));
                }
            }
        }
        Ok(options)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    /// A number of bytes.
    pub(super) fn size(&self, name: &'static str) -> Result<Option<u64>> {
        self.read(name, "size", "sizes are like 64MiB, 1GiB or 500000", |value| {
            value.parse::<ByteSize>().ok().map(|size| size.as_u64()).filter(|&size| size > 0)
        })
    }

    /// A number of bytes that fits into memory.
    pub(super) fn length(&self, name: &'static str) -> Result<Option<usize>> {
        let length = self.size(name)?;
        Ok(length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)))
    }

    #[cfg(feature = "redis")]
    pub(super) fn duration(&self, name: &'static str) -> Result<Option<Duration>> {
        self.read(name, "duration", "durations are like 200ms or 2s", |value| {
            humantime::parse_duration(value).ok().filter(|duration| !duration.is_zero())
        })
    }

    #[cfg(feature = "redis")]
    pub(super) fn number(&self, name: &'static str) -> Result<Option<usize>> {
        self.read(name, "number", "it is like 1 or 4", |value| {
            value.parse().ok().filter(|&number| number > 0)
        })
    }

    fn read<A>(
        &self,
        name: &'static str,
        what: &str,
        choices: &str,
        parse: impl Fn(&str) -> Option<A>,
    ) -> Result<Option<A>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match parse(value) {
            Some(parsed) => Ok(Some(parsed)),
            None if self.scheme.secret => {
                Err(refused(self.scheme.name, format!("`{name}` is no {what}; {choices}")))
            }
            None => {
                Err(refused(self.scheme.name, format!("`{name}={value}` is no {what}; {choices}")))
            }
        }
    }
}
