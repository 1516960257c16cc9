//! Settings that are written the same on the command line and in a file.

use std::{fmt::Display, str::FromStr, time::Duration};

use bytesize::ByteSize;
use clap::ValueEnum;
use larder_http::Preset as LayerPreset;
use larder_proxy::{ForwardedFrom, LogFormat};
use serde::{Deserialize, Deserializer, de::Error};

use crate::lifetime;

/// Reads what is written as text.
pub(super) fn written<'de, D, T>(source: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    String::deserialize(source)?.parse().map(Some).map_err(D::Error::custom)
}

/// A time that ends, `500ms` or `10m`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        lifetime::duration(text).map(Self)
    }
}

/// A number of bytes, `64KiB` or `1GiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = text.parse::<ByteSize>();
        size.map(|size| Self(size.as_u64())).map_err(|_| "sizes are like 64KiB or 1GiB".into())
    }
}

/// How much of what the standard allows is cached.
#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Preset {
    /// What cannot leak one user's answer to another, even where the origin says too little
    Safe,
    /// All that RFC 9111 allows a shared cache
    Rfc9111,
}

impl From<Preset> for LayerPreset {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Safe => Self::Safe,
            Preset::Rfc9111 => Self::Rfc9111,
        }
    }
}

/// What becomes of the forwarding headers of a client.
#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Forwarded {
    /// They are replaced: anyone may have sent them
    Replace,
    /// They are from a trusted proxy in front, and this one adds itself
    Append,
}

impl From<Forwarded> for ForwardedFrom {
    fn from(forwarded: Forwarded) -> Self {
        match forwarded {
            Forwarded::Replace => Self::Client,
            Forwarded::Append => Self::Proxy,
        }
    }
}

/// How requests are logged.
#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AccessLog {
    /// Not at all
    Off,
    /// A line of words
    Text,
    /// A line of JSON
    Json,
}

impl From<AccessLog> for LogFormat {
    fn from(log: AccessLog) -> Self {
        match log {
            AccessLog::Off => Self::Off,
            AccessLog::Text => Self::Text,
            AccessLog::Json => Self::Json,
        }
    }
}
