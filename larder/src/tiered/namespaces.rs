//! Of which namespaces copies are kept.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use cache_api::Key;
use foldhash::quality::RandomState;

/// The namespaces of which copies are kept: the first so many that were read. Their changes are listened
/// to, which costs the back something with every write.
#[derive(Debug)]
pub(super) struct Namespaces {
    kept: RwLock<HashSet<Box<[u8]>, RandomState>>,
    most: usize,
}

impl Namespaces {
    pub(super) fn new(most: usize) -> Self {
        Self { kept: RwLock::default(), most }
    }

    /// Whether copies are kept of the namespace of this key.
    pub(super) fn hold(&self, key: &Key) -> bool {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.contains(namespace_of(key))
    }

    /// Whether copies are kept of it from now on. If so, `begin` is called before anybody else is told.
    pub(super) fn add(&self, key: &Key, begin: impl FnOnce()) -> bool {
        let namespace = namespace_of(key);
        // Without the lock that keeps readers out: it may be asked often.
        if is_never_kept(namespace) || self.len() >= self.most {
            return self.hold(key);
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.contains(namespace) {
            return true;
        }
        if kept.len() >= self.most {
            return false;
        }
        begin();
        kept.insert(namespace.into());
        true
    }

    pub(super) fn len(&self) -> usize {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Of the library's own namespaces only the tags are kept, which are read as often as what carries them.
///
/// Not the chunks of streams: nobody listens to them, so that a removal by another server would never be
/// heard of, and what keeps them would have room for nothing else. Nor what is read to learn whether
/// something has changed at this very moment.
fn is_never_kept(namespace: &[u8]) -> bool {
    let mut segments = namespace.split(|&byte| byte == b'/');
    segments.any(|segment| segment.starts_with(b".") && segment != b".tag")
}

fn namespace_of(key: &Key) -> &[u8] {
    let bytes = key.as_bytes();
    // The `:` stands between the two.
    &bytes[..bytes.len() - key.user().len() - 1]
}

#[cfg(test)]
mod tests {
    use cache_api::Namespace;

    use super::*;

    fn key(namespace: &str) -> Key {
        Namespace::parse(namespace).unwrap().key("a:b/c").unwrap()
    }

    #[test]
    fn the_first_namespaces_are_kept_and_no_more() {
        let namespaces = Namespaces::new(2);
        let mut begun = 0;
        for (name, kept) in [("a", true), ("a/b", true), ("c", false), ("a", true)] {
            assert_eq!(namespaces.add(&key(name), || begun += 1), kept, "{name}");
            assert_eq!(namespaces.hold(&key(name)), kept, "{name}");
        }
        assert_eq!((begun, namespaces.len()), (2, 2));
    }

    #[test]
    fn of_the_librarys_own_only_tags_are_kept() {
        let namespaces = Namespaces::new(100);
        for (name, kept) in [
            ("users/.tag", true),
            ("users/.tag-seq", false),
            ("users/.chunk", false),
            ("users/.refresh", false),
            (".tag", true),
            ("a.b/c", true),
        ] {
            assert_eq!(namespaces.add(&key(name), || {}), kept, "{name}");
        }
    }
}
