use bytes::Bytes;
use cache_api::{Error, Result};

use crate::{
    envelope::Mark,
    to_key::{KeyWriter, ToKey},
};

/// The name of a tag, within a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TagName(Bytes);

impl TagName {
    /// The tag that all entries of a namespace carry whose generations are watched. No name that a user
    /// gives becomes this: keys never begin with `\*`.
    pub(crate) const GENERATION: Self = Self(Bytes::from_static(b"\\*"));

    pub(crate) fn new(name: impl ToKey) -> Result<Self> {
        let mut writer = KeyWriter::new();
        name.write_key(&mut writer);
        let bytes = writer.as_bytes();
        if bytes.len() > Mark::MAX_NAME {
            let (length, longest) = (bytes.len(), Mark::MAX_NAME);
            return Err(Error::InvalidKey {
                reason: format!("a tag has at most {longest} bytes, this one has {length}").into(),
            });
        }
        Ok(Self(Bytes::copy_from_slice(bytes)))
    }

    /// As it stands in a record.
    pub(crate) const fn from_bytes(name: Bytes) -> Self {
        Self(name)
    }

    pub(crate) const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// The tags of an entry, each once. The first mistake is kept for whoever reads or writes with them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TagNames {
    names: Vec<TagName>,
    mistake: Option<Error>,
}

impl TagNames {
    pub(crate) fn add(&mut self, name: impl ToKey) {
        match TagName::new(name) {
            Ok(name) => self.insert(name),
            Err(error) => {
                self.mistake.get_or_insert(error);
            }
        }
    }

    pub(crate) fn insert(&mut self, name: TagName) {
        if self.names.contains(&name) {
            return;
        }
        if self.names.len() == Mark::MAX {
            self.mistake.get_or_insert(Error::InvalidArgument {
                operation: "tag",
                reason: format!("an entry has at most {} tags", Mark::MAX).into(),
            });
        } else {
            self.names.push(name);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.mistake.is_none()
    }

    /// The names, or the first mistake in them.
    pub(crate) fn get(&self) -> Result<&[TagName]> {
        match &self.mistake {
            None => Ok(&self.names),
            Some(mistake) => Err(mistake.clone()),
        }
    }
}
