use std::fmt;

#[cfg(doc)]
use crate::Cache;

/// The operations of a [`Cache`], for what is said *about* calls: by layers, in metrics, in tests.
///
/// [`Cache::delete`] is a [`DeleteIf`](Self::DeleteIf) that is always done.
///
/// ```
/// use cache_api::Op;
///
/// assert_eq!(Op::GetMany.name(), "get_many");
/// assert!(Op::Take.is_write() && !Op::Ttl.is_write());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Op {
    /// [`Cache::get`].
    Get,
    /// [`Cache::set`].
    Set,
    /// [`Cache::delete_if`] and [`Cache::delete`].
    DeleteIf,
    /// [`Cache::take`].
    Take,
    /// [`Cache::ttl`].
    Ttl,
    /// [`Cache::expire`].
    Expire,
    /// [`Cache::increment`].
    Increment,
    /// [`Cache::clear`].
    Clear,
    /// [`Cache::get_many`].
    GetMany,
    /// [`Cache::set_many`].
    SetMany,
    /// [`Cache::delete_many`].
    DeleteMany,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Get,
        Self::Set,
        Self::DeleteIf,
        Self::Take,
        Self::Ttl,
        Self::Expire,
        Self::Increment,
        Self::Clear,
        Self::GetMany,
        Self::SetMany,
        Self::DeleteMany,
    ];

    /// The name of the method.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::DeleteIf => "delete_if",
            Self::Take => "take",
            Self::Ttl => "ttl",
            Self::Expire => "expire",
            Self::Increment => "increment",
            Self::Clear => "clear",
            Self::GetMany => "get_many",
            Self::SetMany => "set_many",
            Self::DeleteMany => "delete_many",
        }
    }

    /// Whether it changes what stands in the store, so that losing its answer leaves something unknown.
    #[must_use]
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Get | Self::Ttl | Self::GetMany)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
