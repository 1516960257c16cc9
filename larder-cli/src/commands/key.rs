use std::ffi::OsString;

use crate::output::escaped;

/// A key on the command line: any bytes that the shell passes.
#[derive(Debug, Clone)]
pub(crate) struct Key(OsString);

impl From<OsString> for Key {
    fn from(key: OsString) -> Self {
        Self(key)
    }
}

impl Key {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_encoded_bytes()
    }

    /// For messages.
    pub(crate) fn shown(&self) -> String {
        escaped(self.bytes())
    }
}
